"""Are stationary densities right, of which order, how fast and in how much memory?

Total variation to exact densities, the order at which it falls, and seconds and memory of a process
that does nothing else, beside a script's scheme: centred differences of the Fokker–Planck operator,
one row replaced by the normalisation, and SciPy's `spsolve`. That one may go negative, which is
told as the mass below zero.
"""

import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

import driftmatch as dm
from benchmarks.tables import Result, peak_memory
from driftmatch.evaluate import drifts
from tests.problems import PROBLEMS, Problem

NAMES = ("two_beads", "rotation", "limit_cycle_D=0.05", "limit_cycle_D=0.1", "kubo_oscillator")


def variation(mass: np.ndarray, problem: Problem, grid: dm.Grid) -> float:
    """½ Σ |p − exact| over the cells."""
    with jax.enable_x64(True):
        logs = np.asarray(jax.vmap(problem.log_density)(jnp.asarray(grid.centres)))
    exact = np.exp(logs - logs.max())
    return 0.5 * float(np.abs(mass.ravel() - exact / exact.sum()).sum())


def script(sde, grid: dm.Grid) -> np.ndarray:
    """p by centred differences, for a constant isotropic D."""
    (D,) = set(np.diag(0.5 * np.asarray(sde.diffusion(jnp.zeros(2))) ** 2).tolist())
    f = drifts(sde, grid.centres)
    whole: scipy.sparse.csc_matrix = scipy.sparse.csc_matrix((grid.size, grid.size))
    for axis, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        slope = scipy.sparse.diags([-1.0, 1.0], [-1, 1], (n, n)) / (2 * h)
        bend = scipy.sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], (n, n)) / h**2
        eyes = [scipy.sparse.identity(m) for m in grid.shape]
        parts = []
        for line in (slope, bend):
            factors = list(eyes)
            factors[axis] = line
            parts.append(scipy.sparse.kron(*factors))
        whole = whole + D * parts[1] - parts[0] @ scipy.sparse.diags(f[:, axis])
    whole = scipy.sparse.lil_matrix(whole)
    right, middle = np.zeros(grid.size), grid.size // 2
    whole[middle] = np.ones(grid.size)
    right[middle] = 1.0
    return scipy.sparse.linalg.spsolve(scipy.sparse.csc_matrix(whole), right)


def densities(result: Result, quick: bool) -> None:
    by_name = {p.name: p for p in PROBLEMS}
    worst, orders = 0.0, []
    for name in NAMES[:2] if quick else NAMES:
        problem, found = by_name[name], []
        sde = problem.build()
        fine = dm.stationary(sde, 256)
        for density in (fine, dm.stationary(sde, fine.grid.coarser())):
            mass = density.density * density.grid.cell_volume
            found.append((variation(mass, problem, density.grid), density.entropy_production))
        order = float(np.log2(found[1][0] / found[0][0]))
        worst, orders = max(worst, found[0][0]), [*orders, order]
        result.rows.append({
            "system": name, "grid": "256²", "scheme": "driftmatch",
            "total variation": found[0][0], "order": order,
            "relative error of σ̇": abs(found[0][1] / problem.entropy_production - 1),
            "mass below 0": 0.0, "seconds": float("nan"), "peak MB": float("nan"),
        })  # fmt: skip
    result.require("total variation at 256², worst system", worst, 1e-3)
    result.require("order in the cell, lowest", min(orders), 1.8, at_least=True)

    problem = by_name["limit_cycle_D=0.05"]
    sde = problem.build()
    grid = dm.stationary(sde, 32).grid
    for cells in (32,) if quick else (32, 128):
        grid = dm.Grid(grid.lower, grid.upper, cells)
        ours = dm.stationary(sde, grid)
        for scheme, mass in (("driftmatch", ours.density.ravel() * grid.cell_volume),
                             ("centred differences", script(sde, grid))):  # fmt: skip
            result.rows.append({
                "system": problem.name, "grid": f"{cells}²", "scheme": scheme,
                "total variation": variation(mass, problem, grid), "order": float("nan"),
                "relative error of σ̇": float("nan"),
                "mass below 0": float(-mass[mass < 0].sum()), "seconds": float("nan"),
                "peak MB": float("nan"),
            })  # fmt: skip


COSTS = {
    "limit cycle": ("dm.systems.limit_cycle()", "[-2.5, -2.5], [2.5, 2.5]", (128, 256, 512)),
    "anisotropic, state-dependent": (
        "dm.systems.kubo_oscillator(noise=0.5)", "[-2.5, -2.5], [2.5, 2.5]", (256,)
    ),
    "three beads": (
        "dm.systems.ornstein_uhlenbeck(2 * np.eye(3) - np.eye(3, k=1) - np.eye(3, k=-1), "
        "np.diag([1.0, 4.0, 10.0]))", "[-10, -14, -16], [10, 14, 16]", (32, 64),
    ),
    "Lorenz, σ = 2": (
        "dm.systems.lorenz(noise=2.0)", "[-30, -40, -10], [30, 40, 65]", (64,)
    ),
}  # fmt: skip


def cost_of(build: str, box: str, cells: int) -> None:
    """In a process of its own: one solution, and what it cost."""
    sde = eval(build, {"dm": dm, "np": np})
    grid = dm.Grid(*eval(box), cells)
    dm.stationary(sde, dm.Grid(grid.lower, grid.upper, 8))  # compiles
    began = time.perf_counter()
    density = dm.stationary(sde, grid)
    seconds = time.perf_counter() - began
    print(seconds, peak_memory(), density.outcome.name)


def costs(result: Result, quick: bool) -> None:
    for name, (build, box, sizes) in COSTS.items():
        for cells in sizes[:1] if quick else sizes:
            words = subprocess.run(
                [sys.executable, "-m", "benchmarks.stationary", build, box, str(cells)],
                capture_output=True, text=True, check=True,
            ).stdout.split()  # fmt: skip
            seconds, peak = float(words[0]), float(words[1])
            dims = 3 if cells == 32 or "beads" in name or "Lorenz" in name else 2
            result.rows.append({
                "system": f"{name} ({words[2]})", "grid": f"{cells}{'²' if dims == 2 else '³'}",
                "scheme": "driftmatch", "total variation": float("nan"), "order": float("nan"),
                "relative error of σ̇": float("nan"), "mass below 0": float("nan"),
                "seconds": seconds, "peak MB": peak,
            })  # fmt: skip
            if dims == 2 and cells == 256:
                result.require(f"{name}, 256²: seconds", seconds, 5)
            if dims == 3 and cells == 64:
                result.require(f"{name}, 64³: seconds", seconds, 120)
                result.require(f"{name}, 64³: peak MB of the process", peak, 8192)


def run(quick: bool = False) -> Result:
    """Accuracy first, then cost."""
    result = Result("Are stationary densities right, and what do they cost?")
    densities(result, quick)
    costs(result, quick)
    return result


if __name__ == "__main__":
    cost_of(sys.argv[1], sys.argv[2], int(sys.argv[3]))

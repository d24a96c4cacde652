"""Do neurons alone give the latent coordinates back, and at what cost beside a full SVD?

Networks that embed Van der Pol's, Lorenz' and Dadras' systems are recorded as neurons with private
noise s. The dimension is read from the spectrum, the latent coordinates come back through (Γ, b),
and their error and the largest principal angle are told. Then a recording is read in chunks, in a
process of its own, beside NumPy's SVD of the whole of it.
"""

import itertools
import subprocess
import sys
import time

import jax
import numpy as np

import driftmatch as dm
from benchmarks.fit import SYSTEMS
from benchmarks.tables import Result, peak_memory

NOISES = (0.0, 0.001, 0.01, 0.1)


def recoveries(result: Result, quick: bool) -> None:
    for name, neurons in SYSTEMS[:1] if quick else SYSTEMS:
        sde = getattr(dm.systems, name)()
        network = dm.embed(sde, neurons, key=jax.random.key(0), check=False).network
        scale = network.time_scale or 1.0
        angles, wrong = [], 0
        for s in NOISES:
            with jax.enable_x64(True):
                run = dm.simulate(
                    network.with_private_noise(s), duration=200 * scale, dt=scale / 50,
                    save_every=5, key=jax.random.key(1),
                )  # fmt: skip
            began = time.perf_counter()
            found = dm.subspace(run)
            seconds = time.perf_counter() - began
            alignment = found.align(run.network, run)
            angles.append(float(alignment.principal_angles.max()))
            wrong += found.dimension != sde.dim
            result.rows.append({
                "system": name, "neurons": neurons, "samples": found.num_samples, "s": s,
                "k found": found.dimension, "gap": found.gap,
                "largest angle": angles[-1], "error of z": alignment.error, "seconds": seconds,
                "peak MB": float("nan"),
            })  # fmt: skip
            if s == 0:
                result.require(f"{name}: error of latent coordinates without private noise",
                               alignment.error, 1e-6)  # fmt: skip
        result.require(f"{name}: dimensions that were wrong", wrong, 0)
        falls = min(b / a for a, b in itertools.pairwise(angles))
        result.require(f"{name}: largest angle, least ratio from one s to the next", falls, 1.0,
                       at_least=True)  # fmt: skip


def chunk(n: int, index: int) -> np.ndarray:
    """A thousand samples of n noisy neurons in a plane of three dimensions."""
    gamma = np.random.default_rng(0).standard_normal((n, 3))
    rng = np.random.default_rng(index + 1)
    return rng.standard_normal((1000, 3)) @ gamma.T + 0.1 * rng.standard_normal((1000, n))


def cost_of(how: str, n: int, chunks: int) -> None:
    """In a process of its own."""
    began = time.perf_counter()
    if how == "driftmatch":
        found = dm.subspace(lambda: (chunk(n, i) for i in range(chunks)))
        k, gap = found.dimension, found.gap
    else:
        whole = np.concatenate([chunk(n, i) for i in range(chunks)])
        sizes = np.linalg.svd(whole - whole.mean(axis=0), full_matrices=False)[1]
        k, gap = 3, sizes[2] / sizes[3]
    seconds = time.perf_counter() - began
    print(seconds, peak_memory(), k, gap)


def costs(result: Result, quick: bool) -> None:
    peaks = {}
    for how, n, chunks in (("driftmatch", 2000, 5), ("NumPy SVD", 2000, 5),
                           *(() if quick else (("driftmatch", 2000, 50),)))  :  # fmt: skip
        words = subprocess.run(
            [sys.executable, "-m", "benchmarks.subspace", how, str(n), str(chunks)],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        peaks[how, chunks] = float(words[1])
        result.rows.append({
            "system": f"noise in a plane, {how}", "neurons": n, "samples": 1000 * chunks, "s": 0.1,
            "k found": int(words[2]), "gap": float(words[3]), "largest angle": float("nan"),
            "error of z": float("nan"), "seconds": float(words[0]), "peak MB": peaks[how, chunks],
        })  # fmt: skip
    if not quick:
        result.require("peak memory of ten times the recording, ratio",
                       peaks["driftmatch", 50] / peaks["driftmatch", 5], 1.1)  # fmt: skip


def run(quick: bool = False) -> Result:
    """Recovery, then cost."""
    result = Result("Do neurons alone give the latent coordinates back?")
    recoveries(result, quick)
    costs(result, quick)
    return result


if __name__ == "__main__":
    cost_of(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

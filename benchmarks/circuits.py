"""Networks as circuits are: steered, signed, sparse, symmetric, of the size that an error asks for,
and large."""

import time

import jax
import jax.numpy as jnp
import numpy as np

import driftmatch as dm
from benchmarks.simulation import best_seconds, tanh_step
from benchmarks.tables import Result
from driftmatch.matching.errors import matching_errors

WELLS, CYCLE, LORENZ = dm.systems.wells, dm.systems.van_der_pol, dm.systems.lorenz


def run(quick: bool = False) -> Result:
    """Are circuits' networks as faithful as free ones?"""
    result = Result("Are circuits' networks as faithful as free ones?")
    seeds = range(1 if quick else 2)
    for make, n in ((CYCLE, 256), (LORENZ, 1024))[: 1 if quick else 2]:
        limit = 1e-2 if make is CYCLE else 2e-2
        rows = [_row(result, make(), n, dm.Dale(0.8), seed) for seed in seeds]
        _faithful(result, f"Dale, {rows[0]['system']}", rows, limit)
        result.require(f"Dale, {rows[0]['system']}: entries of W of a wrong sign",
                       sum(row["wrong signs"] for row in rows), 0)  # fmt: skip
        result.require(f"Dale, {rows[0]['system']}: seconds of the fit",
                       max(row["fit s"] for row in rows), 30)  # fmt: skip
    sparse = [(CYCLE, 1024, 100, None, 1.3), (CYCLE, 1024, 200, 0.8, 1.5),
              (LORENZ, 2048, 200, None, 1.3)]  # fmt: skip
    for make, n, d, excitatory, floors in sparse[: 0 if quick else 3]:
        wiring = dm.Sparse(in_degree=d, excitatory=excitatory)
        rows = [_row(result, make(), n, wiring, seed) for seed in range(2 if excitatory else 10)]
        name = f"sparse{'' if excitatory is None else ' and signed'}, {rows[0]['system']}"
        result.require(f"{name}: D_stsp over its floor", max(map(_floors, rows)), floors)
        result.require(f"{name}: off the subspace", max(row["off"] for row in rows), 0.03)
        failed = sum(row["outcome"] not in ("SUCCESS", "UNJUDGED") for row in rows)
        result.require(f"{name}: seeds that are told to fail", failed, 0)
    rows = [_row(result, WELLS(), 256, dm.Symmetric(), seed) for seed in seeds]
    result.require("symmetric, wells: ε_f", max(row["ε_f"] for row in rows), 5e-2)
    result.require("symmetric, wells: ‖W − Wᵀ‖", max(row["asymmetry"] for row in rows), 0)
    return result


def _row(result: Result, sde, n: int, wiring, seed: int) -> dict:
    signed = getattr(wiring, "excitatory", None) is not None
    activation = "logistic" if signed else "tanh"
    began = time.perf_counter()
    found = dm.embed(sde, n, connectivity=wiring, activation=activation, key=jax.random.key(seed))
    seconds, report, loop = time.perf_counter() - began, found.report, found.closed_loop
    W = found.network.W
    row = {
        "connectivity": wiring.name, "signed": signed,
        "system": sde.name, "neurons": n, "seed": seed, "ε_f": report.drift_error,
        "ε_f(0.01)": report.noisy_drift_error, "D_stsp": loop.state_space_divergence,
        "D_stsp floor": loop.state_space_divergence_floor, "astray": loop.astray_fraction,
        "escaped": loop.escaped_fraction, "off": report.off_subspace,
        "wrong signs": int(np.minimum((W > 0).sum(axis=0), (W < 0).sum(axis=0)).sum()),
        "asymmetry": float(np.abs(W - W.T).max()),
        "fit s": report.fit_seconds, "all s": seconds, "outcome": found.outcome.name,
    }  # fmt: skip
    result.rows.append(row)
    return row


def _floors(row: dict) -> float:
    return row["D_stsp"] / row["D_stsp floor"]


def _faithful(result: Result, name: str, rows: list[dict], limit: float) -> None:
    result.require(f"{name}: ε_f(0.01)", max(row["ε_f(0.01)"] for row in rows), limit)
    result.require(f"{name}: D_stsp over its floor", max(map(_floors, rows)), 1.3)
    result.require(f"{name}: far starts astray or escaped",
                   max(row["astray"] + row["escaped"] for row in rows), 0)  # fmt: skip


def steered(quick: bool = False) -> Result:
    """Does one Lorenz network follow its parameter ρ from 20 to 30?"""
    result = Result("Does one Lorenz network follow its parameter from 20 to 30?")

    def drift(z, u):
        x, y, w = z
        return jnp.stack([10 * (y - x), x * (u[0] - w) - y, x * y - 8 * w / 3])

    sde = dm.SDE(drift, 0.1, 3, input_dim=1, start=(1.0, 1.0, 20.0), name="steered Lorenz")
    n = 256 if quick else 512
    inputs = dm.InputRange(20.0, 30.0)
    found = dm.embed(sde, n, inputs=inputs, key=jax.random.key(0), check=False)
    exponent = dm.lyapunov(
        found.network.at(28.0).latent(), duration=300.0, dt=0.005, key=jax.random.key(1),
        num_exponents=1, num_trajectories=8,
    )  # fmt: skip
    side = (8 / 3 * 19) ** 0.5
    points = dm.fixed_points(
        found.network.at(20.0), ([-15.0, -15.0, 5.0], [15.0, 15.0, 30.0]), key=jax.random.key(2)
    )
    rest = [np.array([s * side, s * side, 19.0]) for s in (1, -1)]
    near = [np.abs(points.points - place).max(axis=1) < 0.5 for place in rest]
    stable = sum(bool(np.any(points.is_stable & at)) for at in near)
    result.rows.append({
        "neurons": n, "ε_f": found.report.drift_error, "λ₁ at 28": float(exponent.exponents[0]),
        "± error": float(exponent.standard_error[0]), "stable points at 20": stable,
        "all s": found.report.seconds,
    })  # fmt: skip
    result.require("ε_f over the range", found.report.drift_error, 3e-3)
    result.require("|λ₁ − 0.906| / 0.906 at 28", abs(exponent.exponents[0] / 0.906 - 1), 0.05)
    result.require("stable points at 20", stable, 2, at_least=True)
    return result


def sizes(quick: bool = False) -> Result:
    """Is the network of error=1e-2 the smallest that comes to it?"""
    result = Result("Is the network that an error asks for the smallest that comes to it?")
    for name, make in list(dm.systems.CATALOGUE.items())[: 2 if quick else None]:
        sde, key = make(), jax.random.key(0)
        began = time.perf_counter()
        samples = dm.sample(sde, key=key)
        options = {"key": key, "samples": samples, "check": False}
        found = dm.embed(sde, error=1e-2, **options)
        seconds, n = time.perf_counter() - began, found.network.num_neurons
        others = dm.sample(sde, key=jax.random.key(9)).runs.reshape(-1, sde.dim)
        fresh = matching_errors(sde, found.network, others[:: len(others) // 4096])
        below = dm.embed(sde, round(n / 1.5), **options).report.drift_error
        result.rows.append({
            "system": name, "neurons": n, "ε_f": found.report.drift_error, "fresh": fresh.drift,
            "ε_f of n/1.5": below, "sizes": [size for size, _ in found.report.sizes],
            "all s": seconds,
        })  # fmt: skip
        result.require(f"{name}: ε_f at fresh states", fresh.drift, 1e-2)
        result.require(f"{name}: ε_f of n/1.5 neurons", below, 1e-2, at_least=True)
    return result


def large(quick: bool = False) -> Result:
    """How fast are 10⁶ neurons?"""
    result = Result("How fast are 10⁶ neurons, beside tanh of as many numbers?")
    sde, copies = dm.systems.lorenz(), 100 if quick else 2000
    small = dm.embed(sde, 500, key=jax.random.key(0), check=False).network
    began = time.perf_counter()
    network = small.split(copies)
    built = time.perf_counter() - began
    n, steps = network.num_neurons, 200
    roof = tanh_step(n, steps)
    for private_noise in (0.0, 0.1):
        noisy = network.with_private_noise(private_noise)

        def run(noisy=noisy):
            return dm.simulate(
                noisy, duration=steps * 0.002, dt=0.002, save_every=steps, key=jax.random.key(1)
            )

        step = 1e6 / steps * best_seconds(run, 3)
        result.rows.append({
            "neurons": n, "private noise": private_noise, "split s": built, "step µs": step,
            "tanh µs": roof, "step over tanh": step / roof,
        })  # fmt: skip
    result.require("seconds of the split", built, 30)
    result.require("step over tanh", result.rows[0]["step over tanh"], 1.5)
    return result

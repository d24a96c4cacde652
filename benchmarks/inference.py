"""What does an SDE inferred from a recording come to, beside StochasticForceInference?

Eight systems, four intervals between samples, three measurement noises, two lengths. The peer is
given monomials up to the third degree, which hold the exact drift of all eight; its regression with
automatic choices ("linear"), and its parametric estimator, which knows of measurement noise and of
the interval. Errors are normalised mean squares over the recorded states, without their noise.
"""

import time
import warnings
import zlib

import jax
import jax.numpy as jnp
import numpy as np

import driftmatch as dm
from benchmarks.tables import Result, peak_memory
from driftmatch.evaluate import diffusion_matrices, drifts

try:
    import SFI
except ImportError:
    SFI = None

INTERVALS = (0.002, 0.01, 0.02, 0.2)
NOISES = (0.0, 0.05, 0.1)  # of half the range
BURN_IN = 20.0
COARSE = 0.2


def systems() -> dict[str, dm.SDE]:
    """Those of FIM-SDE (NeurIPS 2025), with our own noise where theirs is not given, and van der
    Pol."""

    def duffing(z):
        return jnp.array([z[1], z[0] - z[0] ** 3 - 0.35 * z[1]])

    def selkov(z):
        turnover = (0.08 + z[0] ** 2) * z[1]
        return jnp.array([turnover - z[0], 0.6 - turnover])

    def hopf(z):
        r = z @ z
        return jnp.array([0.5 * z[0] + z[1] - z[0] * r, 0.5 * z[1] - z[0] - z[1] * r])

    def damped_cubic(z):
        x, y = z**3
        return jnp.array([2 * y - 0.1 * x, -2 * x - 0.1 * y])

    def double_well_noise(z):
        return jnp.sqrt(jnp.maximum(4 - 1.25 * z[0] ** 2, 0.0))[None, None]

    def two_dimensional(z):
        x, y = z
        return jnp.array([x - y - x * y**2 - x**3, x + y - y * x**2 - y**3])

    return {
        "damped linear": dm.SDE(
            lambda z: jnp.array([-0.1 * z[0] + 2 * z[1], -2 * z[0] - 0.1 * z[1]]), 1.0, 2,
            start=(1.0, 1.0)),
        "damped cubic": dm.SDE(damped_cubic, 1.0, 2, start=(1.0, 0.0)),
        "Duffing": dm.SDE(duffing, 0.5, 2, start=(1.0, 0.0)),
        "Selkov": dm.SDE(selkov, 0.1, 2, start=(1.0, 1.0)),
        "Hopf": dm.SDE(hopf, 0.3, 2, start=(0.5, 0.5)),
        "double well": dm.SDE(lambda z: 4 * (z - z**3), double_well_noise, 1, start=(1.0,)),
        "2-D multiplicative": dm.SDE(
            two_dimensional,
            lambda z: jnp.diag(jnp.sqrt(0.2 * jnp.array([1 + z[1] ** 2, 1 + z[0] ** 2]))), 2,
            start=(0.5, 0.5)),
        "van der Pol": dm.SDE(
            lambda z: jnp.array([z[1], (1 - z[0] ** 2) * z[1] - z[0]]), 0.3, 2, start=(1.0, 1.0)),
    }  # fmt: skip


def recorded(sde, interval: float, number: int, noise: float = 0.0, seed: int = 0):
    """States and noisy samples, shape (number, k), once transients are over."""
    every = round(interval / min(interval / 4, 0.002))
    run = dm.simulate(
        sde, duration=BURN_IN + number * interval, dt=interval / every, save_every=every,
        key=jax.random.key(seed),
    )  # fmt: skip
    states = np.asarray(run.states[0, -number:], np.float64)
    half = np.ptp(states, axis=0) / 2
    random = np.random.default_rng(seed + 1)
    return states, states + noise * half * random.standard_normal(states.shape)


def nmse(found, exact) -> float:
    return float(np.mean((found - exact) ** 2) / np.mean(exact**2))


def ours(samples, interval: float):
    found = dm.infer(samples, dt=interval, key=jax.random.key(0))
    return (lambda z: drifts(found.sde, z)), (lambda z: diffusion_matrices(found.sde, z)), found


def peer(samples, interval: float, parametric: bool):
    from SFI import OverdampedLangevinInference, TrajectoryCollection
    from SFI.bases import monomials_up_to

    k = samples.shape[1]
    inference = OverdampedLangevinInference(
        TrajectoryCollection.from_arrays(X=samples[:, None, :], dt=interval)
    )
    basis = monomials_up_to(order=3, dim=k, rank="vector")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if parametric:
            inference.infer_force(basis)
        else:
            inference.compute_diffusion_constant()
            inference.infer_force_linear(basis)
    D = np.asarray(inference.diffusion_average)
    return (
        lambda z: np.asarray(inference.force_inferred(jnp.asarray(z))).reshape(z.shape),
        lambda z: np.broadcast_to(D, (len(z), k, k)),
    )


def cell(name: str, sde, interval: float, noise: float, number: int) -> dict:
    """One recording, by all."""
    # Every cell has a chance of its own, lest one path decides for all systems.
    seed = zlib.crc32(f"{name} {interval} {noise} {number}".encode()) % 2**31
    states, samples = recorded(sde, interval, number, noise, seed)
    f, D = drifts(sde, states), diffusion_matrices(sde, states)
    row = {"system": name, "interval": interval, "noise": noise, "samples": number}
    began = time.perf_counter()
    drift, diffusion, found = ours(samples, interval)
    row |= {
        "drift": nmse(drift(states), f), "diffusion": nmse(diffusion(states), D),
        "seconds": time.perf_counter() - began,
    }  # fmt: skip
    for which in ("linear", "parametric") if SFI else ():
        began = time.perf_counter()
        try:
            drift, diffusion = peer(samples, interval, which == "parametric")
            errors = nmse(drift(states), f), nmse(diffusion(states), D)
        except Exception:  # whatever it makes of noise that it cannot separate
            errors = np.inf, np.inf
        errors = tuple(np.inf if np.isnan(error) else error for error in errors)
        row |= {f"{which}: drift": errors[0], f"{which}: diffusion": errors[1],
                f"{which}: seconds": time.perf_counter() - began}  # fmt: skip
    return row | {"expected drift error²": found.drift_error**2, "outcome": found.outcome.name}


def compare(result: Result) -> None:
    """What the cells come to."""
    rows = result.rows
    hidden = [row for row in rows if max(row["drift"], row["diffusion"]) > 0.1
              and row["outcome"] == "SUCCESS"]  # fmt: skip
    result.require("cells with an error above 0.1 that are called success", len(hidden), 0)
    for which in ("linear", "parametric") if SFI else ():
        for what in ("drift", "diffusion"):
            ratios = np.array([row[f"{which}: {what}"] / row[what] for row in rows])
            hard = np.array([row["noise"] > 0 or row["interval"] >= COARSE for row in rows])
            result.require(f"{what}: share of cells no worse than the peer's, {which}",
                           float(np.mean(ratios >= 1)), 0.8, at_least=True)  # fmt: skip
            result.require(f"{what}: median ratio, peer's error to ours, where there is noise or "
                           f"the interval is coarse, {which}",
                           float(np.median(ratios[hard])), 2.0, at_least=True)  # fmt: skip


def grid(quick: bool = False) -> Result:
    """All cells."""
    result = Result("What do recordings come to, beside a peer? Normalised mean square errors")
    for number in (5000,) if quick else (5000, 50_000):
        for noise in NOISES[::2] if quick else NOISES:
            for interval in INTERVALS[2:] if quick else INTERVALS:
                for name, sde in systems().items():
                    result.rows.append(cell(name, sde, interval, noise, number))
    compare(result)
    return result


def million(quick: bool = False) -> Result:
    """A million samples in two dimensions."""
    result = Result("What do a million samples take?")
    number = 100_000 if quick else 1_000_000
    states, _ = recorded(systems()["van der Pol"], 0.02, number)
    before = peak_memory()
    began = time.perf_counter()
    found = dm.infer(states, dt=0.02, key=jax.random.key(0))
    seconds, memory = time.perf_counter() - began, peak_memory()
    f = drifts(systems()["van der Pol"], states[::10])
    result.rows.append({
        "samples": number, "seconds": seconds, "peak MB": memory, "before, MB": before,
        "drift": nmse(drifts(found.sde, states[::10]), f), "outcome": found.outcome.name,
    })  # fmt: skip
    result.require("seconds, compilation included", seconds, 20)
    result.require("peak memory of the process, MB", memory, 2000)
    return result

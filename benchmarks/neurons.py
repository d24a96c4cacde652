"""Are more neurons never worse, and how many does a system take?

A six-dimensional repressilator (α = 216, Hill exponent 2) in 128 to 2048 neurons, Lorenz 96 with
forcing 8 in eight and twelve dimensions, and cycles with slow and fast stretches, with default
settings; without noise, but for Hindmarsh–Rose's 0.01.
"""

import itertools
import time

import jax
import jax.numpy as jnp

import driftmatch as dm
from benchmarks import bank
from benchmarks.tables import Result

KEY = jax.random.key(0)


def repressilator():
    """m' = −m + α/(1 + p²) + α₀ of the gene before, p' = −β(p − m)."""

    def f(u):
        m, p = u[:3], u[3:]
        return jnp.concatenate([-m + 216 / (1 + jnp.roll(p, 1) ** 2) + 0.216, 5 * (m - p)])

    return dm.SDE(f, 0.0, 6, start=(0.0, 0.0, 0.0, 2.0, 1.0, 3.0), name="repressilator")


def lorenz_96(k: int):
    """x_i' = (x_{i+1} − x_{i−2}) x_{i−1} − x_i + 8."""

    def f(x):
        return (jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x + 8

    start = [8.01] + [8.0] * (k - 1)
    return dm.SDE(f, 0.0, k, start=start, name=f"Lorenz 96, k = {k}")


def run(quick: bool = False) -> Result:
    result = Result("Are more neurons never worse, and how many does a system take?")
    numbers = (128, 256) if quick else (128, 256, 512, 1024, 2048)
    rows = [_row(result, repressilator(), n) for n in numbers]
    errors = [row["ε_f"] for row in rows]
    result.require("repressilator: ε_f from 256 neurons on", max(errors[1:]), 1e-2)
    result.require("repressilator: ε_f over that of half as many neurons",
                   max(b / a for a, b in itertools.pairwise(errors)), 1.0)  # fmt: skip
    result.require("repressilator: D_stsp over its floor, from 256 neurons on",
                   max(r["D_stsp"] / r["D_stsp floor"] for r in rows[1:]), 1.3)  # fmt: skip
    if quick:
        return result
    for k, n, limit in ((8, 1024, 3.4e-3), (12, 2048, 3.1e-3)):
        row = _row(result, lorenz_96(k), n)
        result.require(f"Lorenz 96, k = {k}: ε_f", row["ε_f"], limit)
    result.require("Lorenz 96, k = 12: seconds of the fit", row["fit s"], 60)
    cycles = [(bank.hodgkin_huxley(), 1024), (bank.hindmarsh_rose(), 512)]
    cycles += [(bank.van_der_pol(mu), 512) for mu in (5.0, 20.0, 100.0)]
    for sde, n in cycles:
        row = _row(result, sde, n)
        told = row["outcome"] not in ("SUCCESS", "UNJUDGED")
        off = max(abs(row["frequency"] - 1) / 0.02, row["D_stsp"] / row["D_stsp floor"] / 1.5)
        result.require(f"{sde.name}: period within 2 % and density within 1.5 floors, or told",
                       0.0 if told else off, 1.0)  # fmt: skip
    return result


def _row(result: Result, sde, neurons: int) -> dict:
    began = time.perf_counter()
    found = dm.embed(sde, neurons, key=KEY)
    loop = found.closed_loop
    result.rows.append({
        "system": sde.name, "neurons": neurons, "ε_f": found.report.drift_error,
        "ε_f(0.01)": found.report.noisy_drift_error, "ε_ℓ": found.report.local_error,
        "D_stsp": loop.state_space_divergence, "D_stsp floor": loop.state_space_divergence_floor,
        "W": loop.sliced_wasserstein, "W floor": loop.sliced_wasserstein_floor,
        "frequency": loop.frequency_ratio, "astray": loop.astray_fraction,
        "fit s": found.report.fit_seconds, "all s": time.perf_counter() - began,
        "outcome": found.outcome.name,
    })  # fmt: skip
    return result.rows[-1]

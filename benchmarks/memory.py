"""Do memories in networks do what theory says: rates, order, recall, switching?

First passage of the double well beside quadrature; jump rates of a ring beside local detailed
balance; order and dwell times of the default ring; recall from random states; three attractors,
commanded one after the other. Every network has noise of its own.
"""

import time

import jax
import numpy as np

import driftmatch as dm
from benchmarks.tables import Result
from driftmatch.memory.sequential import walk
from driftmatch.memory.switching import switch
from driftmatch.sampling.surroundings import surroundings

# Of V = x⁴/4 − x²/2, found by quadrature (theirs, in `tests/`, are found again there)
PASSAGES = {0.05: (729.67, 361.904), 0.1: (66.269, 30.821)}


def targets():
    """From −1 to the other well, and to the barrier."""
    return (lambda z: 1 - z[0]), (lambda z: -z[0])


def first_passage(result: Result, quick: bool) -> None:
    for D, exact in PASSAGES.items():
        sde = dm.systems.double_well((2 * D) ** 0.5)
        network = dm.embed(sde, num_neurons=64, key=jax.random.key(0), check=False).network
        for what, target, known in zip(("−1 → 1", "−1 → 0"), targets(), exact, strict=True):
            for who, system, bound in (("target", sde, 0.005), ("network", network, 0.1)):
                began = time.perf_counter()
                found = float(dm.memory.mean_first_passage(system, target)([-1.0]))
                _row(result, f"{what}, D = {D}", who, "grid", known, found, began=began)
                result.require(f"{what}, D = {D}, {who}, grid: relative error",
                               abs(found / known - 1), bound)  # fmt: skip
                if quick and D == 0.05:
                    continue
                began = time.perf_counter()
                times = dm.memory.passage_times(
                    system, [-1.0], target, duration=20 * known, dt=0.005,
                    key=jax.random.key(1 + (who == "network")), num_trajectories=512,
                )  # fmt: skip
                _row(result, f"{what}, D = {D}", who, "simulation", known, times.mean,
                     times.standard_error, began)  # fmt: skip
                result.require(
                    f"{what}, D = {D}, {who}, simulation: "
                    + ("standard errors off" if who == "target" else "relative error"),
                    abs(times.mean - known) / times.standard_error
                    if who == "target" else abs(times.mean / known - 1),
                    3 if who == "target" else 0.1,
                )  # fmt: skip


def _row(result, experiment, who, how, exact, found, error=float("nan"), began=float("nan")):
    result.rows.append({
        "experiment": experiment, "of": who, "by": how, "exact": exact, "found": found,
        "± s.e. or 95 %": error, "seconds": time.perf_counter() - began,
    })  # fmt: skip


def ring(result: Result, quick: bool) -> None:
    D = 0.45**2 / 2
    outside, means = 0, {}
    torques = (0.0, 0.4) if quick else (-0.4, 0.0, 0.1, 0.2, 0.3, 0.4)
    for i, torque in enumerate(torques):
        sde = dm.systems.ring_of_wells(6, torque)
        network = dm.embed(sde, num_neurons=256, key=jax.random.key(i), check=False).network
        theory = 2 * np.pi * torque / (6 * D)
        for j, (who, system) in enumerate((("target", sde), ("network", network))):
            began = time.perf_counter()
            one = walk(system, key=jax.random.key(100 * i + j), duration=4000.0)
            d = one.dwell
            low, high = d.log_rate_ratio_interval
            _row(result, f"ring, F = {torque}: ln k₊/k₋", who, "simulation", theory,
                 d.log_rate_ratio, (low, high), began)  # fmt: skip
            outside += not low <= theory <= high
            result.rows[-1]["seconds"] = time.perf_counter() - began
            _row(result, f"ring, F = {torque}: σ̇", who, "grid", float("nan"),
                 one.irreversibility.entropy_production,
                 one.irreversibility.standard_error)  # fmt: skip
            if torque == 0:
                low, high = d.net_turns_interval
                result.require(f"ring, no torque, {who}: net turns in the 95 % interval, ends",
                               low * high, 0.0)  # fmt: skip
                result.require(f"ring, no torque, {who}: σ̇", one.irreversibility.entropy_production,
                               1e-4)  # fmt: skip
            if torque == 0.4:
                means[who] = d.leaving_rate().mean_time
                result.require(f"default ring, {who}: share of jumps in order",
                               d.in_order_fraction, 0.95, at_least=True)  # fmt: skip
    result.require(f"ln k₊/k₋ outside of its 95 % interval, of {2 * len(torques)}", outside,
                   1)  # fmt: skip
    result.require("default ring: dwell-time means, relative difference",
                   abs(means["network"] / means["target"] - 1), 0.1)  # fmt: skip


def recall(result: Result) -> None:
    sde = dm.systems.wells(noise=0.35)
    network = dm.embed(sde, num_neurons=256, key=jax.random.key(0), check=False).network
    tilts = [dm.memory.tilt_toward(sde, j) for j in range(4)]
    for who, system in (("target", sde), ("network", network)):
        for j, tilt in enumerate(tilts):
            began = time.perf_counter()
            run = dm.memory.recall(system, tilt, duration=20.0, release=10.0, num_trials=1000,
                                   key=jax.random.key(j))  # fmt: skip
            seconds = time.perf_counter() - began
            _row(result, f"recall of well {j}, 1000 trials", who, "simulation", 1.0, run.success,
                 run.success_interval, began)  # fmt: skip
            result.require(f"recall of well {j}, {who}: success", run.success, 0.99, at_least=True)
            if (who, j) == ("network", 0):
                result.require("1000 trials, 256 neurons: seconds, compiling", seconds, 20)


def attractors(result: Result) -> None:
    angles = 2 * np.pi * np.arange(3) / 3
    centres = 2.4 * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(3)])
    sde = dm.systems.blend(
        [dm.systems.ornstein_uhlenbeck(), dm.systems.van_der_pol(), dm.systems.lorenz()], centres
    )
    states = surroundings(sde, key=jax.random.key(0))
    network = dm.embed(
        sde, num_neurons=512, key=jax.random.key(1), states=states, check=False
    ).network
    for who, system in (("target", sde), ("network", network)):
        began = time.perf_counter()
        run = switch(system, dm.memory.Regions(centres, 1.3), (0, 1, 2, 1, 0, 2, 0),
                     key=jax.random.key(2), num_trials=200)  # fmt: skip
        _row(result, "rest → cycle → chaos → cycle → rest → chaos → rest", who, "simulation", 1.0,
             run.success, run.success_interval, began)  # fmt: skip
        result.require(f"three attractors, {who}: found where commanded, worst command",
                       float(run.successes.min() / run.trials), 0.95, at_least=True)  # fmt: skip

        began = time.perf_counter()
        spectrum = dm.lyapunov(system, duration=400.0, dt=0.01, key=jax.random.key(3), noise=False,
                               start=sde.starts[2], num_trajectories=16)  # fmt: skip
        _row(result, "λ₁ of the chaotic set, no noise", who, "simulation", float("nan"),
             spectrum.exponents[0], spectrum.standard_error[0], began)  # fmt: skip
        result.require(f"three attractors, {who}: λ₁ of the chaotic set, standard errors above 0",
                       spectrum.exponents[0] / spectrum.standard_error[0], 5,
                       at_least=True)  # fmt: skip


def run(quick: bool = False) -> Result:
    """All of it."""
    result = Result("Do memories in networks do what theory says?")
    first_passage(result, quick)
    ring(result, quick)
    recall(result)
    attractors(result)
    return result

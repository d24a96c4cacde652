"""The closed-loop check: a network runs beside its target for a moment, and both are compared."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.basin import basins
from driftmatch.analysis.floors import GROUPS, distances_and_floors
from driftmatch.analysis.lyapunov import lyapunov
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.precision import in_this_precision
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.samples import Samples
from driftmatch.sampling.stationarity import Stationarity
from driftmatch.simulation.simulate import simulate

_NEURON_STEPS = 2e9  # of all paths together: a second or two
_PATIENCE = 8  # times as many where the target's trajectories mix slowly
_SPARSE_PATIENCE = 3  # of neurons with a W of no low rank, which take longer
_LEAST_ROWS = 200
_SLOWER = 10  # times as slow is a step of neurons with a W of no low rank
_STEPS_PER_TAU = 5  # at least
_SETTLING = 0.1  # of the run, left out
_NUM_STARTS = 128
NEIGHBOURS = 7
_OFTEN = 200  # swings in all, for their rate to say something
_DISTANCES = ("state_space_divergence", "spectrum_distance", "sliced_wasserstein")
_CHAOS_TIME, _CHAOS_PATHS = 300, 32  # time scales
_CHAOS_STEPS = 50_000

# What counts as off. A ratio to the floor says nothing where the floor is next to nothing.
_RATIO = 1.5
_NATS, _HELLINGER, _DEVIATIONS = 0.05, 0.02, 0.02
_FREQUENCY = 0.02
_EXPONENT = 0.15
_ERRORS = 4.0
_ASTRAY, _ESCAPED = 0.02, 0.02


class ClosedLoop(Record):
    """How a network behaves beside its target, in a short run of both.

    - `state_space_divergence` in nats, `spectrum_distance` in [0, 1] and `sliced_wasserstein` in
      standard deviations, each beside its `_floor`; see `compare`. Inf if the network diverged.
    - `frequency_ratio`: of how often network and target swing upwards, from the lowest third
      of the target's states to the highest, in the coordinate where they differ most;
      `frequency_error`: its standard error.
      Distances and this are NaN for what comes to rest.
    - `exponent_target`, `exponent_network`: the largest Lyapunov exponents along the noise, in nats
      per unit time, with their standard errors; NaN unless the target is chaotic, and for
      sparse networks.
    - `astray_fraction`: of starts far away from which the target comes home, how many the network
      leads elsewhere; NaN where there are none, and for sparse networks. `escaped_fraction`: of
      paths from target states.
    - `duration`: of the runs. `is_mixed`: whether that is long enough for the target's trajectories
      to pass through all that they visit together; distances and their floors say little if not.
    """

    state_space_divergence: float
    state_space_divergence_floor: float
    spectrum_distance: float
    spectrum_distance_floor: float
    sliced_wasserstein: float
    sliced_wasserstein_floor: float
    frequency_ratio: float
    frequency_error: float
    exponent_target: float
    exponent_target_error: float
    exponent_network: float
    exponent_network_error: float
    astray_fraction: float
    escaped_fraction: float
    duration: float
    is_mixed: bool

    @property
    def outcome(self) -> Outcome:
        """SUCCESS, or in which respect the network is not faithful."""
        if self.escaped_fraction > _ESCAPED or np.isinf(self.sliced_wasserstein):
            return Outcome.ESCAPES
        if is_other_density(asdict(self)):
            return Outcome.OTHER_DENSITY
        if abs(self.frequency_ratio - 1) > _FREQUENCY + _ERRORS * self.frequency_error:
            return Outcome.OTHER_SPECTRUM
        if _is_off(asdict(self), "spectrum_distance", _HELLINGER):
            return Outcome.OTHER_SPECTRUM
        off = abs(self.exponent_network - self.exponent_target)
        error = np.hypot(self.exponent_network_error, self.exponent_target_error)
        is_right = off <= _EXPONENT * self.exponent_target + _ERRORS * error  # false if it diverged
        if np.isfinite(self.exponent_target) and not is_right:
            return Outcome.OTHER_EXPONENT
        if self.astray_fraction > _ASTRAY:
            return Outcome.STRAYS
        return Outcome.SUCCESS if self.is_mixed else Outcome.UNJUDGED


def is_other_density(distances: Mapping[str, float]) -> bool:
    """Whether distances, with their floors, say that two densities are not the same."""
    return _is_off(distances, "state_space_divergence", _NATS) or _is_off(
        distances, "sliced_wasserstein", _DEVIATIONS
    )


def _is_off(distances: Mapping[str, float], name: str, least: float) -> bool:
    distance, floor = distances[name], distances[f"{name}_floor"]
    return bool(distance > _RATIO * floor and distance > floor + least)


def closed_loop(
    target: AbstractSDE,
    network: Network,
    samples: Samples,
    runs: Float[np.ndarray, "M T k"],
    key: PRNGKeyArray,
) -> ClosedLoop:
    """Run the network from the target's states, for as long as some seconds allow, and compare.

    - `samples`: of the target; `runs`: its trajectories in the network's coordinates.
    """
    key_run, key_exponents, key_basins = jax.random.split(key, 3)
    scale, k = samples.time_scale, runs.shape[2]
    every = steps_a_row(samples, network)
    dt = samples.spacing / every
    M = runs.shape[0] // GROUPS * GROUPS
    cost, patience = M * max(network.num_neurons, 64) * every, _PATIENCE
    # What leaves the subspace is run in all its neurons, too slow for exponents and far starts.
    stays = network.connectivity.keeps_subspace
    if not stays:
        cost, patience = _SLOWER * cost, _SPARSE_PATIENCE
    rows, is_mixed = long_enough(samples, runs[:M], cost, patience=patience)
    found = run_beside(network, samples, runs[:M], rows, key_run)
    distances = {name: np.nan for d in _DISTANCES for name in (d, f"{d}_floor")}
    ratio, error, exponents = np.nan, np.nan, (np.nan,) * 4
    if found is None:
        distances = {d: np.inf for d in _DISTANCES} | {f"{d}_floor": 0.0 for d in _DISTANCES}
        astray, escaped = np.nan, 1.0
    else:
        with ThreadPoolExecutor(max_workers=1) as second:  # one leaves half of two cores idle
            basin_check = second.submit(
                in_this_precision(basins), network, target, runs.reshape(-1, k),
                key=key_basins, num_starts=_NUM_STARTS, time_scale=scale, paths=found,
            )  # fmt: skip
            if k > 1 and not samples.is_resting and stays:
                time = min(_CHAOS_TIME * scale, _CHAOS_STEPS * dt)
                states = runs.reshape(-1, k)
                exponents = _exponents(target, network, scale, time, dt, states, key_exponents)
            if not samples.is_resting:  # whose only density is where it ends
                own, seen = runs[:M, :rows], _as_angles(target, found)
                distances = distances_and_floors(own, seen, neighbours=NEIGHBOURS)
                ratio, error = _frequencies(own, seen)
            check = basin_check.result()
        worst = [f for f in (check.spurious_fraction, check.spurious_fraction_box) if f is not None]
        astray = max(worst, default=np.nan) if stays else np.nan
        escaped = check.escaped_fraction
    return ClosedLoop(
        **distances,
        frequency_ratio=ratio,
        frequency_error=error,
        exponent_target=exponents[0],
        exponent_target_error=exponents[1],
        exponent_network=exponents[2],
        exponent_network_error=exponents[3],
        astray_fraction=astray,
        escaped_fraction=escaped,
        duration=rows * every * dt,
        is_mixed=is_mixed,
    )


def _as_angles(target: AbstractSDE, states: Float[np.ndarray, "M T k"]):
    """The same with angles put onto their circles, where those of the target are exactly: beside
    these, how far steps and noise lead off would count as another density."""
    if not isinstance(target, OnCircles):
        return states
    return target.laid_out(target.angles(states))


def steps_a_row(samples: Samples, network: Network) -> int:
    """From one row of the samples to the next. The network's own time constant may ask for finer
    steps than the target."""
    return int(np.ceil(samples.spacing / min(samples.step, network.tau / _STEPS_PER_TAU)))


def run_beside(
    network: Network,
    samples: Samples,
    runs: Float[np.ndarray, "M T k"],
    rows: int,
    key: PRNGKeyArray,
) -> Float[np.ndarray, "M rows k"] | None:
    """Latent states of the network from states of its target on, as far apart in time as those of
    `samples`, after a tenth more to settle; None if it diverged."""
    (M, T), every = runs.shape[:2], steps_a_row(samples, network)
    settling, when = int(_SETTLING * rows), generator(key).integers(T, size=M)
    # Each from a state of a trajectory of its own: attractors keep their weights.
    starts = runs[:, 0] if samples.is_resting else runs[np.arange(M), when]
    dt = samples.spacing / every
    ran = simulate(
        network, duration=(rows - 1 + settling) * every * dt, dt=dt, key=key,
        num_trajectories=M, start=starts, save_every=every, throw=False,
    )  # fmt: skip
    if ran.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return ran.states[:, -rows:] if ran.outcome.ok else None


def long_enough(
    samples: Samples, runs: Float[np.ndarray, "M T k"], cost: float, *, patience: float = _PATIENCE
) -> tuple[int, bool]:
    """How many rows, of so many neuron steps each, the target's trajectories take to mix, within
    what can be afforded; and whether they do. What never mixes, each on its own attractor, needs
    no longer than what does at once. `patience`: a look of more than so many quick ones is not
    doubled again."""
    T = runs.shape[1]
    rows = int(np.clip(_NEURON_STEPS / cost, min(_LEAST_ROWS, T), T))

    def mixed(rows):
        return Stationarity.of(runs[:, :rows], (None,) * runs.shape[2]).is_mixed

    if samples.is_resting or not mixed(T):
        return rows, True
    while not mixed(rows) and rows < T and rows * cost < patience * _NEURON_STEPS:
        rows = min(2 * rows, T)
    return rows, mixed(rows)


def _frequencies(
    target: Float[np.ndarray, "M T k"], network: Float[np.ndarray, "M T k"]
) -> tuple[float, float]:
    """The ratio of how often both swing upwards, where it is furthest from 1 in its errors, and the
    error: of a period, or of the rate of passages. A swing goes from the target's lowest third to
    its highest: what hovers about a level does not count."""
    low, high = np.quantile(target, [1 / 3, 2 / 3], axis=(0, 1))
    counts = [_swings(x, low, high) for x in (target, network)]
    (a, da), (b, db) = ((n.mean(axis=0), n.std(axis=0) / np.sqrt(len(n))) for n in counts)
    often = a * len(target) > _OFTEN
    if not often.any():
        return 1.0, 0.0
    a, da, b, db = (x[often] for x in (a, da, b, db))
    ratio, error = b / a, np.hypot(db, da * b / a) / a
    worst = int(np.argmax(np.abs(ratio - 1) - _ERRORS * error))
    return float(ratio[worst]), float(error[worst])


def _swings(runs: Float[np.ndarray, "M T k"], low, high) -> Float[np.ndarray, "M k"]:
    """How often each coordinate of each trajectory goes from below `low` to above `high`."""
    side = np.where(runs > high, 1, np.where(runs < low, -1, 0))
    times = np.arange(runs.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(side != 0, times, 0), axis=1)  # when it was at a side
    side = np.take_along_axis(side, last, axis=1)
    return ((side[:, :-1] < 0) & (side[:, 1:] > 0)).sum(axis=1).astype(float)


def _exponents(target, network, time_scale, time, dt, states, key: PRNGKeyArray):
    """The largest exponents of both and their errors, if the target is chaotic."""
    rng = generator(key)
    starts = states[rng.integers(len(states), size=_CHAOS_PATHS)]

    def largest(system):
        found = lyapunov(
            system, duration=time, dt=dt, key=key, num_exponents=1,
            num_trajectories=_CHAOS_PATHS, start=starts, throw=False,
        )  # fmt: skip
        return float(found.exponents[0]), float(found.standard_error[0])

    value, error = largest(target)
    if not value * time_scale > max(1e-3, 5 * error * time_scale):
        return (np.nan,) * 4
    return (value, error, *largest(network))

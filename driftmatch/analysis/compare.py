"""The scorecard: is the network faithful to its target?"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.analysis.basin import basins
from driftmatch.analysis.densities import (
    MAX_BINNED_DIM,
    histogram,
    kullback_leibler,
    sliced_wasserstein,
    state_space_divergence,
)
from driftmatch.analysis.lyapunov import LyapunovSpectrum, lyapunov
from driftmatch.analysis.spectra import hellinger, power_spectrum
from driftmatch.errors import InputError
from driftmatch.matching.errors import matching_errors
from driftmatch.matching.states import characteristic_time
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import check_count, check_key, check_steps
from driftmatch.simulation.simulate import simulate

GROUPS = 32
_STEPS = 25  # a time scale
_SAMPLES = 5  # a time scale
_LYAPUNOV_TRAJECTORIES = 64
_LYAPUNOV_TIME = 300  # time scales on each of them, after as many to forget the noise
_NUM_HELD_OUT = 20_000


@dataclass(frozen=True)
class Scorecard:
    """How faithful a network is to its target.

    Every distance stands beside its floor, the same between independent runs of the target: a ratio
    near 1 is as good as it gets.

    - `drift_error`, `noisy_drift_error`, `diffusion_error`: ε_f, ε_f(0.01) and ε_D on fresh states
      of the target; see `matching_errors`.
    - `state_space_divergence`: D_stsp in nats; `spectrum_distance`: D_H in [0, 1];
      `sliced_wasserstein`: in standard deviations of the target; each with its `_floor`.
    - `lyapunov_target`, `lyapunov_network`: Lyapunov exponents of the two drifts, without noise,
      shape (k,), in nats per unit time, each with its `_error`, the standard errors. NaN where the
      noise-free flow diverges.
    - `kaplan_yorke_target`, `kaplan_yorke_network`: the dimensions that follow.
    - `spurious_fraction`, `spurious_fraction_box`, `escaped_fraction`, with their 95 % intervals,
      `num_starts` and `num_paths`: see `BasinCheck`.
    - `time_scale`, `duration`, `dt`, `num_trajectories`: of the runs behind the distances.
    """

    drift_error: float
    noisy_drift_error: float
    diffusion_error: float
    state_space_divergence: float
    state_space_divergence_floor: float
    spectrum_distance: float
    spectrum_distance_floor: float
    sliced_wasserstein: float
    sliced_wasserstein_floor: float
    lyapunov_target: Float[np.ndarray, " k"]
    lyapunov_network: Float[np.ndarray, " k"]
    lyapunov_target_error: Float[np.ndarray, " k"]
    lyapunov_network_error: Float[np.ndarray, " k"]
    kaplan_yorke_target: float
    kaplan_yorke_network: float
    spurious_fraction: float | None
    spurious_interval: tuple[float, float] | None
    spurious_fraction_box: float | None
    spurious_interval_box: tuple[float, float] | None
    escaped_fraction: float
    escaped_interval: tuple[float, float]
    num_starts: int
    num_paths: int
    time_scale: float
    duration: float
    dt: float
    num_trajectories: int

    def to_dict(self) -> dict[str, object]:
        """The fields as plain numbers and lists, None for what is not a number, ready for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def compare(
    sde: AbstractSDE,
    network: Network,
    *,
    key: PRNGKeyArray,
    duration: float | None = None,
    dt: float | None = None,
    num_trajectories: int = 128,
    num_starts: int = 512,
    meter: AbstractMeter = SILENT,
) -> Scorecard:
    """Judge a network against the SDE that it embeds.

    Both run for the same time with the same solver and step, on independent noise. Their
    trajectories are dealt into 32 groups each; a distance is the mean over all pairs of a target
    group with a network group, its floor the mean over all pairs of two target groups.

    **Arguments**

    - `sde`: the target; `network`: what embeds it, with as many latent dimensions.
    - `duration`: of every trajectory, by default 1000 time scales of the target.
    - `dt`: the time step, by default a 25th of the time scale.
    - `num_trajectories`: of the target and of the network, rounded up to a multiple of 32. With
      more of them, or a longer `duration`, floors fall and smaller differences show.
    - `num_starts`: of the basin check, see `basins`.

    Raises `InputError` if the dimensions differ or a number is out of range, and `ComputationError`
    if the target or the network diverges.
    """
    if not isinstance(sde, AbstractSDE) or not isinstance(network, Network):
        raise InputError(
            "compare takes an SDE and a Network, "
            f"got {type(sde).__name__} and {type(network).__name__}"
        )
    if network.latent_dim != sde.dim:
        raise InputError(
            f"{sde.name} has {sde.dim} dimensions and the network {network.latent_dim} latent ones"
        )
    check_count("num_starts", num_starts)
    num_trajectories = GROUPS * -(-check_count("num_trajectories", num_trajectories) // GROUPS)
    keys = iter(jax.random.split(check_key(key), 8))
    rng = np.random.default_rng(np.asarray(jax.random.key_data(next(keys))))
    time_scale, starts = _scale_and_starts(sde, next(keys), rng)
    dt = time_scale / _STEPS if dt is None else dt
    duration = 1000 * time_scale if duration is None else duration
    save_every = max(1, round(time_scale / _SAMPLES / dt))
    check_steps(duration, dt, 1)
    if duration < 2 * time_scale:
        raise InputError(
            f"duration must be at least two time scales of {sde.name}, {2 * time_scale:g}, "
            f"got {duration!r}"
        )

    def pick(states, number):
        """States by chance, a little apart: those of a noise-free target may not coincide."""
        states = states.reshape(-1, sde.dim)
        apart = 0.01 * states.std(axis=0) * rng.standard_normal((number, sde.dim))
        return states[rng.integers(len(states), size=number)] + apart

    def run(system, starts):
        """Trajectories (M, T, k) after a burn-in of a tenth of the duration."""
        states = simulate(
            system, duration=1.1 * duration, dt=dt, key=next(keys), save_every=save_every,
            num_trajectories=num_trajectories, start=pick(starts, num_trajectories), meter=meter,
        ).states  # fmt: skip
        return states[:, -round(states.shape[1] / 1.1) :]

    def exponents(system, states) -> LyapunovSpectrum:
        return lyapunov(
            system, duration=_LYAPUNOV_TIME * time_scale, dt=dt, key=next(keys), noise=False,
            burn_in=_LYAPUNOV_TIME * time_scale, num_trajectories=_LYAPUNOV_TRAJECTORIES,
            start=pick(states, _LYAPUNOV_TRAJECTORIES), meter=meter, throw=False,
        )  # fmt: skip

    target = run(sde, starts)
    of_network = run(network, target)
    held_out = target.reshape(-1, sde.dim)
    held_out = held_out[rng.choice(len(held_out), min(len(held_out), _NUM_HELD_OUT), replace=False)]
    errors = matching_errors(sde, network, held_out)
    states, states_floor = _state_space_divergences(target, of_network)
    spectra, spectra_floor = _distance_and_floor(
        hellinger, target, of_network, summary=power_spectrum
    )
    sliced, sliced_floor = _distance_and_floor(
        sliced_wasserstein, target, of_network, summary=_thinned, neighbours=3
    )
    of_target, of_net = exponents(sde, target), exponents(network.latent(), of_network)
    check = basins(
        network, sde, target, key=next(keys), num_starts=num_starts, time_scale=time_scale,
        paths=of_network, meter=meter,
    )  # fmt: skip
    return Scorecard(
        drift_error=errors.drift,
        noisy_drift_error=errors.noisy_drift,
        diffusion_error=errors.diffusion,
        state_space_divergence=states,
        state_space_divergence_floor=states_floor,
        spectrum_distance=spectra,
        spectrum_distance_floor=spectra_floor,
        sliced_wasserstein=sliced,
        sliced_wasserstein_floor=sliced_floor,
        lyapunov_target=of_target.exponents,
        lyapunov_network=of_net.exponents,
        lyapunov_target_error=of_target.standard_error,
        lyapunov_network_error=of_net.standard_error,
        kaplan_yorke_target=of_target.dimension,
        kaplan_yorke_network=of_net.dimension,
        **asdict(check),
        time_scale=time_scale,
        duration=float(duration),
        dt=float(dt),
        num_trajectories=num_trajectories,
    )


def _scale_and_starts(sde, key, rng):
    """The time scale and states to burn in from: known, or else found."""
    if sde.time_scale is None or sde.start is None:
        return characteristic_time(sde, key)
    start = np.asarray(sde.start)
    return sde.time_scale, start + 0.1 * (1 + np.abs(start)) * rng.standard_normal((64, sde.dim))


def _state_space_divergences(target, network):
    """D_stsp and its floor."""
    if target.shape[2] > MAX_BINNED_DIM:
        return _distance_and_floor(state_space_divergence, target, network, neighbours=1)
    states = target.reshape(-1, target.shape[2])
    low, high = states.min(axis=0), states.max(axis=0)  # one grid for all groups
    return _distance_and_floor(
        kullback_leibler, target, network, summary=lambda group: histogram(group, low, high)
    )


def _distance_and_floor(
    distance: Callable,
    target: Float[np.ndarray, "M T k"],
    network: Float[np.ndarray, "M T k"],
    *,
    summary: Callable = lambda group: group,
    neighbours: int = GROUPS - 1,
) -> tuple[float, float]:
    """Means of `distance` between summaries of groups: target to network, and target to target.

    Every group is compared with its `neighbours` next ones, cyclically.
    """
    a, b = ([summary(group) for group in np.split(x, GROUPS)] for x in (target, network))
    pairs = [(i, (i + s) % GROUPS) for i in range(GROUPS) for s in range(1, neighbours + 1)]
    between = [distance(a[i], b[j]) for i, j in pairs]
    within = [distance(a[i], a[j]) for i, j in pairs]
    return float(np.mean(between)), float(np.mean(within))


def _thinned(group, size=2000):
    """About so many of the states, evenly over the group."""
    states = group.reshape(-1, group.shape[2])
    return states[:: max(1, len(states) // size)]


def _plain(value):
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value

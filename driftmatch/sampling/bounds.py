"""Where states end: bounds that an SDE keeps of itself."""

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import drifts, noise_amplitudes
from driftmatch.sampling.angles import periods_of

_PROBES = 32  # states that are moved outward
_PLACES = 64  # to look at on the way, and then in each of the halvings
_REACH = 4.0  # widths of what is visited
_HALVINGS = 12
_LEADING = 1e-3  # of the drift's size
_STRAY = 0.02  # of the states may have overstepped a bound, by a step
_VANISHING = 1e-12  # of the variance of the noise


def named_bounds(sde: AbstractSDE) -> Float[np.ndarray, "2 k"]:
    """The bounds that the SDE names, infinite where it names none."""
    none = np.full(sde.dim, np.inf)
    low, high = sde.lower, sde.upper
    return np.stack([-none if low is None else low, none if high is None else high])


def natural_bounds(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "2 k"]:
    """The bounds that the SDE names and, where it names none, those that it keeps: lower, upper.

    Coordinate by coordinate, states are moved outward from the outermost one. A bound is where, for
    all of them, the noise in this coordinate vanishes or turns its sign, as that of a population at
    0, and the drift does not lead across; or where drift or noise cease to be finite.
    """
    bounds = named_bounds(sde)
    low, high = states.min(axis=0), states.max(axis=0)
    order = np.linspace(0, len(states) - 1, _PROBES).astype(int)
    for axis, period in enumerate(periods_of(sde)):
        probes = states[np.argsort(states[:, axis], kind="stable")[order]]
        for side, (edge, sign) in enumerate(((low[axis], -1.0), (high[axis], 1.0))):
            width = high[axis] - low[axis]
            if np.isfinite(bounds[side, axis]) or period is not None or width <= 0:
                continue
            found = _first_bound(sde, states, probes, axis, edge, sign * width)
            if found is not None:
                bounds[side, axis] = found
    return bounds


def _first_bound(sde, states, probes, axis: int, edge: float, outward: float) -> float | None:
    """The bound nearest to the middle in this direction, up to some widths beyond the edge, or
    None if states lie beyond it."""
    middle = float(np.median(states[:, axis]))
    edge, outward = middle, edge + outward * _REACH - middle
    _, inner = _along(sde, probes, axis, np.array([middle]))
    usual = np.sqrt(np.mean(noise_amplitudes(sde, probes)[:, axis] ** 2))
    near, far = 0.0, 1.0
    for halving in range(1 + _HALVINGS):
        places = near + (far - near) * np.arange(1, _PLACES + 1) / _PLACES
        f, sigma = _along(sde, probes, axis, edge + outward * places)
        is_lost = ~(np.isfinite(f) & np.isfinite(sigma).all(axis=2)).any(axis=1)
        sigma = np.nan_to_num(sigma)
        # A single component has a sign to turn; several may turn as a vector and never vanish.
        is_single = np.sum(np.any(sigma != 0, axis=(0, 1))) == 1
        along = np.sum(sigma * (inner if is_single else sigma), axis=2)
        # It ends where the noise vanishes, unless it had vanished already at the edge.
        is_silent = np.all(along <= _VANISHING * usual**2, axis=1) & np.any(inner != 0)
        is_beyond = is_lost | is_silent
        if not is_beyond.any():
            return None if halving == 0 else float(edge + outward * far)
        first = int(np.argmax(is_beyond))
        near, far = (places[first - 1] if first else near), places[first]
    last, _ = _along(sde, probes, axis, np.array([edge + outward * near]))
    usual_drift = np.sqrt(np.mean(drifts(sde, probes)[:, axis] ** 2))
    if np.mean(last * np.sign(outward) > _LEADING * usual_drift) > 0.5:
        return None  # the drift leads across
    bound = float(edge + outward * far)
    beyond = np.mean((states[:, axis] - bound) * np.sign(outward) > 0)
    return bound if beyond < _STRAY else None


def _along(sde, probes, axis: int, values):
    """Drift and noise along a coordinate where it takes these values: (places, probes, …)."""
    moved = np.repeat(probes[None], len(values), axis=0)
    moved[:, :, axis] = values[:, None]
    flat = moved.reshape(-1, probes.shape[1])
    sigma = noise_amplitudes(sde, flat)[:, axis]
    sigma = np.broadcast_to(sigma, (len(flat), sigma.shape[1]))
    f = drifts(sde, flat)[:, axis].reshape(len(values), -1)
    return f, sigma.reshape(*f.shape, -1)

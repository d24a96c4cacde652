"""Does the model hold? What is left over, and the model's own recording beside the real one."""

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float, Int, PRNGKeyArray

from driftmatch.analysis.densities import state_space_divergence
from driftmatch.analysis.spectra import spectrum_distance
from driftmatch.inference.inferred_sde import InferredSDE
from driftmatch.inference.transitions import Scaling
from driftmatch.randomness import generator
from driftmatch.recordings.recording import Recording
from driftmatch.records import Record
from driftmatch.simulation.simulate import simulate

Matrix = np.ndarray

NUM_LAGS = 10
NORMAL = np.linspace(-4.0, 4.0, 33)  # in standard deviations
_SEEN = 4.0  # standard errors
_STEP = 0.05  # of a simulation, times ‖∇f‖
_MOST_STEPS = 2_000_000
_TWINS, _PATHS, _LONGEST = 5, 4, 20_000  # recordings of the model, paths of each, samples of a path
_FEWEST, _BINS = 64, 15
_SHORTEST, _WINDOWS = 16, 32  # steps of a sum, and how many sums there must be
_SUMS, _UNLIKELY = 1.4, 1e-4
_BLOCKS = 16  # in which the variance of what is left over is compared


class Residuals(Record):
    """What is left over of every step (of a filter's prediction, with measurement noise), in its
    standard deviations: white and normal if the model holds.

    - `autocorrelation`: shape (H, k), of steps 1 to H apart; `error`: its standard error.
    - `squares`: the same of their squares, which slow changes of the noise correlate.
    - `kurtosis`: excess, shape (k,); `mean`, `variance`: shape (k,).
    - `force`: by how much further than the drift says the second half of steps went than the first,
      in root mean squares of what the drift says, shape (k,); `force_error`: its standard error.
    - `strength`: by how much stronger than the drift says it is in the second half than in the
      first, relative to it, shape (k,); `strength_error`: its standard error.
    - `noise`: the variance in the second half less that in the first, relative to their mean, shape
      (k,); `noise_error`: its standard error.
    - `sums`: the variance of sums over many steps beside that of as many independent ones, shape
      (k,), over the length where chance explains it least; `sums_chance`: how likely chance is to.
    - `quantiles`: shape (Q, k), where a normal variable has those of `NORMAL`, shape (Q,).
    """

    autocorrelation: Float[Matrix, "H k"]
    squares: Float[Matrix, "H k"]
    error: float
    kurtosis: Float[Matrix, " k"]
    mean: Float[Matrix, " k"]
    variance: Float[Matrix, " k"]
    force: Float[Matrix, " k"]
    force_error: Float[Matrix, " k"]
    strength: Float[Matrix, " k"]
    strength_error: Float[Matrix, " k"]
    noise: Float[Matrix, " k"]
    noise_error: Float[Matrix, " k"]
    sums: Float[Matrix, " k"]
    sums_chance: Float[Matrix, " k"]
    quantiles: Float[Matrix, "Q k"]

    @property
    def is_white(self) -> bool:
        """No correlation above 0.05 that chance does not explain."""
        return _is_small(self.autocorrelation, self.error, 0.05)

    @property
    def is_free_of_slow_forces(self) -> bool:
        """Sums of many steps vary no more than 1.4 times as much as if steps were independent, or
        chance explains it: forces that are small in every step but stay for long add up."""
        return not bool(np.any((self.sums > _SUMS) & (self.sums_chance < _UNLIKELY)))

    @property
    def is_normal(self) -> bool:
        """No excess kurtosis above 1 that chance does not explain."""
        return bool(np.all(self.kurtosis < 1.0 + 5 * self.error * _SEEN))

    @property
    def is_steady(self) -> bool:
        """The size of the noise does not change but with the state; not counted are neighbours, as
        every outlier leaves two large steps in a row."""
        return _is_small(self.squares[1:], self.error, 0.15)

    @property
    def is_stationary(self) -> bool:
        """No force of a quarter of the drift that comes or goes, no drift that grows or falls by a
        half, and no noise whose variance does by a quarter, that chance does not explain."""
        changes = (
            (self.force, self.force_error, 0.25),
            (self.strength, self.strength_error, 0.5),
            (self.noise, self.noise_error, 0.25),
        )
        return all(
            bool(np.all(np.abs(change) <= np.maximum(least, _SEEN * error)))
            for change, error, least in changes
        )


class Twin(Record):
    """Recordings of the model, as long as the real one, sampled as it was, with the same
    measurement noise.

    - `states`: one of them, shape (M, T, k), M paths.
    - `density`: D_stsp of the real recording from those of the model, the mean over five;
      `density_floor`: the largest that one of the five has from the others; `spectrum`,
      `spectrum_floor`: D_H likewise; NaN where samples are not even.
    - `left`: the share of paths that went far beyond what was recorded, or became non-finite.
    """

    states: Float[Matrix, "M T k"]
    density: float
    density_floor: float
    spectrum: float
    spectrum_floor: float
    left: float

    @property
    def is_alike(self) -> bool:
        """Whether the real recording stands out among those of the model by its density: by half
        more than any of them, and by a tenth at least."""
        return self.left == 0 and self.density <= max(1.5 * self.density_floor, 0.1)


class Halves(Record):
    """The first half of a recording against the second.

    - `shift`: of the mean, in standard deviations, shape (k,); `error`: its standard error, from
      how long states are correlated.
    - `independent`: about how many independent states there are, shape (k,).
    """

    shift: Float[Matrix, " k"]
    error: Float[Matrix, " k"]
    independent: Float[Matrix, " k"]

    @property
    def are_alike(self) -> bool:
        """No shift of more than half a standard deviation that chance does not explain."""
        return bool(np.all((np.abs(self.shift) <= 0.5) | (np.abs(self.shift) <= 3 * self.error)))


def residuals(
    left: Float[Matrix, "N k"], follows: Bool[Matrix, " N"], push: Float[Matrix, "#N k"]
) -> Residuals:
    """- `follows`: whether a step begins where the one before it ended. - `push`: how far the drift
    leads in every step, in standard deviations of a step."""
    run = np.cumsum(~follows)
    size = left - left.mean(axis=0)
    square = left**2 - (left**2).mean(axis=0)
    halves, push = np.array_split(left, 2), np.broadcast_to(push, left.shape)
    first, second = (half.mean(axis=0) for half in halves)
    # The scatter of blocks, as noise whose size wanders differs between halves by chance.
    variances = np.stack([block.var(axis=0) for block in np.array_split(left, _BLOCKS)])
    before, after = np.split(variances, 2)
    variance = np.maximum(variances.mean(axis=0), 1e-300)
    scatter = np.sqrt((before.var(axis=0) + after.var(axis=0)) / (_BLOCKS / 2 - 1))
    strengths = [
        (np.sum(own * by, axis=0) / total, 1 / total)
        for own, by in zip(halves, np.array_split(push, 2), strict=True)
        for total in [np.maximum(np.sum(by**2, axis=0), 1e-300)]
    ]
    push = np.maximum(np.sqrt(np.mean(push**2, axis=0)), 1e-300)
    sums, chance = _sums(size, run)
    return Residuals(
        autocorrelation=_autocorrelation(size, run),
        squares=_autocorrelation(square, run),
        error=1 / np.sqrt(len(left)),
        kurtosis=np.asarray(scipy.stats.kurtosis(left, axis=0)),
        mean=left.mean(axis=0),
        variance=left.var(axis=0),
        force=(second - first) / push,
        force_error=2 / np.sqrt(len(left)) / push,
        strength=strengths[1][0] - strengths[0][0],
        strength_error=np.sqrt(strengths[0][1] + strengths[1][1]),
        noise=(after - before).mean(axis=0) / variance,
        noise_error=scatter / variance,
        sums=sums,
        sums_chance=chance,
        quantiles=np.quantile(left, scipy.stats.norm.cdf(NORMAL), axis=0),
    )


def _autocorrelation(values: Float[Matrix, "N k"], run: Int[Matrix, " N"]) -> Float[Matrix, "H k"]:
    """Of steps 1 to H apart within a run; 0 where there are none."""
    variance = np.maximum(np.mean(values**2, axis=0), 1e-300)
    rows = []
    for lag in range(1, NUM_LAGS + 1):
        pairs = run[lag:] == run[:-lag]
        products = values[lag:][pairs] * values[:-lag][pairs]
        rows.append(products.mean(axis=0) / variance if len(products) else 0 * variance)
    return np.array(rows)


def _sums(values: Float[Matrix, "N k"], run: Int[Matrix, " N"]) -> tuple[Matrix, Matrix]:
    """The largest variance of sums over 16, 32, ... steps of a run, divided by their number and the
    variance of a step, and its chance: that of χ² with as many degrees as there are sums."""
    variance = np.maximum(np.mean(values**2, axis=0), 1e-300)
    ratio, chance = np.ones(values.shape[1]), np.ones(values.shape[1])
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    length = _SHORTEST
    while length * _WINDOWS <= len(values):
        first = np.arange(0, len(values) - length + 1, length)
        first = first[run[first] == run[first + length - 1]]
        if len(first) >= _WINDOWS:
            sums = total[first + length] - total[first]
            own = np.mean(sums**2, axis=0) / (length * variance)
            unlikely = scipy.stats.chi2.sf(len(first) * own, len(first))
            ratio = np.where(unlikely < chance, own, ratio)
            chance = np.minimum(chance, unlikely)
        length *= 2
    return ratio, chance


def _is_small(correlation, error, most) -> bool:
    return bool(np.all(np.abs(correlation) <= max(most, _SEEN * error)))


def halves(pieces: list[Float[Matrix, "t k"]], angles: tuple[bool, ...]) -> Halves:
    """Of all pieces, one after the other; angles do not count, as they need not come back."""
    states = np.concatenate(pieces)
    states = np.where(angles, 0.0, states)
    deviation = np.maximum(states.std(axis=0), 1e-300)
    longest = max(pieces, key=len)
    independent = np.array([
        len(states) / _correlation_length(np.where(angles, 0.0, longest)[:, axis])
        for axis in range(states.shape[1])
    ])  # fmt: skip
    first, second = np.array_split(states, 2)
    shift = (second.mean(axis=0) - first.mean(axis=0)) / deviation
    return Halves(shift, 2 / np.sqrt(np.maximum(independent, 1.0)), independent)


def memory(scaled: list[Float[Matrix, "t k"]], angles: tuple[bool, ...]) -> float:
    """The largest correlation between what can be told from a sample and from the next, of whitened
    coordinates; 1 if all are angles."""
    straight = ~np.array(angles)
    if not straight.any():
        return 1.0
    now, then = (np.concatenate([p[part][:, straight] for p in scaled])
                 for part in (slice(None, -1), slice(1, None)))  # fmt: skip
    return float(np.linalg.norm(now.T @ then / len(now), ord=2))


def _correlation_length(series: Float[Matrix, " t"]) -> float:
    """1 + 2 Σ ρ, summed until the window is five times as long (Sokal)."""
    centred = series - series.mean()
    n = len(centred)
    spectrum = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    correlation = np.fft.irfft(spectrum)[:n]
    if not correlation[0] > 0:
        return 1.0
    lengths = 2 * np.cumsum(correlation / correlation[0]) - 1
    enough = np.flatnonzero(np.arange(n) >= 5 * lengths)
    return float(max(lengths[enough[0] if len(enough) else -1], 1.0))


def twin(
    sde: InferredSDE,
    recording: Recording,
    pieces: list[Float[Matrix, "t k"]],
    stiffness: float,
    noise: Float[Matrix, "k k"],
    scaling: Scaling,
    key: PRNGKeyArray,
) -> Twin:
    """Simulate the model as it was recorded: paths of one length, from where pieces of the
    recording begin. - `stiffness`: of an interval between samples."""
    T = min(max(map(len, pieces)), _LONGEST)
    cuts = [piece[first : first + T] for piece in pieces
            for first in range(0, len(piece) - T + 1, T)]  # fmt: skip
    cuts = cuts[:: 1 + (len(cuts) - 1) // _PATHS]
    M = len(cuts)
    substeps = int(np.clip(np.ceil(stiffness / _STEP), 1, max(1, _MOST_STEPS // T)))
    run = simulate(
        sde, duration=(T - 1) * recording.dt * (1 + 1e-9), dt=recording.dt / substeps,
        save_every=substeps, num_trajectories=_TWINS * M, key=key, throw=False,
        start=np.concatenate([[cut[0] for cut in cuts]] * _TWINS),
    )  # fmt: skip
    states = np.asarray(run.states, np.float64)
    left = _left(states, pieces, scaling) if states.shape[1] == T else 1.0
    root = np.linalg.cholesky(noise + 1e-300 * np.eye(len(noise)))
    states = states + generator(key).standard_normal(states.shape) @ root.T
    groups = states.reshape(_TWINS, M, *states.shape[1:])
    if left > 0:
        return Twin(groups[0], np.inf, np.nan, np.nan, np.nan, left)
    real = np.stack(cuts)
    density = _standing_out(_wrapped(real, recording), _wrapped(groups, recording), _density)
    spectrum = np.nan, np.nan
    if recording.is_even and T >= _FEWEST:
        spectrum = _standing_out(real, groups, spectrum_distance)
    return Twin(groups[0], *density, *spectrum, left)


def _left(states: Float[Matrix, "M T k"], pieces: list[Matrix], scaling: Scaling) -> float:
    """The share of paths that go twice as far from the mean as what was recorded."""
    straight = ~np.array(scaling.angles)
    if not straight.any():
        return float(np.mean(~np.isfinite(states).all(axis=(1, 2))))

    def radius(z):
        return np.linalg.norm(scaling.scale(z)[:, straight], axis=1).max()

    most = 2 * max(radius(piece) for piece in pieces)
    return float(np.mean([not np.isfinite(path).all() or radius(path) > most for path in states]))


def _standing_out(real, groups, distance) -> tuple[float, float]:
    """The mean distance of the real one from all groups, and the largest mean distance of a group
    from the others."""
    number = len(groups)
    among = [
        np.mean([distance(groups[i], groups[j]) for j in range(number) if j != i])
        for i in range(number)
    ]
    return float(np.mean([distance(real, group) for group in groups])), float(max(among))


def _density(a: Matrix, b: Matrix) -> float:
    return state_space_divergence(a, b, num_bins=_BINS)


def _wrapped(states: Matrix, recording: Recording) -> Matrix:
    """Angles within their period."""
    if recording.periodic is None:
        return states
    columns = [states[..., i] if p is None else states[..., i] % p
               for i, p in enumerate(recording.periodic)]  # fmt: skip
    return np.stack(columns, axis=-1)

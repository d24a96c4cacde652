"""The three ways to fit, each a small object: `Refined` (default), `LeastSquares`, `Backprop`."""

import abc
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import jax
import numpy as np

from driftmatch.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_non_negative,
    check_positive,
    clean_fields,
    shown,
)
from driftmatch.errors import InputError
from driftmatch.matching.backprop import train
from driftmatch.matching.blocks import blocks
from driftmatch.matching.features import (
    AbstractFeatures,
    RandomFeatures,
    check_features,
    select_features,
)
from driftmatch.matching.problem import Features, MatchingProblem, Readout
from driftmatch.matching.readouts import LEAST_RIDGE
from driftmatch.matching.refined import Descent, ReducedObjective, features_of
from driftmatch.meters import AbstractMeter, task


class Fitted(NamedTuple):
    """Features, their readout V, shape (n, q), and what would help if they do not suffice.

    - `gain`: by which fraction the error still fell in a step when descent stopped; 0 without any.
    - `num_states`: how many of the problem's states were learnt from; None for all.
    - `off_subspace`, `transverse_abscissa`: see `EmbeddingReport`.
    """

    features: Features
    readout: Readout
    gain: float = 0.0
    num_states: int | None = None
    off_subspace: float = 0.0
    transverse_abscissa: float | None = None


_RANDOM = RandomFeatures()
_MOST_STEPS = 60
_EASY = 0.01  # a private noise
_HOLDS = 2.0  # error on all states over that on those that were learnt from
_MOST_FEATURES = 2**28  # at all states, where it starts again: four such arrays of 1 GB are kept


class AbstractFit(abc.ABC):
    """Chooses n features and their readout V, shape (n, q), for a `MatchingProblem`."""

    name: ClassVar[str]
    # Whether guards are wanted by default (see `confinement`).
    confined: ClassVar[bool]

    @abc.abstractmethod
    def num_states(self, num_neurons: int, latent_dim: int) -> int:
        """How many states the problem should hold."""

    @abc.abstractmethod
    def fit(
        self,
        problem: MatchingProblem,
        num_neurons: int,
        rng: np.random.Generator,
        meter: AbstractMeter,
    ) -> Fitted:
        """Choose the features and solve for their readout; the same `rng`, the same fit."""


@dataclass(frozen=True)
class LeastSquares(AbstractFit):
    """Random features, readouts by linear least squares in float64; no gradient.

    `oversampling` times as many of `features` are drawn and those kept that a noise-robust readout
    leans on most. With private noise s > 0 in the problem the readouts carry the ridge
    R = s² diag E[φ'²], the noise-aware decoder of the Neural Engineering Framework
    (Eliasmith & Anderson 2003); with s = 0 they solve the unregularised problem by QR: as accurate
    as double precision allows, and useless with any noise.
    """

    oversampling: int = 4
    features: AbstractFeatures = _RANDOM
    name: ClassVar[str] = "least-squares"
    confined: ClassVar[bool] = True

    def __post_init__(self):
        clean_fields(self, oversampling=check_count, features=check_features)

    def num_states(self, num_neurons, latent_dim):
        return max(6 * num_neurons, 4096)

    def fit(self, problem, num_neurons, rng, meter):
        with task(meter, "least squares", 1):
            if problem.private_noise >= LEAST_RIDGE:
                number = self.oversampling * num_neurons
                candidates = self.features.draw(problem.states, number, rng)
                small = problem.subset(max(4 * num_neurons, 2048))
                features = select_features(small, candidates, num_neurons)
            else:
                features = _smoothest_features(self.features, problem, num_neurons, rng)
            return Fitted(features, problem.readouts.solve(problem, features))


@dataclass(frozen=True)
class Refined(AbstractFit):
    """Variable projection: the features descend, the readouts follow; see `refined`.

    Starts from the features that `LeastSquares` keeps. `iterations`: how many steps are taken on
    half of the states (fewer below 512 neurons), then on all `states_per_neuron` n of them; by
    default (None) from 24 and 2 for small networks down to 6 and 2 for a thousand neurons, and the
    first on, up to 60, while three steps lower the error by 6 % (12 % in large networks, whose
    steps are slow). To withstand less private noise than 0.01, as many steps towards what
    withstands that come first. Where the error on all states is more than twice that on those
    learnt from, it starts again on all of them, and then on twice as many. `max_slope`: soft limit
    of |Γ'_i|, whitened. `features`: where candidates come from.
    """

    iterations: tuple[int, int] | None = None
    states_per_neuron: int = 16
    oversampling: int = 4
    max_slope: float = 8.0
    features: AbstractFeatures = _RANDOM
    name: ClassVar[str] = "refined"
    confined: ClassVar[bool] = True

    def __post_init__(self):
        if self.iterations is not None:
            if not isinstance(self.iterations, tuple | list) or len(self.iterations) != 2:
                raise InputError(
                    f"iterations must be two numbers of steps, got {shown(self.iterations)}"
                )
            steps = tuple(check_count("each of iterations", number) for number in self.iterations)
            object.__setattr__(self, "iterations", steps)
        clean_fields(
            self,
            states_per_neuron=check_count,
            oversampling=check_count,
            max_slope=check_positive,
            features=check_features,
        )

    def num_states(self, num_neurons, latent_dim):
        return 2 * self._states(num_neurons)[1]

    def _states(self, num_neurons):
        """How many states the first steps take, and the last."""
        number = self.states_per_neuron * num_neurons
        return max(number // 2, 2048), max(number, 8192)

    def fit(self, problem, num_neurons, rng, meter):
        number = max(num_neurons, min(self.oversampling * num_neurons, 2048))
        candidates = self.features.draw(problem.states, number, rng)
        some, every = self._states(num_neurons)

        def descend(first, last, holds):
            parts = problem.subset(first), problem.subset(last)
            try:
                return self._descend(*parts, candidates, num_neurons, meter, holds)
            finally:
                meter.stop()

        may_restart = 2 * every * num_neurons <= _MOST_FEATURES
        fitted = descend(some, every, _HOLDS if may_restart else np.inf)
        fitted = fitted or descend(every, 2 * every, np.inf)
        assert fitted is not None
        return fitted

    def _descend(self, small, problem, candidates, num_neurons, meter, holds):
        """Steps on some of the states, then on all; None where these are too few to learn from."""
        first, last = self.iterations or (min(round(192 / num_neurons**0.5), 24), 2)
        most = _MOST_STEPS if self.iterations is None else 0
        # Features that large readouts ask for are found last.
        noises = sorted({problem.private_noise, max(problem.private_noise, _EASY)}, reverse=True)
        meter.start("refining", len(noises) * max(most, first) + last + 1)
        features = select_features(small, candidates, num_neurons)
        meter.advance(1)

        def on_step(point):
            error = np.sqrt(point.objective / problem.states.shape[1])
            meter.advance(1, f"error {error:.1e}")

        descent = Descent(np.concatenate([features.gamma, features.bias[:, None]], axis=1))
        with blocks(len(small.weights)) as shared:
            for noise in noises:
                part = replace(small, private_noise=noise)
                objective = ReducedObjective(part, self.max_slope, shared)
                learnt = descent.run(objective, first, on_step, most=most)
        gain = descent.gain
        with blocks(len(problem.weights)) as shared:
            objective = ReducedObjective(problem, self.max_slope, shared)
            point = objective.at(descent.theta)
            if np.sqrt(point.objective / learnt.objective) > holds:
                return None
            descent.run(objective, last, on_step, start=point)
        features = features_of(descent.theta)
        gain, number = max(gain, descent.gain), len(problem.weights)
        return Fitted(features, problem.readouts.solve(problem, features), gain, number)


@dataclass(frozen=True)
class Backprop(AbstractFit):
    """Back-propagation with Adam on the two-layer perceptron; see `backprop`.

    The training of the paper (arXiv:2602.14885), kept as the baseline: it places no guards, and
    knows of private noise only if `noise` asks for it in every training pass. `decay`: anneal the
    learning rate to zero along a cosine.
    """

    steps: int = 20_000
    batch_size: int = 1024
    learning_rate: float = 1e-3
    decay: bool = False
    noise: float = 0.0
    name: ClassVar[str] = "backprop"
    confined: ClassVar[bool] = False

    def __post_init__(self):
        clean_fields(
            self,
            steps=check_count,
            batch_size=check_count,
            learning_rate=check_positive,
            decay=check_flag,
            noise=check_non_negative,
        )

    def num_states(self, num_neurons, latent_dim):
        return 50_000

    def fit(self, problem, num_neurons, rng, meter):
        start = RandomFeatures().draw(problem.states, num_neurons, rng)
        features, readout = train(
            problem,
            start,
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            decay=self.decay,
            noise=self.noise,
            key=jax.random.key(int(rng.integers(2**31))),
            meter=meter,
        )
        return Fitted(features, readout)


FITS: dict[str, AbstractFit] = {f.name: f for f in (Refined(), LeastSquares(), Backprop())}


def get_fit(method: str | AbstractFit) -> AbstractFit:
    """The fit of that name; raises `InputError` with the nearest name for an unknown one."""
    if isinstance(method, AbstractFit):
        return method
    name = method.replace("_", "-") if isinstance(method, str) else method
    return FITS[check_choice("method", name, FITS)]


def _smoothest_features(kind: AbstractFeatures, problem, num_neurons, rng) -> Features:
    """Random features with the slope that fits best, judged on states left out.

    Without noise to withstand, gentle slopes whose readouts cancel to many digits can be best.
    """
    half = len(problem.weights) // 2
    training = problem.subset(half)
    candidates = []
    for slope in (0.1, 0.3, 1.0):
        features = kind.draw(problem.states, num_neurons, rng, slope=slope)
        readout = training.readouts.solve(training, features)
        rates = problem.activation.derivatives(features.arguments(problem.states[half:]))[0]
        error = np.sum((rates @ readout - problem.outputs[half:]) ** 2, axis=1)
        error = problem.weights[half:] @ error
        candidates.append((error, features))
    return min(candidates, key=lambda c: c[0])[1]

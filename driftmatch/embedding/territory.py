"""Where an SDE is matched, and where its network is watched: by samples, at given states, or over
a range of inputs."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import InputError
from driftmatch.matching.arguments import check_spread, given_states
from driftmatch.meters import AbstractMeter
from driftmatch.network import InputRange
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.families import InputsAsCoordinates, sample_family
from driftmatch.sampling.given import check_samples, samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.sampling.time_scale import measured_time_scale

Matrix = np.ndarray


@dataclass(frozen=True)
class Watch:
    """Where the network can run beside its target.

    - `input`: a constant one, shape (p,), or None. - `target`: at that input.
    - `runs`: the trajectories of `samples` in the coordinates of the target.
    """

    input: Float[Matrix, " p"] | None
    target: AbstractSDE
    samples: Samples
    runs: Float[Matrix, "M T k"]

    @classmethod
    def of(cls, sde: AbstractSDE, samples: Samples, time_scale: float, input=None) -> "Watch":
        """Angles are laid out on circles."""
        if sde.periodic is None:
            return cls(input, sde, samples, samples.runs)
        circles = OnCircles(sde, time_scale)
        return cls(input, circles, samples, circles.laid_out(samples.runs))


@dataclass(frozen=True)
class Territory:
    """Where an SDE is matched.

    - `sde`: what is matched: the SDE, with angles on circles and its inputs as last coordinates.
    - `visited`: states to learn from; `held_out`: others to judge by.
    - `bounds`: what no state crosses, shape (2, k), or None.
    - `watches`: where the network can be watched.
    """

    sde: AbstractSDE
    visited: Float[Matrix, "N k"]
    held_out: Float[Matrix, "P k"]
    time_scale: float
    bounds: Float[Matrix, "2 k"] | None
    watches: tuple[Watch, ...] = ()

    def on_circles(self) -> "Territory":
        """With every angle laid out on a circle."""
        if self.sde.periodic is None:
            return self
        sde = OnCircles(self.sde, self.time_scale)
        visited, held_out = sde.laid_out(self.visited), sde.laid_out(self.held_out)
        return replace(self, sde=sde, visited=visited, held_out=held_out, bounds=None)


def survey(
    sde: AbstractSDE,
    samples: Samples | None,
    states,
    box,
    inputs: InputRange | None,
    key: PRNGKeyArray,
    rng: np.random.Generator,
    meter: AbstractMeter,
) -> Territory:
    """Where to match, by what the user gave; raises `InputError` if that does not go together."""
    check_inputs(sde, inputs)
    check_samples(sde, samples)
    given = states is not None or box is not None
    if samples is not None and (given or inputs is not None):
        raise InputError("samples go with neither states nor box nor inputs: give one of these")
    if given:
        joint = sde if inputs is None else InputsAsCoordinates(sde, inputs)
        visited, held_out = given_states(joint, states, box, rng)
        time_scale = sde.time_scale or _time_scale_of(joint, visited)
        found = Territory(joint, visited, held_out, time_scale, None)
    elif inputs is not None:
        family = sample_family(sde, inputs, key, meter)
        watches = tuple(
            Watch.of(sde.at(u), one, family.time_scale, u)
            for u, one in zip(family.inputs, family.samples, strict=True)
        )
        found = Territory(
            family.sde, family.visited, family.held_out, family.time_scale, family.bounds, watches
        )
    else:
        samples = samples_of(sde, samples, key, meter).require_place()
        visited, held_out = samples.halves(rng)
        watches = (Watch.of(sde, samples, samples.time_scale),)
        found = Territory(sde, visited, held_out, samples.time_scale, samples.bounds, watches)
    found = found.on_circles()
    check_spread(found.sde, found.visited)
    return found


def check_inputs(sde: AbstractSDE, inputs: InputRange | None) -> None:
    """Raises `InputError` unless there is a finite range just where an input steers the SDE."""
    p = sde.input_dim
    if inputs is not None and not isinstance(inputs, InputRange):
        raise InputError(
            f"inputs must be a driftmatch.InputRange(lower, upper), got {type(inputs).__name__}"
        )
    if p == 0 and inputs is not None:
        raise InputError(
            f"{sde.name} takes no input: give inputs to an SDE with input_dim=, whose drift is a "
            "function of z and u"
        )
    if p and inputs is None:
        raise InputError(
            f"{sde.name} is steered by an input of shape ({p},): say over which range its network "
            "is to follow it, by inputs=driftmatch.InputRange(lower, upper), or choose a value, by "
            ".at(value)"
        )
    if inputs is not None and inputs.dim != p:
        raise InputError(
            f"inputs has {inputs.dim} dimensions, but {sde.name} takes an input of shape ({p},)"
        )
    if inputs is not None and not inputs.is_finite:
        raise InputError("inputs must be a finite range for a network to be matched on")


def _time_scale_of(sde: AbstractSDE, states: np.ndarray) -> float:
    """The time scale on given states; refuses an SDE that moves nowhere there."""
    scale = measured_time_scale(sde, states)
    if not np.isfinite(scale):
        raise InputError(
            f"{sde.name} has neither drift nor noise at the states given: there is nothing to match"
        )
    return scale

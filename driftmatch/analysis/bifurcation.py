"""Fixed points of a steered system against its input."""

import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.fixed_points import FixedPoints, fixed_points
from driftmatch.arguments import (
    check_array,
    check_box,
    check_count,
    check_key,
    check_meter,
    or_none,
)
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.words import spelled

Matrix = np.ndarray


class Bifurcation(Record):
    """A bifurcation diagram: the fixed points of a system at each of Q constant inputs.

    - `inputs`: shape (Q, p). - `found`: the fixed points at each of them, in one box.
    - `name`: of the system; `coordinates`: names of z, or None.
    """

    inputs: Float[Matrix, "Q p"]
    found: tuple[FixedPoints, ...]
    name: str
    coordinates: tuple[str, ...] | None = None

    @property
    def number(self) -> Matrix:
        """How many fixed points there are at each input, shape (Q,)."""
        return np.array([len(f.points) for f in self.found])

    @property
    def number_stable(self) -> Matrix:
        """How many of them are stable, shape (Q,)."""
        return np.array([int(f.is_stable.sum()) for f in self.found])

    @property
    def changes(self) -> Matrix:
        """Indices q of inputs from which to the next the number of (stable) points changes."""
        counts = np.stack([self.number, self.number_stable])
        return np.flatnonzero(np.any(np.diff(counts, axis=1) != 0, axis=0))

    @property
    def outcome(self) -> Outcome:
        """The first outcome that is no success, if there is one."""
        return next((f.outcome for f in self.found if not f.outcome.ok), Outcome.SUCCESS)


@spelled
def bifurcation(
    system: AbstractSDE,
    inputs: ArrayLike,
    *,
    key: PRNGKeyArray,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    num_starts: int = 128,
    meter: AbstractMeter | bool = SILENT,
) -> Bifurcation:
    """The fixed points of an SDE or a network that an input steers, at several constant inputs.

    - `inputs`: shape (Q, p), or (Q,) if p = 1, such as ``np.linspace(20, 30, 41)``.
    - `box`: lower and upper corner of where to search, each of shape (k,); by default what holds
      the boxes that `fixed_points` chooses at the first, the middle and the last input.
    - `key`, `num_starts`: as in `fixed_points`. - `meter`: told of the progress.

    Raises `InputError` for a system without inputs.
    """
    if not isinstance(system, AbstractSDE):
        raise InputError(f"system must be a Network or an SDE, got {type(system).__name__}")
    p = system.input_dim
    if p == 0:
        raise InputError(
            f"{system.name} takes no input; an SDE of z and u has one, by input_dim=, and a "
            "network that embed made with inputs="
        )
    inputs = check_array("inputs", inputs, ("Q", p), *([("Q",)] if p == 1 else [])).reshape(-1, p)
    key, num_starts = check_key(key), check_count("num_starts", num_starts)
    meter = check_meter(meter)
    box = or_none(lambda what, value: check_box(value, system.at(inputs[0]).dim))("box", box)
    Q, found = len(inputs), []
    with task(meter, f"bifurcation {system.name}", Q):
        if box is None:
            some = [fixed_points(system.at(inputs[q]), key=key) for q in sorted({0, Q // 2, Q - 1})]
            corners = np.stack([f.box for f in some])
            box = corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)
        for u in inputs:
            found.append(fixed_points(system.at(u), box, key=key, num_starts=num_starts))
            meter.advance(1)
    names = system.coordinates
    return Bifurcation(inputs, tuple(found), system.name, names and names[: len(box[0])])  # pyright: ignore[reportArgumentType]

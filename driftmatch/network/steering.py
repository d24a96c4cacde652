"""What is particular to networks that are steered by an input; see `Network`."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.stats import qmc

from driftmatch.arguments import check_array, is_traced, shown
from driftmatch.domain import check_coordinates
from driftmatch.errors import ExtrapolationWarning, InputError
from driftmatch.network.connectivity import LowRank
from driftmatch.network.lift import Affine
from driftmatch.network.shared_noise import SharedNoise
from driftmatch.network.signed import Signed
from driftmatch.records import Record
from driftmatch.wrappers import Input, Steering, check_input

if TYPE_CHECKING:  # networks make others of themselves
    from driftmatch.network.network import Network


class InputRange(Record):
    """The inputs that steer a network: a box of p dimensions, in the input's own units.

    - `lower`, `upper`: shape (p,), or numbers if p = 1; infinite where there is no bound.
    - `names`, `units`: of the input's numbers, as of the coordinates of an SDE.
    """

    lower: Float[np.ndarray, " p"]
    upper: Float[np.ndarray, " p"]
    names: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        names: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
    ):
        corners = [
            np.atleast_1d(check_array(what, value, (), ("p",), finite=False))
            for what, value in (("lower", lower), ("upper", upper))
        ]
        low, high = corners
        if low.shape != high.shape or not np.all(low < high):
            raise InputError(
                "lower and upper must be as many numbers, each lower one below its upper one, got "
                f"{shown(lower)} and {shown(upper)}"
            )
        names, units = check_coordinates(names, units, len(low))
        for name, value in (("lower", low), ("upper", high), ("names", names), ("units", units)):
            object.__setattr__(self, name, value)

    @property
    def dim(self) -> int:
        """p."""
        return len(self.lower)

    @property
    def is_finite(self) -> bool:
        """Whether it has all its bounds."""
        return bool(np.isfinite(self.lower).all() and np.isfinite(self.upper).all())

    @property
    def centre(self) -> Float[np.ndarray, " p"]:
        """The middle of a finite range."""
        return 0.5 * (self.lower + self.upper)

    def contains(self, inputs: Float[np.ndarray, "*batch p"], margin: float = 1e-9) -> bool:
        """Whether all these inputs are inside, to within a fraction of the width."""
        inputs = np.asarray(inputs)
        room = margin * np.where(np.isfinite(self.upper - self.lower), self.upper - self.lower, 0)
        return bool(np.all((inputs >= self.lower - room) & (inputs <= self.upper + room)))

    def landmarks(self) -> Float[np.ndarray, "Q p"]:
        """Inputs that stand for a finite range: five of a single number, or else the middle and,
        of two, the corners, of more the ends of every axis."""
        p = self.dim
        if p == 1:
            unit = np.linspace(-1, 1, 5)[:, None]
        elif p == 2:
            unit = np.array([[0, 0], [-1, -1], [1, 1], [-1, 1], [1, -1]])
        else:
            unit = np.concatenate([np.zeros((1, p)), -np.eye(p), np.eye(p)])
        return self.centre + 0.5 * (self.upper - self.lower) * unit

    def spread(self, number: int, rng: np.random.Generator) -> Float[np.ndarray, "number p"]:
        """So many inputs, evenly over a finite range, in random order."""
        unit = qmc.Sobol(self.dim, rng=rng).random(number)
        return self.lower + (self.upper - self.lower) * rng.permutation(unit)


def check_inputs(inputs: Any, readout: Any) -> Any:
    """The two corners of a range, shape (2, p); raises `InputError` unless the last p latent
    coordinates receive nothing from the rates."""
    if inputs is None:
        return None
    if not isinstance(inputs, InputRange):
        raise InputError(f"inputs must be a driftmatch.InputRange, got {shown(inputs)}")
    p, k = inputs.dim, readout.shape[0]
    if p >= k:
        raise InputError(f"{p} inputs leave none of the {k} latent coordinates")
    if not is_traced(readout) and np.any(readout[k - p :]):
        raise InputError(
            f"the last {p} rows of readout must be 0: coordinates that are an input receive "
            "nothing from the rates"
        )
    return np.stack([inputs.lower, inputs.upper])


def at_input(network: "Network", u: Any) -> "Network":
    """τ dx = [−x + Γ_z W_s φ(x) + b + Γ_u u] dt + …, of the first latent coordinates alone."""
    k = network.latent_dim - network.input_dim
    inputs = None if is_traced(network._input_range) or is_traced(u) else network.inputs
    if inputs is not None and not inputs.contains(u):
        warnings.warn(
            f"{network.name} was matched for inputs from {inputs.lower.tolist()} to "
            f"{inputs.upper.tolist()}, and {np.asarray(u).tolist()} is outside",
            ExtrapolationWarning,
            stacklevel=3,
        )
    gamma, noise = network.gamma, network.shared_noise
    lift = Affine(gamma[:, :k], network.bias + gamma[:, k:] @ u)
    readout = None if noise.readout is None else noise.readout[:k]
    names, units = network.coordinates, network.units
    connectivity = LowRank(lift, network.readout[:k])
    if isinstance(network.connectivity, Signed):
        connectivity = Signed(lift, network.readout[:k], network.connectivity.common)
    return network._with(
        connectivity=connectivity,
        shared_noise=SharedNoise(noise.constant[:k], readout),
        _starts=None if network.starts is None else network.starts[:, :k],
        _coordinates=None if names is None else names[:k],
        _units=None if units is None else units[:k],
        _input_range=None,
    )


def latent_input(network: "Network", input: Input | None, dims: tuple[int, ...]) -> Input | None:
    """An input of one of these dimensions, or none; one of p numbers, which steers, as one of all
    latent coordinates, of which it moves the last p. A steered network needs one."""
    if input is None:
        if network.input_dim:
            raise InputError(
                f"{network.name} is steered by an input of shape ({network.input_dim},): pass "
                "input=, or choose a constant value by .at(value)"
            )
        return None
    p = (network.input_dim,) if network.input_dim else ()
    if check_input(input, (*p, *dims)) in p:
        return Steering(input, network.dim, network.input_dim)
    return input


def range_of(network: "Network") -> InputRange | None:
    """The range of its input, which is called as its last coordinates are; None without any."""
    if network._input_range is None:
        return None
    p, names, units = network.input_dim, network.coordinates, network.units
    return InputRange(*np.asarray(network._input_range), names and names[-p:], units and units[-p:])  # pyright: ignore[reportCallIssue]

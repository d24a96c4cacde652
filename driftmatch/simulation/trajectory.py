"""What a simulation returns: sampled paths, with the words and numbers needed to read them."""

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import check_flag, shown
from driftmatch.domain import labels
from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.records import Record

if TYPE_CHECKING:
    import pandas
    import xarray


class Trajectory(Record):
    """Sampled paths of an SDE.

    - `times`: shape (T,), in units of time; ``times[0]`` is 0, the start itself.
    - `states`: shape (M, T, k), M paths in the SDE's own units.
    - `outcome`: how the run ended.
    - `name`: what was simulated.
    - `dt`: the step of the integration (the samples may be further apart).
    - `reason`: why the run ended before its time, in a sentence, or None.
    - `coordinates`, `units`: names and units of the k coordinates, or None.
    - `is_network`: whether it is a network's run, read from a file: the states are its latent ones.
      Then `neurons`, shape (M, T, n), are there if they were written; `private_noise`: of neurons.
    """

    times: Float[np.ndarray, " T"]
    states: Float[np.ndarray, "M T k"]
    outcome: Outcome
    name: str
    dt: float
    reason: str | None = None
    is_network: bool = False
    neurons: Float[np.ndarray, "M T n"] | None = None
    private_noise: float = 0.0
    coordinates: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None

    def to_xarray(self) -> "xarray.Dataset":
        """`states` (`latent` of a network) with the dimensions trajectory, time and component, the
        rest as attributes; names and units of coordinates, where they have some, are coordinates
        `component` and `unit`."""
        return _dataset(self, neurons=self.neurons is not None)

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for every state, a column for every coordinate, by its name or z1, z2 ...; the
        index says trajectory and time."""
        return _table(self)

    def __iter__(self) -> Iterator[tuple[float, Float[np.ndarray, "M k"]]]:
        """By time: ``for t, z in run`` gives each time and the states of all paths then."""
        return _by_time(self)


class NetworkTrajectory(Record):
    """Sampled paths of a network.

    - `times`: shape (T,), in units of time; ``times[0]`` is 0, the start itself.
    - `latent`: shape (M, T, k), the latent coordinates z = Γ⁺(x − b) of M paths.
    - `outcome`: how the run ended.
    - `network`: what was simulated.
    - `dt`: the step of the integration (the samples may be further apart).
    - `reason`: why the run ended before its time, in a sentence, or None.
    - `neurons`: shape (M, T, n), the neurons x. While a run stays on the invariant subspace they
      are Γz + b, computed when asked for; `neurons_at` computes a part of them.
    """

    times: Float[np.ndarray, " T"]
    latent: Float[np.ndarray, "M T k"]
    outcome: Outcome
    network: Network
    dt: float
    reason: str | None = None
    stored_neurons: Float[np.ndarray, "M T n"] | None = field(default=None, repr=False)

    @property
    def states(self) -> Float[np.ndarray, "M T k"]:
        """The latent coordinates, under the name that they have in a `Trajectory`."""
        return self.latent

    @property
    def name(self) -> str:
        """Of the network."""
        return self.network.name

    @property
    def coordinates(self) -> tuple[str, ...] | None:
        """Of the network."""
        return self.network.coordinates

    @property
    def units(self) -> tuple[str, ...] | None:
        """Of the network."""
        return self.network.units

    @property
    def is_network(self) -> bool:
        """Whether a network was run, and so is drawn as one."""
        return True

    @property
    def private_noise(self) -> float:
        """Of the network."""
        return self.network.private_noise

    @property
    def neurons(self) -> Float[np.ndarray, "M T n"]:
        """x of every neuron at every time."""
        return self.neurons_at()

    def to_xarray(self, *, neurons: bool = False) -> "xarray.Dataset":
        """`latent`, and `neurons` if asked for, with the dimensions trajectory, time, component and
        neuron, the rest as attributes."""
        return _dataset(self, neurons=check_flag("neurons", neurons))

    def to_dataframe(self) -> "pandas.DataFrame":
        """The latent coordinates as the table of a `Trajectory` has its states."""
        return _table(self)

    def __iter__(self) -> Iterator[tuple[float, Float[np.ndarray, "M k"]]]:
        """By time: ``for t, z in run`` gives each time and the latent states of all paths then."""
        return _by_time(self)

    def neurons_at(
        self,
        times: slice | np.ndarray = slice(None),
        neurons: slice | np.ndarray = slice(None),
    ) -> Float[np.ndarray, "M t m"]:
        """x of some neurons at some times, both chosen by slices or by arrays of indices.

        Only this part is computed, so that a long run of a large network can be read in pieces.
        Raises `InputError` for what is no slice or array of indices, and for indices out of range.
        """
        times = _chosen("times", times, len(self.times))
        neurons = _chosen("neurons", neurons, self.network.num_neurons)
        if self.stored_neurons is not None:
            return self.stored_neurons[:, times][..., neurons]
        lift, latent = self.network.lift.of(neurons), self.latent[:, times]
        return latent @ lift.gamma.astype(latent.dtype).T + lift.bias.astype(latent.dtype)


Run = Trajectory | NetworkTrajectory


def _dataset(run: Run, *, neurons: bool) -> "xarray.Dataset":
    import xarray  # here, for it is slow to import

    attributes = {"name": run.name, "dt": float(run.dt), "outcome": str(run.outcome)}
    if run.reason is not None:
        attributes["reason"] = run.reason
    if run.private_noise > 0:
        attributes["private_noise"] = float(run.private_noise)
    name = "latent" if run.is_network else "states"
    arrays = {name: (("trajectory", "time", "component"), run.states)}
    if neurons:
        arrays["neurons"] = (("trajectory", "time", "neuron"), np.asarray(run.neurons))
    labels = {"component": run.coordinates, "unit": run.units}
    coordinates: dict[str, Any] = {
        name: ("component", list(words)) for name, words in labels.items() if words is not None
    }
    return xarray.Dataset(arrays, coords={"time": run.times} | coordinates, attrs=attributes)


def _table(run: Run) -> "pandas.DataFrame":
    import pandas  # here, for it is slow to import

    M, T, k = run.states.shape
    index = pandas.MultiIndex.from_product([range(M), run.times], names=["trajectory", "time"])
    columns = pandas.Index(labels(run.coordinates, k))
    return pandas.DataFrame(np.asarray(run.states).reshape(M * T, k), index, columns)


def _by_time(run: Run) -> Iterator[tuple[float, Float[np.ndarray, "M k"]]]:
    return zip(run.times.tolist(), np.swapaxes(run.states, 0, 1), strict=True)


def _chosen(what: str, chosen: Any, number: int) -> slice | np.ndarray:
    """A slice, or an array of indices or of whether each of them is chosen."""
    if isinstance(chosen, slice):
        return chosen
    try:
        array = np.asarray(chosen)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    is_within = array.dtype.kind in "iu" and np.all((-number <= array) & (array < number))
    if (array.ndim == 1 and is_within) or (array.dtype == bool and array.shape == (number,)):
        return array
    raise InputError(
        f"{what} must be a slice or an array of indices below {number}, got {shown(chosen)}"
    )

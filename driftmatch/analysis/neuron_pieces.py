"""Recordings of neurons read in pieces, so that they may be larger than memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.recordings.recording import Recording
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_NUMBERS = 2**21  # in a piece, 16 MB
_SHAPES = "(time, n) or (trials, time, n)"


class Piece(NamedTuple):
    """Some samples of a recording.

    - `samples`: shape (t, n), finite, in float64. - `resolution`: the relative rounding error of
      the numbers that were recorded; that of float64 for whole numbers.
    """

    samples: Float[np.ndarray, "t n"]
    resolution: float


@dataclass(frozen=True)
class NeuronPieces:
    """Where pieces come from.

    - `open`: an iterator over shape (t, n) or (trials, t, n), with the place of its first sample.
    - `is_lasting`: whether it can be read twice.
    """

    open: Callable[[], Iterator[tuple[Any, tuple[int, int]]]]
    is_lasting: bool

    @classmethod
    def of(cls, neurons: Any) -> "NeuronPieces":
        """Of anything that `subspace` takes."""
        if isinstance(neurons, Recording):
            return cls(lambda: _of_recording(neurons), True)
        if isinstance(neurons, NetworkTrajectory):
            return cls(lambda: _of_network(neurons), True)
        if isinstance(neurons, Trajectory):
            if neurons.is_network and neurons.neurons is None:
                raise InputError(
                    f"the run of {neurons.name} was saved without its neurons: save it again with "
                    "save_trajectory(..., neurons=True)"
                )
            return cls.of(neurons.neurons if neurons.is_network else neurons.states)
        if hasattr(neurons, "data_vars"):  # an xarray Dataset
            return cls.of(_variable(neurons))
        if hasattr(neurons, "shape") and hasattr(neurons, "__getitem__"):
            if "neuron" in getattr(neurons, "dims", ()):
                neurons = neurons.transpose(..., "neuron")
            if len(neurons.shape) not in (2, 3) or 0 in neurons.shape:
                raise InputError(f"neurons must have shape {_SHAPES}, got {tuple(neurons.shape)}")
            return cls(lambda: _of_array(neurons), True)
        if callable(neurons):
            return cls(lambda: _of_chunks(_called(neurons)), True)
        if isinstance(neurons, (list, tuple)):
            if len(neurons) == 0 or np.ndim(neurons[0]) < 2:
                return cls.of(_as_array(neurons))
            return cls(lambda: _of_chunks(neurons), True)
        if isinstance(neurons, Iterable) and not isinstance(neurons, (str, bytes, dict)):
            return cls(lambda: _of_chunks(neurons), False)
        raise InputError(
            f"neurons must be an array of shape {_SHAPES}, a run, or chunks of shape (time, n), "
            f"got {type(neurons).__name__}"
        )

    def pieces(self) -> Iterator[Piece]:
        """One after the other; raises `InputError` where one cannot be used."""
        num_neurons = None
        for values, (trial, sample) in self.open():
            array = _as_array(values)
            if array.ndim not in (2, 3) or array.shape[-1] == 0:
                raise InputError(f"a piece of a recording must have shape {_SHAPES}, got "
                                 f"{array.shape}")  # fmt: skip
            num_neurons = array.shape[-1] if num_neurons is None else num_neurons
            if array.shape[-1] != num_neurons:
                raise InputError(
                    f"all pieces of a recording must have {num_neurons} neurons, as the first, got "
                    f"one of {array.shape[-1]} at sample {sample}"
                )
            is_rounded = np.issubdtype(array.dtype, np.floating)
            resolution = np.finfo(array.dtype if is_rounded else np.float64).eps
            _check_finite(array, trial, sample)
            samples = array.reshape(-1, num_neurons).astype(np.float64)
            if len(samples) > 0:
                yield Piece(samples, float(resolution))


def _of_network(run: NetworkTrajectory):
    M, T = run.latent.shape[:2]
    step = max(1, _NUMBERS // (M * run.network.num_neurons))
    for first in range(0, T, step):
        yield run.neurons_at(slice(first, min(first + step, T))), (0, first)


def _of_recording(recording: Recording):
    """But for samples in which a neuron is missing."""
    if not recording.pieces:
        raise InputError(
            f"no two samples in a row of {recording.name} have a number for every neuron: leave "
            "out neurons that are missing"
        )
    for piece in recording.pieces:
        for values, (_, first) in _of_array(recording.states[piece]):
            yield values, (0, piece.start + first)


def _of_array(array):
    """Slices of anything that has a shape: in memory, mapped to it, or in a file."""
    *trials, T, n = array.shape
    step = max(1, _NUMBERS // n)
    if not trials:
        for first in range(0, T, step):
            yield array[first : min(first + step, T)], (0, first)
        return
    together = max(1, step // T)
    for trial in range(0, trials[0], together):
        for first in range(0, T, step):
            last = min(trial + together, trials[0]), min(first + step, T)
            yield array[trial : last[0], first : last[1]], (trial, first)


def _of_chunks(chunks: Iterable):
    first = 0
    for chunk in chunks:
        yield chunk, (0, first)
        shape = np.shape(chunk)
        first += shape[-2] if len(shape) > 1 else 0


def _called(function: Callable) -> Iterable:
    chunks = function()
    if not isinstance(chunks, Iterable):
        raise InputError(
            f"a function that gives a recording must return its chunks, such as a generator does, "
            f"got {type(chunks).__name__}"
        )
    return chunks


def _variable(dataset):
    if "neurons" not in dataset.data_vars:
        raise InputError(
            f"a dataset must hold a variable named neurons, got {', '.join(dataset.data_vars)}: "
            "save the run with neurons=True, or pass one variable"
        )
    return dataset["neurons"]


def _as_array(values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"neurons must be an array of shape {_SHAPES}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"neurons must be real numbers, got {array.dtype}")
    return array


def _check_finite(array: np.ndarray, trial: int, sample: int) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        *trials, at, neuron = np.argwhere(~finite)[0]
        place = f"trial {trial + trials[0]}, " if trials else ""
        raise InputError(
            f"the recording is not finite at {place}sample {sample + at}, neuron {neuron} (counted "
            "from 0): leave out such samples or neurons, or fill them in"
        )

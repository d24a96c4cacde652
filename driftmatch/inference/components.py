"""Recordings of neurons, in their principal components."""

import numpy as np

from driftmatch.analysis.subspace import Subspace, subspace
from driftmatch.errors import InputError
from driftmatch.recordings.recording import Recording


def component_recording(recording: Recording, number: int) -> Recording:
    """The scores of the first components, NaN where a neuron is missing.

    Components are told from all samples in which no neuron is missing.
    """
    if number > recording.dim:
        raise InputError(
            f"components must be at most the {recording.dim} coordinates of {recording.name}, got "
            f"{number}"
        )
    found = subspace(lambda: (recording.states[piece] for piece in recording.pieces), number)
    return _scores(recording, found)


def _scores(recording: Recording, found: Subspace) -> Recording:
    size = max(1, 2**22 // recording.dim)
    parts = [
        found.scores(np.asarray(recording.states[first : first + size], np.float64))
        for first in range(0, recording.num_samples, size)
    ]
    names = tuple(f"component {i + 1}" for i in range(found.dimension))
    return Recording(np.concatenate(parts), recording.times, recording.starts, names,
                     name=recording.name)  # fmt: skip

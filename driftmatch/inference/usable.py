"""Can anything be learnt from a recording?"""

import numpy as np

from driftmatch.errors import InputError
from driftmatch.recordings.recording import Recording

FEWEST = 50  # transitions
_SMALLEST, _LARGEST = 1e-16, 1e16  # standard deviations
_DEPENDENT = 1e-10  # an eigenvalue of the correlations
_SOME = 50_000  # samples that tell


def usable_pieces(recording: Recording, lag: int) -> list[slice]:
    """Where nothing is missing; raises `InputError` where nothing can be learnt over that lag."""
    if constant := recording.constant_columns:
        raise InputError(
            f"every coordinate of {recording.name} must change, and {' and '.join(constant)} never "
            "did: leave such columns out"
        )
    pieces = recording.pieces
    steps = sum(max(piece.stop - piece.start - lag, 0) for piece in pieces)
    if steps < FEWEST * lag:
        over = "" if lag == 1 else f" for a lag of {lag}"
        raise InputError(
            f"{recording.name} must have at least {FEWEST * lag} steps between samples that are "
            f"not missing{over}, got {steps}: record for longer, or fill short gaps"
        )
    _check_scales(recording, pieces)
    return pieces


def _check_scales(recording: Recording, pieces: list[slice]) -> None:
    """Raises `InputError` for units that single precision cannot square, and for coordinates that
    are sums of others."""
    states = np.concatenate([np.asarray(recording.states[p], np.float64) for p in pieces])
    states = states[:: 1 + len(states) // _SOME]
    with np.errstate(all="ignore"):
        scale = states.std(axis=0)
    for name, size in zip(recording.labels, scale, strict=True):
        if not _SMALLEST < size < _LARGEST:
            raise InputError(
                f"{name} has a standard deviation of {size:.3g}, too far from 1 for its square: "
                "record it in other units"
            )
    values, vectors = np.linalg.eigh(np.corrcoef(states, rowvar=False).reshape(len(scale), -1))
    if values[0] < _DEPENDENT:
        part = np.abs(vectors[:, 0]) > 0.1
        names = [name for name, is_part in zip(recording.labels, part, strict=True) if is_part]
        raise InputError(
            f"{' and '.join(names)} depend on each other linearly, so that one says nothing new: "
            "leave it out"
        )

"""Recordings, and what a model makes of them, as runs that other figures can draw."""

import numpy as np
from jaxtyping import Float

from driftmatch.inference.inference import Inference
from driftmatch.outcomes import Outcome
from driftmatch.recordings.recording import Recording
from driftmatch.simulation.trajectory import Trajectory


def recorded_run(recording: Recording) -> Trajectory:
    """All of it as one path, angles within a turn; NaN where a line must break: at gaps, where
    segments end and where an angle begins another turn. Segments follow each other."""
    parts, times, begin = [], [], 0.0
    gap = np.full((1, recording.dim), np.nan)
    for piece in recording.pieces:
        own = recording.times[piece]
        z = within_turns(recording, np.asarray(recording.states[piece], np.float64))
        turns = 1 + np.flatnonzero(_turns(recording, z))
        at = begin + own - own[0]
        middle = (at[turns] + at[turns - 1]) / 2
        z, at = np.insert(z, turns, gap, axis=0), np.insert(at, turns, middle)
        parts += [z, gap]
        times += [at, at[-1:] + recording.dt / 2]
        begin = at[-1] + recording.dt
    states, when = np.concatenate(parts[:-1]), np.concatenate(times[:-1])
    return _run(recording, when, states[None])


def longest_run(recording: Recording, samples: int) -> Trajectory:
    """The longest piece, at most so many samples of it."""
    longest = max(recording.pieces, key=lambda piece: piece.stop - piece.start)
    z = np.asarray(recording.states[longest], np.float64)[:samples]
    return _run(recording, recording.dt * np.arange(len(z)), within_turns(recording, z)[None])


def twin_run(est: Inference) -> Trajectory | None:
    """What of the model's own recordings stayed finite."""
    states = est.twin.states[np.isfinite(est.twin.states).all(axis=(1, 2))]
    if states.shape[0] == 0 or states.shape[1] < 2:
        return None
    times = est.recording.dt * np.arange(states.shape[1])
    return _run(est.recording, times, within_turns(est.recording, states))


def within_turns(
    recording: Recording, states: Float[np.ndarray, "*samples k"]
) -> Float[np.ndarray, "*samples k"]:
    """The same states, angles between 0 and their period."""
    if recording.periodic is None:
        return states
    columns = [states[..., i] if period is None else states[..., i] % period
               for i, period in enumerate(recording.periodic)]  # fmt: skip
    return np.stack(columns, axis=-1)


def _turns(recording: Recording, z: Float[np.ndarray, "t k"]):
    """Before which samples but the first an angle began another turn."""
    half = [np.inf if p is None else p / 2 for p in recording.periodic or (None,) * recording.dim]
    return np.any(np.abs(np.diff(z, axis=0)) > half, axis=1)


def _run(recording: Recording, times, states) -> Trajectory:
    return Trajectory(times, states, Outcome.SUCCESS, recording.name, recording.dt,
                      coordinates=recording.coordinates, units=recording.units)  # fmt: skip

"""What was measured, as one record: states at times, in segments."""

from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from driftmatch.arguments import check_count, check_text
from driftmatch.domain import check_coordinates, check_periods, labels
from driftmatch.errors import InputError
from driftmatch.recordings import clock
from driftmatch.recordings.angles import unwrapped
from driftmatch.recordings.delays import delayed_names, delayed_states, spans, starts
from driftmatch.recordings.measured import Measured, check_states, chunks
from driftmatch.recordings.sources import measured
from driftmatch.records import Record
from driftmatch.words import spelled

if TYPE_CHECKING:
    import pandas
    import xarray


class Recording(Record):
    """What was measured: states at times, in one or several segments.

    - `states`: shape (T, k), all segments one after the other, in float32 or float64; NaN where a
      number is missing. May be mapped to a file, and then larger than memory.
    - `times`: shape (T,), in units of time; they increase within a segment.
    - `starts`: shape (S,), the place of the first sample of every segment; ``starts[0]`` is 0.
    - `coordinates`, `units`: names and units of the k coordinates, or None.
    - `periodic`: the period of every coordinate that is an angle, None for the others, or None if
      there is none. `of` and `read_recording` count angles on over whole turns.
    - `name`: what was measured.
    - `notes`: what was found out about the data when they were read, in sentences; two recordings
      may be equal that differ in these.

    Raises `InputError` unless all of this fits together.
    """

    states: Float[np.ndarray, "T k"]
    times: Float[np.ndarray, " T"]
    starts: Int[np.ndarray, " S"]
    coordinates: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    periodic: tuple[float | None, ...] | None = None
    name: str = "recording"
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self):
        check_text("name", self.name)
        T, dim = check_states(self.states).shape
        starts = clock.check_starts(self.starts, T)
        names, units = check_coordinates(self.coordinates, self.units, dim)
        given = {
            "starts": starts,
            "times": clock.check_times(self.times, starts, T),
            "coordinates": names,
            "units": units,
            "periodic": check_periods(self.periodic, dim, None, None),
        }
        for what, value in given.items():
            object.__setattr__(self, what, value)

    @classmethod
    @spelled
    def of(
        cls,
        data: Any,
        *,
        dt: float | None = None,
        times: ArrayLike | Sequence[ArrayLike] | None = None,
        coordinates: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        periodic: float | Sequence[float | None] | None = None,
        name: str | None = None,
    ) -> "Recording":
        """A recording of what is in memory.

        **Arguments**

        - `data`: an array of shape (T,), (T, k) or, for M segments, (M, T, k); a list of arrays of
          the first two shapes, a segment each; what `simulate` or `load_trajectory` returned, of a
          network its latent coordinates; a DataFrame or Series of pandas; a Dataset or DataArray of
          xarray; a recording, whose names, units, periods and name can be changed.
        - `dt`: the interval between samples, in units of time, or
        - `times`: when they were taken, shape (T,), also for each of M segments, or a list of such
          arrays, one for every segment. One of the two for what has no times of its own.
        - `coordinates`, `units`: names and units of the k coordinates, in place of those in `data`.
        - `periodic`: the period of every coordinate that is an angle, None for the others. Jumps by
          more than half a period are taken for a turn, and angles counted on within a segment.
        - `name`: what was measured.

        Numbers are kept in float32 or float64, whole numbers and truth values become float64; what
        is NaN or masked is missing. Times that are dates become seconds since the first.

        Raises `InputError` for anything else, for times that do not increase or are missing, and if
        both or neither of `dt` and `times` are known.
        """
        if isinstance(data, Recording):
            parts = Measured(data.states, data.starts, data.times, data.coordinates, data.units,
                             data.name, data.notes)  # fmt: skip
            periodic = data.periodic if periodic is None else periodic
        else:
            parts = measured(data)
        when = clock.times_for(parts, dt, times)
        states, periods = parts.states, check_periods(periodic, parts.states.shape[1], None, None)
        if periods is not None:
            states = unwrapped(check_states(states), parts.starts, periods)
        return cls(
            states,
            when,
            parts.starts,
            parts.coordinates if coordinates is None else coordinates,  # pyright: ignore[reportArgumentType]
            parts.units if units is None else units,  # pyright: ignore[reportArgumentType]
            periods,
            (parts.name or "recording") if name is None else name,
            parts.notes,
        )

    @property
    def num_samples(self) -> int:
        """T."""
        return self.states.shape[0]

    @property
    def dim(self) -> int:
        """k."""
        return self.states.shape[1]

    @property
    def num_segments(self) -> int:
        """S."""
        return len(self.starts)

    @cached_property
    def duration(self) -> float:
        """From the first sample to the last, summed over the segments."""
        return float(sum(times[-1] - times[0] for times, _ in self.segments))

    @cached_property
    def dt(self) -> float:
        """The median interval between samples."""
        return clock.interval(self.times, self.starts)

    @cached_property
    def is_even(self) -> bool:
        """Whether all intervals are `dt` to one part in a thousand, but for gaps."""
        return clock.is_even(self.times, self.starts, self.dt)

    @cached_property
    def num_missing(self) -> int:
        """In how many samples a coordinate is missing."""
        return sum(int(np.isnan(part).any(axis=1).sum()) for part in chunks(self.states))

    @cached_property
    def constant_columns(self) -> tuple[str, ...]:
        """The coordinates that never change, by `labels`; also those that were never measured."""
        low, high = np.full(self.dim, np.inf), np.full(self.dim, -np.inf)
        for part in chunks(self.states):
            low = np.fmin(low, np.fmin.reduce(part, axis=0))
            high = np.fmax(high, np.fmax.reduce(part, axis=0))
        return tuple(self.labels[i] for i in np.flatnonzero(low >= high))

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the coordinates; z, or z1, z2 ..., where they have none."""
        return labels(self.coordinates, self.dim)

    @property
    def segments(self) -> list[tuple[Float[np.ndarray, " t"], Float[np.ndarray, "t k"]]]:
        """Times and states of every segment."""
        ends = [*self.starts[1:], self.num_samples]
        spans = [slice(a, b) for a, b in zip(self.starts, ends, strict=True)]
        return [(self.times[span], self.states[span]) for span in spans]

    @cached_property
    def pieces(self) -> list[slice]:
        """Where nothing is missing: samples in a row, at least two, within a segment.

        A piece ends before a sample in which a coordinate is missing, and at a gap: in a recording
        nine tenths of whose intervals are within half of `dt` around it, one of more than 1.5 `dt`.
        """
        present = np.concatenate([~np.isnan(part).any(axis=1) for part in chunks(self.states)])
        return clock.pieces(self.times, self.starts, present)

    def delayed(self, number: int, lag: int) -> "Recording":
        """Every sample beside its past: ``(z(t), z(t − Δ), …, z(t − (number − 1) Δ))``, where Δ is
        `lag` samples; k · number coordinates, such as V and V(t − 0.2).

        Delays stand in for coordinates that were not recorded: more than twice as many as the
        dynamics has dimensions always do without noise, fewer often. Every piece becomes a
        segment, so that nothing is put beside what lies beyond a gap.

        Raises `InputError` if samples are not even or no piece is that long.

        Source: F. Takens, Lecture Notes in Mathematics 898, 366 (1981).
        """
        number, lag = check_count("number", number), check_count("lag", lag)
        if not self.is_even:
            raise InputError(
                f"delays need even samples, and those of {self.name} are not: interpolate it first"
            )
        whole = spans(self.pieces, number, lag)
        if not whole:
            raise InputError(
                f"{self.name} has no {(number - 1) * lag + 2} samples in a row, which {number} "
                f"coordinates {lag} samples apart need: lower number or lag"
            )
        return Recording(
            delayed_states(self.states, self.pieces, number, lag),
            np.concatenate([self.times[first:end] for first, end in whole]),
            starts(whole),
            delayed_names(self.labels, number, lag * self.dt),
            None if self.units is None else self.units * number,
            None if self.periodic is None else self.periodic * number,
            self.name,
            self.notes,
        )

    def to_xarray(self) -> "xarray.Dataset":
        """`states` with the dimensions time and component; `segment` along time, if there are
        several, says which. Names and units are coordinates `component` and `unit`, as those of a
        trajectory are."""
        import xarray  # here, for it is slow to import

        words = {"component": self.coordinates, "unit": self.units}
        coords: dict[str, Any] = {
            what: ("component", list(given)) for what, given in words.items() if given is not None
        }
        if self.num_segments > 1:
            coords["segment"] = ("time", self._segment)
        arrays = {"states": (("time", "component"), self.states)}
        return xarray.Dataset(arrays, coords | {"time": self.times}, {"name": self.name})

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for every sample, a column for every coordinate, by `labels`; the index says
        segment and time."""
        import pandas  # here, for it is slow to import

        index = pandas.MultiIndex.from_arrays(
            [self._segment, self.times], names=["segment", "time"]
        )
        return pandas.DataFrame(np.asarray(self.states), index, columns=pandas.Index(self.labels))

    @property
    def _segment(self) -> Int[np.ndarray, " T"]:
        """Of every sample, which segment."""
        lengths = np.diff([*self.starts, self.num_samples])
        return np.repeat(np.arange(self.num_segments), lengths)


def check_recording(what: str, value: Any) -> Recording:
    """A recording, or what `Recording.of` can make one of without `dt` or `times`."""
    if isinstance(value, Recording):
        return value
    try:
        return Recording.of(value)
    except InputError as error:
        raise InputError(
            f"{what} must be a Recording, or have times of its own: make one with Recording.of "
            f"or read_recording ({error})"
        ) from error

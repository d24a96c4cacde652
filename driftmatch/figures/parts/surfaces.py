"""A landscape on paper: V − c·z over a line, the plane, or a plane through three of the wells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import offset_copy

from driftmatch.figures.parts.runs import coordinate_names, finite_states
from driftmatch.figures.parts.style import ENERGY, INK, mix
from driftmatch.memory.landscape import Landscape

_LATTICE = {1: 400, 2: 90}
_MARGIN = 0.16  # of the picture, beyond what it is to hold
_MANY = 300  # dots that are drawn pale, for they cover each other
_SHARE = 0.01  # of the states may lie outside on either side
_BANDS = 12  # of one colour each, about
_TOP = 0.9  # the highest tenth of the picture is one colour
_BELOW, _ABOVE = 0.8, 1.6  # depths of wells that are shown below and above the wells of a curve
_EDGE = {"mec": "white", "mew": 0.4}


@dataclass(frozen=True)
class Surface:
    """The values of V on a lattice of a line or a plane, and how states come onto it.

    - `names`: of the d ≤ 2 coordinates. - `low`, `high`: limits, shape (d,).
    - `origin`, `basis`: shapes (k,) and (k, d), orthonormal: the coordinates of z are
      (z − origin) · basis.
    - `landscape`: whose it is. - `wells`: those whose minima lie on it.
    - `lines`: the d axes of the lattice. - `states`: on it, shape (*cells, k).
    - `potential`: V there, shape (*cells).
    """

    names: tuple[str, ...]
    low: Float[np.ndarray, " d"]
    high: Float[np.ndarray, " d"]
    origin: Float[np.ndarray, " k"]
    basis: Float[np.ndarray, "k d"]
    landscape: Landscape
    wells: tuple[int, ...]
    lines: tuple[np.ndarray, ...]
    states: Float[np.ndarray, "*cells k"]
    potential: Float[np.ndarray, "*cells"]

    @classmethod
    def of(
        cls, landscape: Landscape, *others: Float[np.ndarray, "... k"], first: int = 0
    ) -> "Surface":
        """The window that holds all minima and nearly all of other states.

        Beyond two dimensions it is of the plane through well `first` and two more.
        """
        minima = landscape.minima
        k = minima.shape[1]
        if k <= 2:
            origin, basis, wells = np.zeros(k), np.eye(k), tuple(range(len(minima)))
            names = tuple(coordinate_names(k, landscape.sde))
        else:
            wells = (first, *(j for j in range(len(minima)) if j != first))[:3]
            origin, basis = _plane_through(minima[list(wells)])
            names = (f"plane of wells {', '.join(map(str, wells))}", "")
        low, high = _window([(minima - origin) @ basis], others, origin, basis)
        lines = tuple(np.linspace(a, b, _LATTICE[len(low)]) for a, b in zip(low, high, strict=True))
        places = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
        states = origin + places @ basis.T
        potential = landscape.potential(states)
        return cls(names, low, high, origin, basis, landscape, wells, lines, states, potential)

    @property
    def dim(self) -> int:
        """d."""
        return len(self.low)

    def coordinates(
        self, states: Float[np.ndarray, "*samples k"]
    ) -> Float[np.ndarray, "*samples d"]:
        """Where the orthogonal projections of states are."""
        return (np.asarray(states, dtype=float) - self.origin) @ self.basis

    def tilted(self, c: Float[np.ndarray, " k"] | None) -> Float[np.ndarray, "*cells"]:
        """V − c·z on the lattice; V without a tilt."""
        return self.potential if c is None else self.potential - self.states @ c

    def heights(self, states, c: Float[np.ndarray, " k"] | None = None) -> np.ndarray:
        """Of states in one dimension: V − c·z there."""
        return np.interp(self.coordinates(states)[..., 0], self.lines[0], self.tilted(c))

    def span(self, *tilts: Float[np.ndarray, " k"] | None) -> tuple[float, float]:
        """From below to above the wells in one dimension, under all of these tilts."""
        depth = self.landscape.depths.max()
        heights = [self.heights(self.landscape.minima, c) for c in tilts]
        bottom = min(self.tilted(c).min() for c in tilts)
        return bottom - _BELOW * depth, np.max(heights) + _ABOVE * depth

    def step(self, *tilts: Float[np.ndarray, " k"] | None) -> float:
        """A round distance of contours that suits the landscape under all of these tilts."""
        spans = [np.quantile(values, _TOP) - values.min() for values in map(self.tilted, tilts)]
        return _round_below(max(*spans, 1e-12) / _BANDS)


def _plane_through(places: Float[np.ndarray, "W k"]):
    """The mean of two or three states and an orthonormal basis of a plane through them."""
    origin = places.mean(axis=0)
    directions = places[1:] - places[0]
    if len(directions) == 1:  # and the axis that is most nearly orthogonal
        directions = np.vstack([directions, np.eye(len(origin))[np.abs(directions[0]).argmin()]])
    basis, triangle = np.linalg.qr(directions.T)
    return origin, basis * np.sign(np.diag(triangle))


def _window(inside: list[np.ndarray], others, origin, basis):
    for states in others:
        coordinates = (finite_states(states) - origin) @ basis
        inside.append(np.quantile(coordinates, (_SHARE, 1 - _SHARE), axis=0))
    low, high = (
        np.min([i.min(axis=0) for i in inside], axis=0),
        np.max([i.max(axis=0) for i in inside], axis=0),
    )
    room = np.full(len(low), _MARGIN * (high - low).max())
    if len(inside) == 1:  # only minima: as far again as to the barriers between them
        room = np.full(len(low), 0.35 * (high - low).max())
    return low - room, high + room


def _round_below(value: float) -> float:
    power = 10.0 ** np.floor(np.log10(value))
    return max(m * power for m in (1, 2, 2.5, 5) if m * power <= value * (1 + 1e-9))


def draw_surface(
    ax: Axes,
    surface: Surface,
    c=None,
    *,
    step: float | None = None,
    span: tuple[float, float] | None = None,
    strength: float = 0.75,
) -> ContourSet | None:
    """The curve of V − c·z over heights `span`, or its contours `step` apart, filled from dark
    (low) to light. Returns the contours."""
    values = surface.tilted(c)
    if surface.dim == 1:
        _draw_curve(ax, surface, values, span or surface.span(c))
        return None
    step = step or surface.step(c)
    low = step * np.floor(values.min() / step)
    levels = np.arange(low, max(np.quantile(values, _TOP), low + 1.5 * step) + step, step)
    colors = [mix("white", color, strength) for color in ENERGY(np.linspace(0, 1, len(levels)))]
    filled = ax.contourf(*surface.lines, values.T, levels, colors=colors, extend="max", zorder=0)
    edge = mix("white", ENERGY(0.25), 0.4 + 0.3 * strength)
    ax.contour(*surface.lines, values.T, levels, colors=[edge], linewidths=0.3, linestyles="-",
               zorder=0.5)  # fmt: skip
    (left, right), (bottom, top) = zip(surface.low, surface.high, strict=True)
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.set(xlabel=surface.names[0], ylabel=surface.names[1])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return filled


def _draw_curve(ax: Axes, surface: Surface, values, span) -> None:
    (z,) = surface.lines
    ax.plot(z, values, color=INK, zorder=1)
    ax.fill_between(z, values, span[0], lw=0, zorder=0, color=mix("white", ENERGY(0.5), 0.45))
    ax.set(xlim=(z[0], z[-1]), ylim=span, xlabel=surface.names[0])
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def draw_states(
    ax: Axes, surface: Surface, states, c=None, *, color, level: int = 0
) -> list[Line2D]:
    """States (N, k) as dots, paths (M, T, k) as lines with a dot at the end.

    In one dimension all are dots on the curve; those of level 1, 2, … are a dot's width higher.
    """
    states = np.asarray(states, dtype=float)
    if surface.dim == 1:
        z = surface.coordinates(states).ravel()
        fig: Any = ax.figure
        up = offset_copy(ax.transData, fig, y=2.2 + 3.2 * level, units="points")
        few = {"alpha": 0.35, "mew": 0} if z.size > _MANY else _EDGE
        return ax.plot(z, surface.heights(states, c).ravel(), "o", ms=3, color=color, zorder=3,
                       transform=up, **few)  # fmt: skip
    if states.ndim == 3:
        lines = [ax.plot(*z.T, color=color, lw=0.5, alpha=0.75, zorder=2)[0]
                 for z in surface.coordinates(states)]  # fmt: skip
        return lines + draw_states(ax, surface, states[:, -1], color=color)
    return ax.plot(*surface.coordinates(states).T, "o", ms=2.6, color=color, zorder=3, **_EDGE)


def mark_wells(
    ax: Axes,
    surface: Surface,
    minima,
    c=None,
    *,
    target: int | None = None,
    side: tuple[int, int] = (1, 1),
) -> None:
    """Minima (W, k) with their numbers, those that are NaN left out; `target` is a square.

    Hollow are those that do not lie on a plane.
    """
    for j, z in enumerate(np.asarray(minima)):
        if not np.all(np.isfinite(z)):
            continue
        at = surface.coordinates(z)
        if surface.dim == 1:
            at = np.append(at, surface.heights(z[None], c))
        is_hollow = j not in surface.wells
        ax.plot(*at, "s" if j == target else "o", ms=4.5, color=INK, zorder=4, mew=0.8,
                mfc="white" if is_hollow else INK, mec=INK if is_hollow else "white")  # fmt: skip
        number(ax, j, at, side=(0, -1) if surface.dim == 1 else side, bold=j == target)


def number(ax: Axes, j: int, at, *, side: tuple[int, int], bold: bool = False) -> None:
    """The number of a well beside its mark: to the right (1), left (−1), above, below."""
    right, up = side
    ax.annotate(
        str(j), at, xytext=(5 * right, 5 * up), textcoords="offset points", zorder=5,
        ha=("center", "left", "right")[right], va=("center", "bottom", "top")[up],
        fontweight="bold" if bold else "normal",
        path_effects=[withStroke(linewidth=1.5, foreground="white", alpha=0.8)],
    )  # fmt: skip

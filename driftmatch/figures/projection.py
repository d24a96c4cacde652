"""How states of any dimension are laid out on paper, so that two runs can share one view."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.style import GREY, INK, PALE

_ELEVATION = 18.0
_TURNS = np.arange(-180.0, 180.0, 15.0)


@dataclass(frozen=True)
class View:
    """Coordinates, limits and a direction to look from.

    Up to three dimensions the coordinates are those of the states; beyond, the first three
    principal components of the reference. Three coordinates are seen by parallel projection of the
    box between the limits, drawn as a cube, from `azimuth` and `elevation` in degrees.

    - `names`: what to write on the axes, one for each of the d ≤ 3 coordinates.
    - `low`, `high`: limits, shape (d,).
    - `centre`, `basis`: shapes (k,) and (k, d): the coordinates of z are (z − centre) · basis.
    """

    names: tuple[str, ...]
    low: Float[np.ndarray, " d"]
    high: Float[np.ndarray, " d"]
    centre: Float[np.ndarray, " k"]
    basis: Float[np.ndarray, "k d"]
    azimuth: float
    elevation: float = _ELEVATION

    @classmethod
    def of(
        cls,
        reference: Float[np.ndarray, "*samples k"],
        *others: Float[np.ndarray, "*more k"],
        azimuth: float | None = None,
        elevation: float = _ELEVATION,
    ) -> "View":
        """The view that holds all of these states; by default from where most of them are seen.

        Raises `InputError` if no state is finite.
        """
        reference, *others = (_finite(states) for states in (reference, *others))
        k = reference.shape[1]
        centre, basis = np.zeros(k), np.eye(k)
        names = tuple(f"$z_{i + 1}$" for i in range(k)) if k > 1 else ("$z$",)
        if k > 3:
            centre = reference.mean(axis=0)
            basis = np.linalg.svd(reference - centre, full_matrices=False)[2][:3].T
            basis *= np.sign(basis[np.abs(basis).argmax(axis=0), range(3)])
            names = ("PC 1", "PC 2", "PC 3")
        shown = np.concatenate([(states - centre) @ basis for states in (reference, *others)])
        low, high = shown.min(axis=0), shown.max(axis=0)
        flat = high - low <= 1e-9 * np.maximum(np.abs(low), np.abs(high))
        low, high = np.where(flat, low - 1, low), np.where(flat, high + 1, high)
        view = cls(names, low, high, centre, basis, azimuth or 0.0, elevation)
        if azimuth is None and view.dim == 3:
            view = max((_turned(view, a) for a in _TURNS), key=lambda v: v._seen(reference))
        return view

    @property
    def dim(self) -> int:
        """d."""
        return len(self.low)

    def coordinates(self, states: Float[np.ndarray, "*samples k"]) -> Float[np.ndarray, "*samples d"]:
        return (states - self.centre) @ self.basis

    def scaled(self, states: Float[np.ndarray, "*samples k"]) -> Float[np.ndarray, "*samples d"]:
        """Coordinates that run from −½ to ½ between the limits."""
        return (self.coordinates(states) - self.low) / (self.high - self.low) - 0.5

    @property
    def directions(self) -> Float[np.ndarray, "3 3"]:
        """Rows: to the right, up, and towards the viewer."""
        a, e = np.deg2rad([self.azimuth, self.elevation])
        return np.array(
            [
                [-np.sin(a), np.cos(a), 0],
                [-np.sin(e) * np.cos(a), -np.sin(e) * np.sin(a), np.cos(e)],
                [np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)],
            ]
        )

    def project(self, states: Float[np.ndarray, "*samples k"]) -> Float[np.ndarray, "*samples 3"]:
        """Right, up and towards the viewer, for three coordinates."""
        return self.scaled(states) @ self.directions.T

    def _seen(self, states) -> int:
        """How many cells of the picture hold states."""
        some = states[:: max(1, len(states) // 10_000)]
        x, y = self.project(some)[:, :2].T
        return np.count_nonzero(np.histogram2d(x, y, bins=40, range=[[-0.9, 0.9]] * 2)[0])

    def draw_box(self, ax: Axes) -> None:
        """The floor of the box and three scaled edges, for three coordinates."""
        right_up, (tx, ty, _) = self.directions[:2], self.directions[2]
        front = np.where(np.array([tx, ty]) >= 0, 0.5, -0.5)
        floor = np.array([[s, t, -0.5] for s, t in [(-1, -1), (1, -1), (1, 1), (-1, 1)]]) * [0.5, 0.5, 1]
        leftmost = floor[(floor @ right_up[0]).argmin()]
        ax.fill(*(floor @ right_up.T).T, facecolor="#F6F6F6", edgecolor=PALE, lw=0.5, zorder=0)
        ends = {
            0: [(-0.5, front[1], -0.5), (0.5, front[1], -0.5)],
            1: [(front[0], -0.5, -0.5), (front[0], 0.5, -0.5)],
            2: [tuple(leftmost), (*leftmost[:2], 0.5)],
        }
        for axis, (start, stop) in ends.items():
            self._draw_edge(ax, axis, np.array(start) @ right_up.T, np.array(stop) @ right_up.T)
        ax.set(xlim=(-0.98, 0.86), ylim=(-0.98, 0.74), aspect="equal")
        ax.axis("off")

    def _draw_edge(self, ax: Axes, axis: int, start, stop) -> None:
        ax.plot(*np.transpose([start, stop]), color=INK, lw=0.6, zorder=1, gid="edge")
        floor_centre = -0.5 * self.directions[:2, 2]
        along = (stop - start) / np.linalg.norm(stop - start)
        outward = np.array([along[1], -along[0]])
        middle = (start + stop) / 2
        outward *= np.sign(outward @ (middle - floor_centre)) if axis < 2 else np.sign(-outward[0])
        ha = "right" if outward[0] < -0.25 else "left" if outward[0] > 0.25 else "center"
        va = "center" if axis == 2 else "top"
        low, high = self.low[axis], self.high[axis]
        for tick in MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high):
            if low <= tick <= high:
                at = start + (tick - low) / (high - low) * (stop - start)
                ax.plot(*np.transpose([at, at + 0.025 * outward]), color=INK, lw=0.6, gid="edge")
                ax.text(*(at + 0.045 * outward), f"{tick:g}", fontsize=6.5, color=GREY, ha=ha, va=va)
        ax.text(*(middle + 0.2 * outward), self.names[axis], ha="center", va="center")


def _turned(view: View, azimuth: float) -> View:
    return View(view.names, view.low, view.high, view.centre, view.basis, azimuth, view.elevation)


def _finite(states: np.ndarray) -> np.ndarray:
    states = np.reshape(states, (-1, np.shape(states)[-1])).astype(np.float64)
    states = states[np.isfinite(states).all(axis=1)]
    if len(states) == 0:
        raise InputError("there is nothing to draw: no state of the run is finite")
    return states

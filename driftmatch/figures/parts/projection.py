"""How states of any dimension are laid out on paper, so that two runs can share one view."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.figures.parts.runs import Named, coordinate_names, finite_states
from driftmatch.figures.parts.style import GREY, INK, PALE

_ELEVATION = 18.0
# Never along an edge of the box, which would be seen as a point; from behind is a mirror image.
_TURNS = (-65.0, -55.0, -45.0, -35.0, -25.0, 25.0, 35.0, 45.0, 55.0, 65.0)


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
        *others: Float[np.ndarray, "... k"],
        azimuth: float | None = None,
        elevation: float = _ELEVATION,
        named: Named | None = None,
    ) -> "View":
        """The view that holds all of these states; by default from where most of them are seen.

        `named`: an SDE or a run, whose coordinates' names are written on the axes.
        Raises `InputError` if no state is finite.
        """
        reference = finite_states(reference)
        k = reference.shape[1]
        centre, basis = np.zeros(k), np.eye(k)
        names = tuple(coordinate_names(k, named))
        if k > 3:
            centre = reference.mean(axis=0)
            basis = np.linalg.eigh(np.cov(reference.T))[1][:, :-4:-1]
            basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), range(3)])
            names = ("PC 1", "PC 2", "PC 3")
        shown = [(finite_states(states) - centre) @ basis for states in (reference, *others)]
        low = np.min([states.min(axis=0) for states in shown], axis=0)
        high = np.max([states.max(axis=0) for states in shown], axis=0)
        flat = high - low <= 1e-9 * np.maximum(np.abs(low), np.abs(high))
        low, high = np.where(flat, low - 1, low), np.where(flat, high + 1, high)
        view = cls(names, low, high, centre, basis, azimuth or 0.0, elevation)
        if azimuth is None and view.dim == 3:
            view = max((replace(view, azimuth=a) for a in _TURNS), key=lambda v: v._seen(reference))
        return view

    @property
    def dim(self) -> int:
        """d."""
        return len(self.low)

    def scaled(self, states: Float[np.ndarray, "*samples k"]) -> Float[np.ndarray, "*samples d"]:
        """Coordinates that run from −½ to ½ between the limits."""
        coordinates = (states - self.centre) @ self.basis
        return (coordinates - self.low) / (self.high - self.low) - 0.5

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
        return int(np.count_nonzero(np.histogram2d(x, y, bins=40, range=[[-0.9, 0.9]] * 2)[0]))

    def draw_box(self, ax: Axes) -> None:
        """The floor of the box and three scaled edges, for three coordinates."""
        to_page = self.directions[:2].T
        corners = 0.5 * np.array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1]])
        ax.fill(*(corners @ to_page).T, facecolor="#F6F6F6", edgecolor=PALE, lw=0.5, zorder=0)
        front = corners[(corners @ self.directions[2]).argmax()]
        left = corners[(corners @ to_page[:, 0]).argmin()]
        below = -0.5 * self.directions[1, 2]  # the height of the floor's centre
        for axis in range(3):
            start = (front if axis < 2 else left).copy()
            stop = start.copy()
            stop[axis] *= -1
            self._draw_edge(ax, axis, start @ to_page, stop @ to_page, np.array([0, below]))
        right = (corners @ to_page[:, 0]).max()
        bottom = (front @ to_page)[1]
        ax.set(
            xlim=(-right - 0.2, right + 0.1), ylim=(bottom - 0.17, 0.7), aspect="equal", anchor="N"
        )
        ax.axis("off")

    def _draw_edge(self, ax: Axes, axis: int, start, stop, inside) -> None:
        """One edge with round numbers beside it, and its name."""
        ax.plot(*np.transpose([start, stop]), color=INK, lw=0.6, zorder=1, gid="edge")
        along = (stop - start) / np.linalg.norm(stop - start)
        outward = np.array([along[1], -along[0]])
        outward *= np.sign(outward @ ((start + stop) / 2 - inside))
        side = "right" if outward[0] < 0 else "left"
        low, high = self.low[axis], self.high[axis]
        for tick in MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high):
            share = (tick - low) / (high - low)
            if not 0 <= share <= 1:
                continue
            at = start + (share if self._runs_upwards(axis) else 1 - share) * (stop - start)
            ax.plot(*np.transpose([at, at + 0.025 * outward]), color=INK, lw=0.6, gid="edge")
            x, y = at + 0.04 * outward
            ax.text(x, y, f"{tick:g}".replace("-", "−"), fontsize=7, color=GREY, ha=side,
                    va="center" if axis == 2 else "top")  # fmt: skip
        if axis == 2:
            x, y = stop + 0.09 * along
            ax.text(x, y, self.names[axis], ha="center", va="center")
        else:
            x, y = (start + stop) / 2 + 0.19 * outward
            ax.text(x, y, self.names[axis], ha=side, va="top")

    def _runs_upwards(self, axis: int) -> bool:
        """Whether the coordinate grows away from the corner where the edge starts."""
        return axis == 2 or bool(self.directions[2, axis] < 0)

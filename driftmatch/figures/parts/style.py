"""The look of all figures: one palette, small type, thin lines, nothing set globally for good."""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure, SubFigure

from driftmatch.errors import InputError

# Blue and vermilion of M. Okabe and K. Ito: told apart in every kind of colour blindness.
TARGET = "#0072B2"
NETWORK = "#D55E00"
INK = "#262626"
GREY = "#8C8C8C"
PALE = "#D2D2D2"


class Look(NamedTuple):
    """What one of two things is called in a legend, and its colour."""

    name: str
    color: str


TARGET_AND_NETWORK = Look("target", TARGET), Look("network", NETWORK)
# Signed weights, in two hues that mean neither the target nor the network.
SIGNS = LinearSegmentedColormap.from_list(
    "signs", ["#4B1D70", "#A98BC2", "w", "#6DB79A", "#0B5C46"]
)

# Low to high, in a hue that means neither the target nor the network.
ENERGY = LinearSegmentedColormap.from_list("energy", ["#7A5200", "#D9A93A", "#FBF3DC"])
Sheet = TypeVar("Sheet", Figure, SubFigure)

MILLIMETRE = 1 / 25.4
PAGE_WIDTH = 180.0  # mm, two columns of a journal
_LETTER = 0.57  # widths of a letter, in sizes of the type

STYLE: dict = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 4,
    "axes.labelpad": 2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "lines.linewidth": 0.9,
    "patch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "figure.dpi": 200,
    "savefig.dpi": 400,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "driftmatch",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in this style inside the block, or in a function decorated with ``@style()``.

    The global settings of matplotlib are restored on leaving, whatever happened.
    """
    with mpl.rc_context(STYLE):
        yield


class ShownFigure(Figure):
    """A figure that notebooks show, though pyplot does not know of it."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        with style():
            self.savefig(picture, format="png", dpi=self.dpi)
        return picture.getvalue()


def page(fig: Sheet | None, width: float, height: float) -> Sheet:
    """The figure given, or a new one of that size in millimetres, without pyplot.

    A page without a layout is laid out by constraints, so that labels have room. Raises
    `InputError` unless it is a figure or part of one.
    """
    if fig is None:
        new: Any = ShownFigure(figsize=(width * MILLIMETRE, height * MILLIMETRE))
        return page(new, width, height)
    if not isinstance(fig, Figure | SubFigure):
        raise InputError(f"fig must be a Figure or a SubFigure, got {type(fig).__name__}")
    whole = fig.figure if isinstance(fig, SubFigure) else fig
    if whole.get_layout_engine() is None:
        whole.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03, wspace=0.04, hspace=0.04)
    return fig


def panel(ax: Axes | None, width: float = 60.0, height: float = 50.0) -> Axes:
    """The axes given, or those of a new figure of that size in millimetres.

    Raises `InputError` for anything but ordinary axes.
    """
    if ax is None:
        fig: Figure = page(None, width, height)
        ax = fig.add_subplot()
        # Of axes, too, when they are the last line of a notebook's cell.
        ax.__dict__["_repr_png_"] = getattr(fig, "_repr_png_", None)
        return ax
    if not isinstance(ax, Axes):
        raise InputError(f"ax must be Axes, got {type(ax).__name__}")
    if ax.name == "3d":
        raise InputError("pass ordinary axes: three dimensions are projected onto them")
    return ax


def mix(color, other, weight: float) -> tuple[float, float, float]:
    """`color` with a share `weight` of `other` stirred in."""
    r, g, b = (1 - weight) * np.array(to_rgb(color)) + weight * np.array(to_rgb(other))
    return r, g, b


def shades(color, number: int) -> list[tuple[float, float, float]]:
    """That many shades of one colour, from dark to light."""
    steps = np.linspace(-0.4, 0.35, number) if number > 1 else [0.0]
    return [mix(color, "white" if s > 0 else "black", abs(s)) for s in steps]


def label_panel(ax: Axes, letter: str, *, at_margin: bool = True, lines: int = 1) -> None:
    """A bold letter at the left margin of the sheet, or of the axes, level with a title of so many
    lines."""
    ax.annotate(
        letter, (0, 1), xytext=(1.5 if at_margin else -8, 4 + 12.5 * (lines - 1)),
        xycoords=("subfigure fraction" if at_margin else "axes fraction", "axes fraction"),
        textcoords="offset points", fontsize=9, fontweight="bold", annotation_clip=False,
    ).set_in_layout(False)  # fmt: skip


def wrapped(text: str, width: float, fontsize: float = 7.0) -> str:
    """A sentence in lines that fit into so many points."""
    return textwrap.fill(text, max(24, int(width / (_LETTER * fontsize))))


def without_y(ax: Axes) -> None:
    """Take the vertical axis away where heights carry no unit."""
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def percent(value: float) -> str:
    """A share in per cent with two digits; a power of ten below a thousandth of a per cent."""
    if not np.isfinite(value) or value == 0 or value >= 1e-5:
        return f"{float(f'{100 * value:.2g}'):g} %"
    return _power_of_ten(f"{value:.1e}")


def brief(value: float) -> str:
    """A number to one digit; a power of ten below a thousandth."""
    is_small = 0 < abs(value) < 1e-3
    return _power_of_ten(f"{value:.0e}") if is_small else f"{value:.1g}".replace("-", "−")


def _power_of_ten(text: str) -> str:
    mantissa, power = text.replace("-", "−", int(text.startswith("-"))).split("e")
    return rf"{mantissa} × 10$^{{{int(power)}}}$"

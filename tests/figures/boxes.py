"""Where the words of a figure are, and which of them are in each other's way."""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.0  # points that boxes may share: they are wider than their ink


class Word(NamedTuple):
    """What is written, its box in pixels, and how far it is up along the normal of its line."""

    text: str
    box: Bbox
    rotation: float
    normal: float
    height: float


def words(fig: Figure) -> list[Word]:
    """All that is written in a figure and seen."""
    FigureCanvasAgg(fig).draw()
    renderer: Any = fig.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
    visible = drawn(fig)
    found = []
    for text in fig.findobj(Text):
        if not text.get_text().strip() or id(text) not in visible:
            continue
        angle = np.deg2rad(text.get_rotation())
        at = text.get_transform().transform(text.get_unitless_position())
        height = renderer.points_to_pixels(text.get_fontsize())
        found.append(
            Word(text.get_text(), text.get_window_extent(renderer), text.get_rotation(),
                 float(at @ [-np.sin(angle), np.cos(angle)]), height)
        )  # fmt: skip
    return found


def drawn(part: Any) -> set[int]:
    """The texts that drawing comes by, ticks outside of the limits left out."""
    found: set[int] = set()
    for child in [*part.get_children(), *getattr(part, "subfigs", [])]:
        if not child.get_visible():
            continue
        if isinstance(child, Text):
            found.add(id(child))
        elif hasattr(child, "_update_ticks"):  # an axis
            if child.axes.axison:
                ticks = child._update_ticks()
                found |= {id(label) for t in ticks for label in (t.label1, t.label2) if
                          label.get_visible()}  # fmt: skip
                found |= {id(child.label), id(child.offsetText)}
        else:
            found |= drawn(child)
    return found


def faults(fig: Figure) -> list[str]:
    """Words that overlap, and words that stick out."""
    slack = SLACK * fig.dpi / 72
    found = words(fig)
    bad = [
        f"{a.text!r} and {b.text!r} overlap"
        for a, b in combinations(found, 2)
        if overlap(a, b) > slack
    ]
    page = Bbox.from_bounds(-slack, -slack, fig.bbox.width + 2 * slack, fig.bbox.height + 2 * slack)
    for word in found:
        if not (page.contains(*word.box.min) and page.contains(*word.box.max)):
            bad.append(f"{word.text!r} sticks out")
    return bad


def overlap(a: Word, b: Word) -> float:
    """The lesser side of what two boxes share, in pixels; of oblique lines that are parallel, how
    much nearer they are than their height."""
    both = Bbox.intersection(a.box, b.box)
    if both is None:
        return 0.0
    if a.rotation == b.rotation and a.rotation % 90:
        return max(0.0, a.height - abs(a.normal - b.normal))
    return min(both.width, both.height)

"""What figures have in common: how they are called, where they draw, and that they are legible."""

import inspect

import numpy as np
import pytest
from boxes import faults
from gallery import PANELS, SHEETS
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from driftmatch import figures
from driftmatch.errors import InputError

NO_FIGURES = {"save", "style"}
ALL = PANELS | SHEETS


def names(table) -> set[str]:
    return {entry.function.__name__ for entry in table.values()}


def first_of_each(table) -> list[str]:
    """One entry of every function, the last: of the most dimensions."""
    return list({entry.function: name for name, entry in table.items()}.values())


def test_the_table_holds_every_figure():
    public = {
        name
        for name, value in vars(figures).items()
        if inspect.isfunction(value) and name[0] != "_" and not name.startswith("animate_")
    }
    assert names(ALL) == public - NO_FIGURES - {"no_attribute"}
    assert not names(PANELS) & names(SHEETS)


@pytest.mark.parametrize("table", [PANELS, SHEETS], ids=["panels", "sheets"])
def test_where_to_draw_is_the_last_parameter_and_a_keyword(table):
    where = "ax" if table is PANELS else "fig"
    for name in first_of_each(table):
        parameters = list(inspect.signature(table[name].function).parameters.values())
        assert parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert parameters[-1].name == where
        assert parameters[-1].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[-1].default is None


def content(part) -> list:
    """What must stay as it was in axes that are not drawn on."""
    return [
        (list(map(id, ax.get_children())), ax.get_xlim(), ax.get_ylim(), ax.get_title(),
         ax.get_xlabel(), ax.get_ylabel())
        for ax in part.axes
    ]  # fmt: skip


@pytest.mark.parametrize("name", PANELS)
def test_panels_draw_in_axes_of_a_larger_figure(name):
    fig = Figure(figsize=(6, 6), layout="constrained")
    left, right = fig.subfigures(1, 2)
    others = [*left.subplots(2, 1), right.add_subplot(2, 1, 1)]
    for ax in others:
        ax.plot([0, 1], [2, 3])
    before = content(left), content(right)
    ax = right.add_subplot(2, 1, 2)
    empty = len(ax.get_children())
    drawn = PANELS[name].draw(ax=ax)
    assert drawn is ax
    assert len(ax.get_children()) > empty
    assert (content(left), content(right)[: len(before[1])]) == before
    fig.draw_without_rendering()


@pytest.mark.parametrize("name", SHEETS)
def test_sheets_draw_in_a_part_of_a_larger_figure(name):
    fig = Figure(figsize=(16, 9), layout="constrained")
    left, right = fig.subfigures(1, 2)
    left.subplots().plot([0, 1], [2, 3])
    before = content(left)
    assert SHEETS[name].draw(fig=right) is right
    assert content(left) == before
    assert len(fig.axes) > 2
    assert not right.subfigs or not right.axes
    fig.draw_without_rendering()


@pytest.mark.parametrize("name", first_of_each(SHEETS))
def test_sheets_draw_in_a_given_figure(name):
    fig = Figure(figsize=(8, 8))
    assert SHEETS[name].draw(fig=fig) is fig
    size = fig.get_size_inches()
    np.testing.assert_array_equal(size, [8, 8])


@pytest.mark.parametrize("name", first_of_each(ALL))
def test_anything_else_to_draw_on_is_refused(name):
    where, wrong = ("ax", Figure()) if name in PANELS else ("fig", Figure().add_subplot())
    with pytest.raises(InputError, match=f"{where} must be"):
        ALL[name].draw(**{where: wrong})


@pytest.mark.parametrize("name", ALL)
def test_words_are_legible(name):
    """No two overlap and none sticks out, at the size that a figure has by default."""
    drawn = ALL[name].draw()
    fig = drawn.figure if isinstance(drawn, Axes) else drawn
    assert faults(fig) == []


@pytest.mark.parametrize(
    "name",
    ["stationary 2", "stationary 3", "irreversibility 2", "compare_irreversibility", "sequential"],
)
def test_a_coloured_density_has_a_scale(name):
    drawn = ALL[name].draw()
    parts = [] if isinstance(drawn, Axes) else [drawn, *drawn.subfigs]
    axes = [ax for part in parts for ax in part.axes] or [drawn]
    labels = [bar.get_ylabel() for ax in axes for bar in ax.child_axes]
    assert any(label.startswith("density $p$ per unit of $z_{1}$ × $z_{2}$") for label in labels)


def test_a_fault_is_found():
    fig = Figure(figsize=(2, 2))
    fig.text(0.5, 0.5, "one")
    fig.text(0.5, 0.5, "other")
    fig.text(0.99, 0.1, "wide enough to be cut")
    found = faults(fig)
    assert len(found) == 2
    assert "overlap" in found[0]
    assert "sticks out" in found[1]

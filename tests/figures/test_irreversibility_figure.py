from dataclasses import replace

import numpy as np
import pytest
from drawing import on_grid
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import driftmatch as dm
from driftmatch.errors import InputError
from driftmatch.figures import compare_irreversibility, irreversibility, save
from driftmatch.figures.irreversibility import rate
from driftmatch.outcomes import Outcome

LONGEST = max(Outcome, key=lambda outcome: len(str(outcome)))


def linear(k, theta=1.0):
    B = 2 * np.eye(k) + theta * (np.eye(k, k=1) - np.eye(k, k=-1))
    return dm.irreversibility(dm.systems.ornstein_uhlenbeck(B, np.eye(k)), method="linear")


def lines(ax):
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    return found[0].get_segments() if found else []


def words(fig):
    parts = [fig, *fig.subfigs]
    titles = [p.get_suptitle() for p in parts]
    return "\n".join(titles + [t.get_text() for p in parts for t in p.texts])


def strips(fig):
    return list(fig.subfigs)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_every_dimension_is_drawn(k, tmp_path):
    record = on_grid(k) if k < 3 else linear(k)
    fig = Figure()
    assert irreversibility(record, fig=fig) is fig
    assert save(fig, tmp_path / "i.png").stat().st_size > 1000
    assert len(strips(fig)[0].axes) == (6 if record.sde.dim == 1 else 3)


def test_curves_of_one_dimension_are_the_fields():
    fig = irreversibility(on_grid(1))
    panels = [ax for ax in strips(fig)[0].axes if len(ax.lines) == 2]
    z = panels[0].lines[1].get_xdata()
    drift, reversible, irreversible = (ax.lines[1].get_ydata() for ax in panels)
    known = np.isfinite(drift)
    np.testing.assert_allclose(drift[known], (z - z**3)[known], atol=1e-5)
    np.testing.assert_allclose(reversible[known], drift[known], atol=1e-3)
    assert np.abs(irreversible[known]).max() < 1e-3
    assert "= 0 $k_B$" in words(fig)


def test_lines_of_the_irreversible_part_turn_and_those_of_the_reversible_one_point():
    _, reversible, irreversible = strips(irreversibility(on_grid(2)))[0].axes

    def along_radius(ax):
        steps = np.array(lines(ax))
        step, middle = steps[:, 1] - steps[:, 0], steps.mean(axis=1)
        return (
            np.sum(step * middle, axis=1)
            / np.linalg.norm(step, axis=1)
            / (np.linalg.norm(middle, axis=1))
        )

    assert np.quantile(np.abs(along_radius(irreversible)), 0.95) < 0.03
    assert np.quantile(np.abs(along_radius(reversible)), 0.01) > 0.9


def test_what_vanishes_is_said_and_not_drawn():
    """At equilibrium there is no irreversible part; nor noise in its place."""
    drift, _, irreversible = strips(irreversibility(linear(2, theta=0.0)))[0].axes
    assert lines(irreversible) == []
    assert "below 2 %" in irreversible.texts[0].get_text()
    assert len(lines(drift)) > 0
    assert not drift.texts


def test_target_and_network_share_window_and_scale():
    fig = compare_irreversibility(linear(2, 1.0), linear(2, 2.0))
    upper, lower = (strip.axes for strip in strips(fig))
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in (*upper, *lower)}) == 1
    text = words(fig)
    assert "target: " in text
    assert "network: " in text
    assert text.count("widest lines") == 1


def test_the_longest_outcome_is_inside_of_the_figure():
    record = replace(on_grid(1), outcome=LONGEST)
    for fig in (irreversibility(record), compare_irreversibility(record, record)):
        fig.draw_without_rendering()
        for strip in strips(fig):
            heading = strip._suptitle
            assert str(LONGEST) in heading.get_text().replace("\n", " ")
            box = heading.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= fig.bbox.width
            assert all(box.y0 >= ax.title.get_window_extent().y1 - 1 for ax in strip.axes)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (132.254, 0.51, "132.3 ± 0.5"),
        (24149.0, 252.0, "24149 ± 252"),
        (2.025, 0.0, "2.025"),
        (1e-12, 1e-12, "0"),
        (-1.2e-6, 2e-6, "(−1 ± 2) × 10$^{-6}$"),
    ],
)
def test_the_rate_is_rounded_to_its_error(value, error, text):
    assert rate(replace(on_grid(1), entropy_production=value, standard_error=error)) == text


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="target has 2 dimensions and the network 3"):
        compare_irreversibility(linear(2), linear(3))
    with pytest.raises(InputError, match="what irreversibility returned, got str"):
        compare_irreversibility(on_grid(2), "network")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="drawn by figures"):
        irreversibility(on_grid(2).stationary)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="two different numbers"):
        irreversibility(on_grid(2), axes=(0, 2))

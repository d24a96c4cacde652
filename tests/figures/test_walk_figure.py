from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from memories import walk

from driftmatch import figures, systems
from driftmatch.errors import InputError
from driftmatch.figures import save, walk_curve
from driftmatch.figures.parts.style import GREY
from driftmatch.memory.dwell import dwell
from driftmatch.memory.regions import Regions
from driftmatch.memory.sequential import Walk, WalkCurve


def both(W=4):
    return {"target": walk(W), "network": walk(W, of_network=True)}


def of_ring(one, torque):
    """The same walk, said to be through a ring of wells."""
    ring = systems.ring_of_wells(4, torque)
    return replace(one, irreversibility=replace(one.irreversibility, sde=ring))


def curve(torques=(0.4, 0.0, 0.2)):
    targets = tuple(of_ring(walk(), F) for F in torques)
    networks = (walk(of_network=True),) * len(torques)
    return WalkCurve("torque", np.array(torques), targets, networks, np.zeros(len(torques)))


def in_space(one):
    """The same walk with a third coordinate."""
    run, regions = one.trajectory, one.dwell.regions
    z = np.concatenate([run.states, run.states[..., :1] * run.states[..., 1:]], axis=-1)
    centres = np.column_stack([regions.centres, np.prod(regions.centres, axis=1)])
    run = replace(run, states=z)
    irreversibility = replace(one.irreversibility, stationary=None)
    return Walk(dwell(run, Regions(centres)), irreversibility, run)


def test_three_dimensions_are_a_projection(tmp_path):
    fig = figures.walk({"target": in_space(walk())})
    assert save(fig, tmp_path / "s.png").stat().st_size > 1000
    assert {"0", "1", "2", "3"} <= {text.get_text() for text in fig.subfigs[0].axes[0].texts}


def test_a_walk_without_a_jump_is_drawn(tmp_path):
    one = walk()
    still = replace(one.trajectory, states=one.trajectory.states[:, :1].repeat(50, axis=1),
                    times=one.trajectory.times[:50])  # fmt: skip
    one = Walk(dwell(still, one.dwell.regions), one.irreversibility, still)
    assert len(one.dwell.jumps) == 0
    assert save(figures.walk({"target": one}), tmp_path / "s.png").stat().st_size > 1000


def test_a_sheet_of_both_and_of_one(tmp_path):
    fig = Figure(figsize=(7, 6.5))
    assert figures.walk(both(), fig=fig) is fig
    assert save(fig, tmp_path / "s.png").stat().st_size > 1000
    assert [len(strip.axes) for strip in fig.subfigs] == [3, 2, 4]
    alone = figures.walk({"target": walk()})
    assert [len(strip.axes) for strip in alone.subfigs] == [2, 1, 3]


def test_the_trajectory_and_the_regions_are_those_of_the_walk():
    walks = both()
    fig = figures.walk(walks)
    for ax, one in zip(fig.subfigs[0].axes, walks.values(), strict=False):
        states = one.trajectory.states[0]
        drawn = ax.lines[0].get_xydata()
        np.testing.assert_allclose(drawn, states[: len(drawn)])
        np.testing.assert_allclose([c.center for c in ax.patches], one.dwell.regions.centres)
        assert {"0", "1", "2", "3"} <= {text.get_text() for text in ax.texts}
        words = f"{100 * one.dwell.in_order_fraction:.1f} % in order"
        assert any(words in text.get_text() for text in ax.texts)


def test_curves_are_the_numbers_of_the_walks():
    record = curve()
    fig = walk_curve(record)
    values = [
        [w.dwell.log_rate_ratio for w in record.targets],
        [w.dwell.in_order_fraction for w in record.targets],
        [w.dwell.net_turns_per_time for w in record.targets],
        [w.irreversibility.entropy_production for w in record.targets],
        [w.dwell.leaving_rate().mean_time for w in record.targets],
    ]
    for ax, expected in zip(fig.axes, values, strict=True):
        np.testing.assert_allclose(ax.lines[1].get_ydata(), expected)
        assert ax.get_xlabel() == "torque"


def test_theory_is_that_of_a_ring_of_wells_or_the_one_given():
    fig = walk_curve(curve())
    (line,) = [line for line in fig.axes[0].lines if line.get_color() == GREY]
    D = 0.45**2 / 2
    np.testing.assert_allclose(line.get_xdata(), [0, 0.2, 0.4])
    np.testing.assert_allclose(line.get_ydata(), 2 * np.pi * line.get_xdata() / (4 * D))
    fig = walk_curve(curve(), theory=lambda F: 3 * F)
    (line,) = [line for line in fig.axes[0].lines if line.get_color() == GREY]
    np.testing.assert_allclose(line.get_ydata(), 3 * line.get_xdata())


def test_each_curve_is_a_row():
    fig = figures.walk(both(), curves={"torque": curve(), "again": curve()})
    assert [len(strip.axes) for strip in fig.subfigs] == [3, 2, 4, 5, 5]
    assert [len(strip.axes) for strip in figures.walk(both(), curves=curve()).subfigs][3:] == [5]


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="pass a dictionary"):
        figures.walk(walk())  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="at least three memories, target has 2"):
        figures.walk({"target": walk(2)})
    with pytest.raises(InputError, match="regions of one shape"):
        figures.walk({"target": walk(3), "network": walk(4)})
    with pytest.raises(InputError, match="what walk returned, got Dwell"):
        figures.walk({"target": walk().dwell})  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="what walk_curve returned, got Walk"):
        walk_curve(walk())  # pyright: ignore[reportArgumentType]
    few = replace(curve(), targets=(walk(2),) * 3)
    with pytest.raises(InputError, match="at least three memories"):
        walk_curve(few)

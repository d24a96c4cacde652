from dataclasses import replace

import numpy as np
import pytest
from drawing import network, network_run, on_grid, target_run
from matplotlib.figure import Figure

import driftmatch as dm
from driftmatch.analysis.stability import Stability
from driftmatch.analysis.summary_parts import PARTS
from driftmatch.errors import InputError
from driftmatch.figures import save, summary
from driftmatch.outcomes import Outcome


def points(k, net=None):
    stability = Stability.of(-np.eye(k)[None])
    return dm.FixedPoints(
        points=np.zeros((1, k)),
        speed=np.zeros(1),
        jacobians=-np.eye(k)[None],
        eigenvalues=stability.eigenvalues,
        kind=stability.kind,
        unstable_dim=stability.unstable_dim,
        slow_points=np.zeros((0, k)),
        slow_speeds=np.zeros(0),
        slow_eigenvalues=np.zeros((0, k)),
        typical_speed=1.0,
        hits=np.ones(1, int),
        num_starts=1,
        box=np.array([[-1.0] * k, [1.0] * k]),
        outcome=Outcome.SUCCESS,
        name="my_own",
        network=net,
    )


def spectrum(k):
    exponents = -np.arange(1.0, k + 1)
    return dm.LyapunovSpectrum(
        exponents, 0.1 * np.ones(k), exponents.sum(), 0.1, 0.0, 10.0,
        np.tile(exponents, (4, 1)), Outcome.SUCCESS,
    )  # fmt: skip


def analysis(k, *, of_network=False, **parts):
    nothing = dict.fromkeys(PARTS)
    net = network(k) if of_network else None
    found = {"run": network_run(k, net) if net else target_run(k), "fixed_points": points(k, net),
             "lyapunov": spectrum(k)}  # fmt: skip
    if net is not None:
        found["symmetry"] = dm.symmetry(net)
        found["subspace"] = dm.subspace(found["run"].neurons, k)
        found["alignment"] = found["subspace"].align(net, found["run"])
    elif k < 3:
        found["irreversibility"] = found["grid_irreversibility"] = on_grid(k)
    return dm.Analysis(
        system=net or on_grid(min(k, 2)).sde, name="my_own", dimension=k,
        num_neurons=40 if net else None, time_scale=1.0, skipped={}, seconds=1.0,
        **{**nothing, **found, **parts},
    )  # fmt: skip


def titles(fig):
    parts, found = [fig], []
    while parts:
        part = parts.pop()
        parts += part.subfigs
        found += [t for ax in part.axes for t in (ax.get_title(), ax.get_xlabel())]
        found.append(part.get_suptitle())
    return found


@pytest.mark.parametrize(
    ("k", "of_network"), [(1, False), (1, True), (2, True), (3, True), (5, False)]
)
def test_every_dimension_is_drawn(k, of_network, tmp_path):
    fig = Figure()
    assert summary(analysis(k, of_network=of_network), fig=fig) is fig
    assert save(fig, tmp_path / "s.png").stat().st_size > 1000
    words = titles(fig)
    assert "Lyapunov exponents" in words
    assert ("principal variances" in words) == of_network
    assert any("my own" in word for word in words)


def test_what_was_skipped_leaves_no_empty_panel():
    whole = analysis(3)
    for part in ("run", "fixed_points", "lyapunov"):
        fig = summary(replace(whole, **{part: None}))
        for strip in fig.subfigs:
            for ax in [*strip.axes, *(a for inner in strip.subfigs for a in inner.axes)]:
                assert ax.has_data() or ax.images or ax.collections
    assert "Lyapunov exponents" not in titles(summary(replace(whole, lyapunov=None)))
    one_row = summary(analysis(1, run=None, fixed_points=None, lyapunov=None))
    assert not [t for s in one_row.subfigs for a in s.axes for t in a.texts
                if t.get_fontweight() == "bold"]  # fmt: skip


@pytest.mark.parametrize("of_network", [False, True])
def test_markers_are_explained(of_network):
    fig = summary(analysis(2, of_network=of_network))
    above, key = fig.subfigs[0].subfigs
    (legend,) = key.legends
    assert [text.get_text() for text in legend.get_texts()] == ["stable"]
    assert above.axes


def test_the_grid_is_drawn_where_it_can_be_trusted_and_the_score_otherwise():
    def heading(by_grid, by_score):
        fig = summary(analysis(1, grid_irreversibility=by_grid, irreversibility=by_score))
        return next(title for title in titles(fig) if "per unit time," in title)

    good, bad = on_grid(1), replace(on_grid(1), outcome=Outcome.COARSE)
    score = replace(on_grid(1), method="score")
    assert "on a grid" in heading(good, score)
    assert "by the score" in heading(bad, score)
    assert str(Outcome.COARSE) in heading(bad, None)


def test_the_targets_exponents_stand_beside_the_networks():
    fig = summary(analysis(3, of_network=True), target=analysis(3))
    axes = [ax for strip in fig.subfigs for ax in strip.axes]
    legend = next(ax for ax in axes if ax.get_title() == "Lyapunov exponents").get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["target", "network"]


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="what analyse returned, got SDE"):
        summary(dm.systems.lorenz())  # pyright: ignore[reportArgumentType]
    nothing = analysis(3, run=None, fixed_points=None, lyapunov=None)
    with pytest.raises(InputError, match="nothing to draw of my_own: all of it was skipped"):
        summary(nothing)

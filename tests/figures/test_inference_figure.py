"""What the sheet of an inference shows, and what it leaves out."""

from dataclasses import replace

import numpy as np
import pytest
from boxes import faults
from linear_inference import DT, inferred

import driftmatch as dm
from driftmatch.figures import inference
from driftmatch.figures.parts.recorded import longest_run, recorded_run, twin_run


def titles(fig) -> list[str]:
    return [ax.get_title() for ax in fig.axes if ax.get_title()]


def panel(fig, title: str):
    return next(ax for ax in fig.axes if ax.get_title() == title)


def heading(fig) -> str:
    return " ".join(fig.get_suptitle().split())


@pytest.mark.parametrize(("k", "rows"), [(1, 3), (2, 3), (3, 4), (6, 4)])
def test_every_dimension_has_its_panels(k, rows):
    fig = inference(inferred(k))
    found = titles(fig)
    assert sum(title.startswith("drift of") for title in found) == min(k, 3)
    assert sum(title.startswith("diffusion of") for title in found) == min(k, 3)
    for title in ("power spectra", "autocorrelation", "residuals: quantiles"):
        assert title in found
    assert fig.get_size_inches()[1] * 25.4 == pytest.approx(46 * rows + 12)


def test_the_heading_says_what_was_found():
    fig = inference(inferred(2))
    assert heading(fig) == (
        "a recording: success sampling coarse, Δt‖∇f‖ = 0.1; no measurement noise seen; expected "
        "errors: drift 10 %, diffusion 5 %"
    )
    outcome = dm.Outcome.NOT_MARKOV
    noisy = inferred(1, 0.04)  # 0.2 of a spread that is 0.94
    bad = replace(noisy, outcome=outcome, reason=f"{outcome}: up to 0.3", stiffness=0.01)
    fig = inference(bad)
    assert f"a recording: {outcome}: up to 0.3" in heading(fig)
    assert "sampling fine, Δt‖∇f‖ = 0.01; measurement noise 21 %" in heading(fig)
    assert faults(fig) == []


def test_axes_have_names_and_units():
    fig = inference(inferred(2))
    drift, diffusion = panel(fig, "drift of V"), panel(fig, "diffusion of V")
    assert (drift.get_xlabel(), drift.get_ylabel()) == ("V (mV)", "mV per unit time")
    assert (diffusion.get_xlabel(), diffusion.get_ylabel()) == ("V (mV)", "mV² per unit time")
    assert panel(fig, "diffusion of w").get_ylabel() == "w² per unit time"


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_bins_are_those_of_the_recording_and_curves_those_of_the_model(noise):
    """f = −z and D = 1 are the truth and the model here; points lie on them within their errors, at
    least nine of ten within three."""
    fig = inference(inferred(1, noise))
    for title, truth in (("drift of $z$", lambda z: -z), ("diffusion of $z$", np.ones_like)):
        ax = panel(fig, title)
        bars = ax.containers[0]
        z, values = bars.lines[0].get_data()
        errors = np.array([np.ptp(s[:, 1]) / 2 for s in bars.lines[2][0].get_segments()])
        assert np.mean(np.abs(values - truth(z)) < 3 * errors) >= 0.9
        assert np.median(errors) < 0.8  # √(2D/ΔtN) with some 40 steps in a bin
        line = next(line for line in ax.lines if line.get_label() == "model, 90 %")
        np.testing.assert_allclose(line.get_ydata(), truth(line.get_xdata()), atol=1e-9)


def test_measurement_noise_that_is_not_corrected_for_shows():
    """The control: what is 1 would be 1 + 0.1/0.1."""
    noisy = inferred(1, 0.1)
    unaware = replace(noisy, measurement_noise=np.zeros((1, 1)))
    values = {}
    for name, est in (("corrected", noisy), ("not", unaware)):
        ax = panel(inference(est), "diffusion of $z$")
        values[name] = np.median(ax.containers[0].lines[0].get_ydata())
    assert values["corrected"] == pytest.approx(1.0, abs=0.25)
    assert values["not"] > 1.6


def test_the_signature_is_relative_to_the_model():
    ax = panel(inference(inferred(1, 0.1)), "diffusion by lag / model's")
    lags, ratios = ax.lines[1].get_data()
    np.testing.assert_allclose(lags, DT * np.array([1, 2, 4, 8]))
    np.testing.assert_allclose(ratios, 1 + 0.1 / lags)


def test_what_there_is_nothing_of_has_no_panel():
    whole = inferred(1)
    lost = replace(whole.twin, states=np.full_like(whole.twin.states, np.nan))
    uneven = replace(whole.twin, spectrum=np.nan)
    assert "power spectra" not in titles(inference(replace(whole, twin=uneven)))
    found = titles(inference(replace(whole, twin=lost, lags=())))
    assert not {"autocorrelation", "power spectra", "diffusion by lag / model's"} & set(found)
    short = replace(whole, recording=dm.Recording.of(np.arange(9.0), dt=DT))
    inference(short).draw_without_rendering()


def test_anything_else_is_refused():
    with pytest.raises(dm.InputError, match="what infer returned, got Inference"):
        inference(type("Inference", (), {})())  # pyright: ignore[reportArgumentType]


def test_lines_break_at_gaps_segments_and_turns():
    z = np.array([5.0, 6.0, 7.0, 8.0, np.nan, 1.0, 2.0])
    recording = dm.Recording.of([z, z[:2]], dt=1.0, periodic=2 * np.pi)
    run = recorded_run(recording)
    turn = 2 * np.pi
    wanted = [5, 6, np.nan, 7 - turn, 8 - turn, np.nan, 1, 2, np.nan, 5, 6]
    np.testing.assert_allclose(run.states[0, :, 0], wanted)
    assert np.all(np.diff(run.times) > 0)
    np.testing.assert_allclose(longest_run(recording, 3).states[0, :, 0], [5, 6, 7 - turn])


def test_only_finite_twins_are_drawn():
    est = inferred(1)
    states = est.twin.states.copy()
    states[2, 5] = np.inf
    run = twin_run(replace(est, twin=replace(est.twin, states=states)))
    assert run is not None
    assert run.states.shape == (3, 499, 1)

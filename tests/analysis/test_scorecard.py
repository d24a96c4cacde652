"""The scorecard's own verdict: no kinder than any of its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from driftmatch.analysis.compare import Scorecard
from driftmatch.outcomes import Outcome

NAN = float("nan")
CARD = Scorecard(
    drift_error=1e-3,
    noisy_drift_error=5e-3,
    local_error=2e-3,
    diffusion_error=0.0,
    state_space_divergence=0.011,
    state_space_divergence_floor=0.01,
    spectrum_distance=0.02,
    spectrum_distance_floor=0.019,
    sliced_wasserstein=0.01,
    sliced_wasserstein_floor=0.01,
    lyapunov_target=np.array([0.0, -1.0]),
    lyapunov_network=np.array([0.001, -1.01]),
    lyapunov_target_error=np.array([0.01, 0.02]),
    lyapunov_network_error=np.array([0.01, 0.02]),
    kaplan_yorke_target=1.0,
    kaplan_yorke_network=1.0,
    spurious_fraction=0.0,
    spurious_interval=(0.0, 0.01),
    spurious_fraction_box=None,
    spurious_interval_box=None,
    escaped_fraction=0.0,
    escaped_interval=(0.0, 0.01),
    num_starts=512,
    num_paths=512,
    time_scale=1.0,
    duration=1000.0,
    dt=0.04,
    num_trajectories=128,
)
CHAOS = {"lyapunov_target": np.array([0.9, -1.0])}


def exponent(value):
    return {"lyapunov_network": np.array([value, -1.0])}


@pytest.mark.parametrize(
    ("changes", "outcome", "word"),
    [
        ({}, "SUCCESS", None),
        ({"drift_error": 0.5}, "MORE_NEURONS", "more neurons"),
        ({"drift_error": NAN}, "MORE_NEURONS", "more neurons"),
        ({"local_error": NAN}, "MORE_NEURONS", "more neurons"),
        ({"local_error": 0.9}, "MORE_NEURONS", "more neurons"),
        ({"noisy_drift_error": 0.5}, "FRAGILE", "noise spoils"),
        ({"diffusion_error": 0.5}, "MORE_NEURONS_DIFFUSION", "diffusion error"),
        ({"spurious_fraction": 0.25}, "STRAYS", "25.0% of far starts"),
        ({"spurious_fraction_box": 1.0}, "STRAYS", "100.0% of far starts"),
        ({"spurious_fraction": None}, "SUCCESS", None),
        ({"escaped_fraction": 0.5}, "ESCAPES", "50.0% of noisy paths"),
        ({"state_space_divergence": 0.02}, "OTHER_DENSITY", "2.00 times the floor"),
        ({"state_space_divergence": NAN}, "OTHER_DENSITY", "times the floor"),
        ({"state_space_divergence": 0.0, "state_space_divergence_floor": 0.0}, "SUCCESS", None),
        ({"state_space_divergence_floor": 0.0}, "OTHER_DENSITY", "inf times the floor"),
        ({"state_space_divergence": 0.003, "state_space_divergence_floor": 0.0}, "SUCCESS", None),
        ({"sliced_wasserstein": 0.03}, "OTHER_DENSITY", "3.00 times the floor"),
        ({"spectrum_distance": 0.019 * 1.19}, "SUCCESS", None),
        ({"spectrum_distance": 0.019 * 1.21}, "OTHER_SPECTRUM", "another spectrum"),
        (exponent(0.9), "OTHER_EXPONENT", "exponent is 0.9"),
        (exponent(NAN), "OTHER_EXPONENT", "exponent is nan"),
        (exponent(-0.5), "SUCCESS", None),
        (CHAOS | exponent(0.9), "SUCCESS", None),
        (CHAOS | exponent(0.7), "OTHER_EXPONENT", "exponent is 0.7"),
        ({"lyapunov_target": np.full(2, NAN)}, "SUCCESS", None),
    ],
)
def test_what_is_wrong_is_said(changes, outcome, word):
    card = replace(CARD, **changes)
    found = card.faults + card.differences
    assert [word in sentence for sentence in found] == ([] if word is None else [True])
    assert card.outcome is Outcome[outcome]


def test_the_first_of_several_is_the_outcome():
    card = replace(CARD, drift_error=0.5, escaped_fraction=0.5, sliced_wasserstein=1.0)
    assert card.outcome is Outcome.MORE_NEURONS
    assert len(card.faults + card.differences) == 3

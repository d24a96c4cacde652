"""The scorecard's own verdict: no kinder than any of its numbers."""

from dataclasses import replace

import numpy as np
import pytest
from cards import CARD

from driftmatch.outcomes import Outcome

NAN = float("nan")
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

from dataclasses import fields

import numpy as np
import pytest
from drawing import network_run, target_run

from driftmatch.analysis.compare import Scorecard
from driftmatch.figures import save, scorecard


def card(k: int, **changes) -> Scorecard:
    values = {f.name: 0.02 for f in fields(Scorecard)}
    values |= {
        f.name: np.linspace(1, -2, k) for f in fields(Scorecard) if f.name.startswith("lyapunov")
    }
    values |= {f.name: (0.0, 0.012) for f in fields(Scorecard) if "interval" in f.name}
    for name in ("target", "network"):
        values[f"lyapunov_{name}_error"] = np.full(k, 0.03)
    return Scorecard(**(values | changes))


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_every_dimension_is_drawn(k, tmp_path):
    fig = scorecard(card(k), target_run(k), network_run(k))
    assert save(fig, tmp_path / "card.svg").stat().st_size > 1000


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_numbers_are_those_of_the_card():
    record = card(
        2,
        drift_error=0.00123,
        local_error=0.00234,
        spectrum_distance=0.05,
        spectrum_distance_floor=0.04,
        lyapunov_network=np.array([0.5, -1.25]),
        spurious_fraction=0.03,
        spurious_interval=(0.01, 0.07),
    )
    fig = scorecard(record, target_run(2), network_run(2))
    assert {"0.12 %", "1.25", "−1.25", "3 % (1 to 7)"} <= set(words(fig))
    exponents = next(ax for ax in fig.axes if ax.get_title() == "Lyapunov exponents")
    heights = [line.get_ydata() for line in exponents.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(heights[0], record.lyapunov_target)
    np.testing.assert_array_equal(heights[1], record.lyapunov_network)


def test_what_is_not_known_is_said():
    record = card(
        2,
        spurious_fraction=None,
        spurious_interval=None,
        lyapunov_network=np.full(2, np.nan),
        lyapunov_network_error=np.full(2, np.nan),
        state_space_divergence_floor=0.0,
        sliced_wasserstein=np.inf,
    )
    fig = scorecard(record, target_run(2), network_run(2))
    fig.draw_without_rendering()
    assert words(fig).count("not known") == 2

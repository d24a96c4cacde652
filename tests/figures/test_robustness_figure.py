import numpy as np
import pytest

from driftmatch.embedding.robustness import RobustnessFront
from driftmatch.errors import InputError
from driftmatch.figures import robustness_front, save
from driftmatch.figures.parts.style import GREY, NETWORK
from driftmatch.outcomes import Outcome


def front(**changes) -> RobustnessFront:
    values = {
        "private_noise": np.array([0.001, 0.01, 0.1]),
        "drift_errors": np.array([0.001, 0.002, 0.02]),
        "noisy_drift_errors": np.array([0.03, 0.004, 0.021]),
        "sliced_wasserstein": np.array([0.1, 0.1, 0.12]),
        "sliced_wasserstein_errors": np.full(3, 0.004),
        "noisy_sliced_wasserstein": np.array([0.2, 0.11, 0.13]),
        "noisy_sliced_wasserstein_errors": np.full(3, 0.004),
        "sliced_wasserstein_floor": 0.09,
        "state_space_divergence": np.full(3, 0.1),
        "noisy_state_space_divergence": np.full(3, 0.1),
        "state_space_divergence_floor": 0.1,
        "largest_readout": np.full(3, 9.0),
        "outcomes": (Outcome.SUCCESS,) * 3,
        "duration": 100.0,
        "is_mixed": True,
        "num_neurons": 64,
        "name": "van_der_pol",
    }
    return RobustnessFront(**(values | changes))


def test_numbers_are_those_of_the_record():
    record = front()
    left, right = robustness_front(record).axes
    drawn = [line.get_ydata() for line in left.lines if len(line.get_ydata()) == 3]
    np.testing.assert_array_equal(drawn, [record.drift_errors, record.noisy_drift_errors])
    assert left.get_xscale() == left.get_yscale() == right.get_xscale() == "log"
    calm, noisy = right.containers
    np.testing.assert_array_equal(calm.lines[0].get_ydata(), record.sliced_wasserstein)
    np.testing.assert_array_equal(noisy.lines[0].get_ydata(), record.noisy_sliced_wasserstein)
    (bars,) = noisy.lines[2]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends[0], [0.192, 0.208])
    (floor,) = [line for line in right.lines if line.get_color() == GREY]
    np.testing.assert_allclose(floor.get_ydata(), 0.09)
    assert calm.lines[0].get_color() == NETWORK


def test_the_best_is_marked_and_the_look_explained():
    fig = robustness_front(front())
    for ax in fig.axes:
        (best,) = [text for text in ax.texts if text.get_text() == "best"]
        assert best.xy[0] == 0.01
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "no noise in neurons", "noise 0.01 in every neuron", "floor",
    ]  # fmt: skip
    assert legend.get_title().get_text() == "van der pol, 64 neurons"


def test_what_differs_little_is_drawn_from_zero_and_what_differs_much_in_decades():
    assert robustness_front(front()).axes[1].get_ylim()[0] == 0
    wide = front(noisy_sliced_wasserstein=np.array([2.0, 0.11, 0.13]))
    assert robustness_front(wide).axes[1].get_yscale() == "log"


def test_a_network_that_diverged_is_an_arrow():
    record = front(noisy_sliced_wasserstein=np.array([np.inf, 0.11, 0.13]))
    right = robustness_front(record).axes[1]
    arrows = [line for line in right.lines if line.get_marker() == "^" and len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in arrows] == [pytest.approx(0.001, rel=0.1)]
    assert len(right.containers[1].lines[0].get_ydata()) == 2


@pytest.mark.parametrize(("value", "words"), [(np.nan, "comes to rest"), (np.inf, "diverged")])
def test_without_distances_it_says_why(value, words, tmp_path):
    none = np.full(3, value)
    record = front(sliced_wasserstein=none, noisy_sliced_wasserstein=none)
    fig = robustness_front(record)
    assert any(words in text.get_text().replace("\n", " ") for text in fig.axes[1].texts)
    assert save(fig, tmp_path / "front.svg").stat().st_size > 1000


@pytest.mark.parametrize("noises", [[0.01], [0.01, 0.011, 0.012], np.logspace(-4, 0, 9)])
def test_any_number_of_noises_is_drawn(noises, tmp_path):
    V = len(noises)
    arrays = {
        name: np.full(V, 0.1)
        for name, value in vars(front()).items()
        if isinstance(value, np.ndarray)
    }
    record = front(
        **(arrays | {"private_noise": np.array(noises), "outcomes": (Outcome.SUCCESS,) * V})
    )
    assert save(robustness_front(record), tmp_path / "front.png").stat().st_size > 1000


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="what robustness_front returned, got float"):
        robustness_front(0.5)  # pyright: ignore[reportArgumentType]

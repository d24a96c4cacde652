"""Accuracy is paid for robustness, and a running network with noisy neurons shows what it buys."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch import Outcome
from driftmatch.embedding.robustness import RobustnessFront

KEY = jax.random.key(0)
EMBED = "driftmatch.embedding.robustness.embed"
NOISES = (1e-4, 1e-2, 1e-1)


@pytest.fixture(scope="module")
def cycle():
    """With so little noise of its own that the neurons' shows."""
    sde = dm.systems.van_der_pol(noise=0.05)
    return sde, short(dm.sample(sde, key=KEY), 1200)


@pytest.fixture(scope="module")
def front(cycle):
    sde, samples = cycle
    return dm.robustness_front(
        sde, 64, key=KEY, private_noise=NOISES, method="least-squares", samples=samples
    )


def short(samples, rows):
    return replace(samples, runs=samples.runs[:32, :rows])


def handmade(**changes) -> RobustnessFront:
    """Three embeddings that are all at the floor."""
    at_floor = {name: np.full(3, 0.1) for name in FIELDS}
    errors = {f"{name}_errors": np.full(3, 0.004) for name in FIELDS if "wasserstein" in name}
    front = RobustnessFront(
        private_noise=np.array([0.001, 0.01, 0.1]),
        drift_errors=np.array([0.001, 0.002, 0.01]),
        noisy_drift_errors=np.array([0.03, 0.004, 0.011]),
        **at_floor,
        **errors,
        sliced_wasserstein_floor=0.1,
        state_space_divergence_floor=0.1,
        largest_readout=np.array([9.0, 8.0, 7.0]),
        outcomes=(Outcome.SUCCESS,) * 3,
        duration=100.0,
        is_mixed=True,
        num_neurons=64,
        name="handmade",
    )
    return replace(front, **{k: np.array(v) if isinstance(v, list) else v
                             for k, v in changes.items()})  # fmt: skip


FIELDS = (
    "sliced_wasserstein",
    "noisy_sliced_wasserstein",
    "state_space_divergence",
    "noisy_state_space_divergence",
)


def test_accuracy_is_paid_for_robustness(front):
    assert np.array_equal(front.private_noise, NOISES)
    assert np.all(np.diff(front.drift_errors) > 0)
    from_noise = np.sqrt(front.noisy_drift_errors**2 - front.drift_errors**2)
    assert np.all(np.diff(from_noise) < 0)
    assert front.noisy_drift_errors.argmin() == 1  # neither the most accurate nor the most robust
    assert front.largest_readout.shape == (3,)


def test_a_fragile_readout_shows_when_neurons_are_noisy(front):
    """The first network is right as long as its neurons are silent."""
    floor = front.sliced_wasserstein_floor
    assert front.sliced_wasserstein[0] < 1.2 * floor
    assert front.noisy_sliced_wasserstein[0] > 1.5 * floor
    assert front.noisy_sliced_wasserstein[1] < 1.2 * floor
    assert front.noisy_state_space_divergence[0] > front.noisy_state_space_divergence[1]
    assert front.best == 1e-2
    assert front.outcome is front.outcomes[1] is Outcome.SUCCESS


def test_a_front_of_fragile_readouts_is_no_success(front):
    """The control: the first network alone, as if its embedding were a success."""
    arrays = {k: v[:1] for k, v in vars(front).items() if isinstance(v, np.ndarray)}
    fragile = replace(front, **arrays, outcomes=(Outcome.SUCCESS,))
    assert fragile.outcome is Outcome.OTHER_DENSITY


def test_the_best_is_made_again_by_its_noise(cycle, front):
    sde, samples = cycle
    found = dm.embed(
        sde, 64, key=KEY, private_noise=front.best, method="least-squares", samples=samples,
        check=False,
    )  # fmt: skip
    assert found.report.drift_error == front.drift_errors[1]
    assert found.report.noisy_drift_error == front.noisy_drift_errors[1]


def test_of_equal_distances_the_smallest_drift_error_is_best():
    """Ties are within two standard errors of the difference, here 0.0113."""
    assert handmade().best == 0.001
    assert handmade(noisy_sliced_wasserstein=[0.11, 0.1, 0.1]).best == 0.001
    assert handmade(noisy_sliced_wasserstein=[0.112, 0.1, 0.1]).best == 0.01
    assert handmade(noisy_sliced_wasserstein=[0.13, 0.13, 0.1]).best == 0.1
    assert handmade(noisy_sliced_wasserstein=[np.inf, np.inf, 0.3]).best == 0.1
    assert handmade(noisy_sliced_wasserstein=[np.nan] * 3).best == 0.01
    assert handmade(noisy_sliced_wasserstein=[np.nan, np.inf, np.nan]).best == 0.1


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.SUCCESS),
        ({"outcomes": (Outcome.STRAYS, Outcome.SUCCESS, Outcome.SUCCESS)}, Outcome.STRAYS),
        ({"outcomes": (Outcome.SUCCESS, Outcome.STRAYS, Outcome.STRAYS)}, Outcome.SUCCESS),
        ({"noisy_sliced_wasserstein": [np.inf] * 3}, Outcome.ESCAPES),
        ({"sliced_wasserstein": [0.2, 0.1, 0.1]}, Outcome.OTHER_DENSITY),
        ({"noisy_sliced_wasserstein": [0.2] * 3}, Outcome.OTHER_DENSITY),
        ({"noisy_state_space_divergence": [0.2] * 3}, Outcome.OTHER_DENSITY),
        ({"is_mixed": False}, Outcome.UNJUDGED),
    ],
)
def test_the_outcome_is_no_kinder_than_what_was_seen(changes, outcome):
    assert handmade(**changes).outcome is outcome


def test_what_diverges_is_infinitely_far(cycle, monkeypatch):
    sde, samples = cycle
    monkeypatch.setattr(EMBED, partial(dm.embed, check=False))
    monkeypatch.setattr("driftmatch.embedding.robustness.run_beside", lambda *_: None)
    found = dm.robustness_front(
        sde, 64, key=KEY, private_noise=[0.01], method="least-squares", samples=short(samples, 200)
    )
    assert np.isinf(found.noisy_sliced_wasserstein[0])
    assert 0 < found.sliced_wasserstein_floor < np.inf
    assert found.outcome is Outcome.ESCAPES


def test_what_comes_to_rest_has_no_distances():
    sde = dm.SDE(lambda z: z - z**3, 0.0, 1, start=[-1.0])
    found = dm.robustness_front(sde, 32, key=KEY, private_noise=[0.01], method="least-squares")
    assert np.isnan(found.sliced_wasserstein).all()
    assert np.isnan(found.sliced_wasserstein_floor)
    assert found.best == 0.01
    assert found.outcome is found.outcomes[0]


def test_angles_are_compared_on_circles(monkeypatch):
    monkeypatch.setattr(EMBED, partial(dm.embed, check=False))
    sde = dm.SDE(lambda z: 1 + 0.5 * jnp.sin(z), 0.3, 1, periodic=[2 * np.pi])
    samples = short(dm.sample(sde, key=KEY), 200)
    found = dm.robustness_front(
        sde, 64, key=KEY, private_noise=[0.01], method="least-squares", samples=samples
    )
    assert found.sliced_wasserstein[0] < 1.5 * found.sliced_wasserstein_floor + 0.02


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"private_noise": ()}, r"must be a list of rising positive numbers, got \(\)"),
        ({"private_noise": 0.01}, "must be a list of rising positive numbers, got 0.01"),
        ({"private_noise": (0.1, 0.01)}, r"rising positive numbers, got \[0.1, 0.01\]"),
        ({"private_noise": (0.1, 0.1)}, "rising"),
        ({"private_noise": (0.0, 0.1)}, "each of private_noise must be a positive number, got 0.0"),
        ({"private_noise": (-0.1, 0.1)}, "must be a positive number, got -0.1"),
        ({"private_noise": ("a",)}, "must be a positive number, got 'a'"),
        ({"method": "backprop"}, "takes no notice of private_noise"),
        ({"method": dm.Backprop()}, "takes no notice of private_noise"),
        ({"num_neurons": 2}, "needs at least 3 neurons"),
        ({"samples": 3}, "what driftmatch.sample returned"),
    ],
)
def test_bad_input(bad, words):
    arguments = {"system": dm.systems.van_der_pol(), "num_neurons": 64, "key": KEY} | bad
    with pytest.raises(dm.InputError, match=words):
        dm.robustness_front(**arguments)

"""A signal of flesh and blood: a pulse at the finger, which no SDE in a few delays explains."""

from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np
import pytest

import driftmatch as dm


@pytest.fixture(scope="module")
def pulse() -> dm.Recording:
    """25 seconds of it; a file of data of the package heartpy, no code of which is run."""
    spec = find_spec("heartpy")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("heartpy is not installed")
    path = Path(spec.submodule_search_locations[0]) / "data" / "data.csv"
    return dm.read_recording(path, dt=0.01)


def test_the_delays_of_the_pulse(pulse):
    delayed = pulse.delayed(3, 8)
    assert (pulse.num_samples, pulse.dim) == (2483, 1)
    assert delayed.coordinates == ("z", "z(t − 0.08)", "z(t − 0.16)")
    np.testing.assert_array_equal(delayed.states[0], pulse.states[[16, 8, 0], 0])


@pytest.mark.slow
@pytest.mark.parametrize(("number", "lag"), [(2, 10), (3, 8)])
def test_a_model_that_does_not_hold_is_not_called_a_success(pulse, number, lag):
    """In two delays the path crosses itself, in three it is smooth rather than driven by noise."""
    est = dm.infer(pulse.delayed(number, lag), key=jax.random.key(0))
    assert est.outcome in {dm.Outcome.NOT_MARKOV, dm.Outcome.MODEL_LEAVES}
    assert not est.residuals.is_white
    dm.figures.inference(est).draw_without_rendering()

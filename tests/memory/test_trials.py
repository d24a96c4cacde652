"""So many of so many: one naming for all that counts trials."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis.intervals import wilson_interval
from driftmatch.memory.hopfield import HopfieldNetwork
from driftmatch.memory.trials import AbstractTrials, Pooled, pooled


class Counted(AbstractTrials):
    def __init__(self, successes, trials):
        self._counts = successes, trials

    @property
    def trials(self):
        return self._counts[1]

    @property
    def successes(self):
        return self._counts[0]


def test_a_fraction_and_its_interval():
    one = Counted(15, 148)
    assert one.success == 15 / 148
    assert one.success_interval == wilson_interval(15, 148)


def test_pooled_trials_are_counted_together_not_averaged():
    together = pooled([Counted(1, 1), Counted(0, 9)])
    assert (together.successes, together.trials, together.success) == (1, 10, 0.1)
    assert together.success_interval == wilson_interval(1, 10)
    assert pooled([together, Counted(3, 5)]).successes == 4


def test_recalls_are_trials():
    patterns = np.random.default_rng(0).choice([-1.0, 1.0], (3, 40))
    of_hopfield = HopfieldNetwork(patterns).recall(0, key=jax.random.key(0), num_trials=20)
    still = dm.SDE(lambda z: 0 * z, 0.0, dim=1)
    options = {"duration": 1.0, "dt": 0.1, "key": jax.random.key(0), "target": 0}
    of_sde = dm.memory.recall(
        still, None, start=[[1.0], [1.1], [2.0]], regions=dm.memory.Regions([[1.0]], 0.5), **options
    )
    assert (of_sde.successes, of_sde.trials) == (2, 3)
    assert of_sde.success_interval == wilson_interval(2, 3)
    assert of_hopfield.success == np.mean(of_hopfield.ended == 0)
    both = pooled((of_sde, of_hopfield))
    assert isinstance(both, Pooled)
    assert both.trials == 23
    assert both.successes == 2 + of_hopfield.successes


@pytest.mark.parametrize(
    ("parts", "words"), [((), "nothing to pool"), (([1.0],), "pool what recall returned, got list")]
)
def test_bad_input(parts, words):
    with pytest.raises(dm.InputError, match=words):
        pooled(parts)

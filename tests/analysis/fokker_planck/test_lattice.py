"""Selling's decomposition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftmatch.analysis.fokker_planck.lattice import lattice_weights


def rebuilt(D):
    weights = lattice_weights(D)
    total = sum(w[:, None, None] * np.outer(e, e) for e, w in weights.items())
    return total, weights


@pytest.mark.parametrize("k", [1, 2, 3])
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), stretch=st.floats(0.0, 4.0))
def test_the_weights_rebuild_D_and_are_not_negative(k, seed, stretch):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(20, k, k)) * 10 ** (stretch * rng.random((20, 1, k)) / 2)
    D = A @ np.swapaxes(A, 1, 2) + 1e-3 * np.eye(k)
    total, weights = rebuilt(D)
    np.testing.assert_allclose(total, D, rtol=1e-8, atol=1e-8 * np.abs(D).max())
    assert all(np.all(w >= 0) for w in weights.values())
    # at most k (k + 1) / 2 offsets for each matrix
    assert max(np.sum([w > 0 for w in weights.values()], axis=0)) <= k * (k + 1) // 2


@pytest.mark.parametrize("k", [1, 2, 3])
def test_diagonal_noise_jumps_to_the_next_cells_only(k):
    D = np.diag(np.arange(1.0, k + 1))[None]
    weights = {e: w[0] for e, w in lattice_weights(D).items() if w[0] > 0}
    assert weights == {tuple(row): row @ D[0] @ row for row in np.eye(k, dtype=int)}


def test_offsets_stand_for_their_negatives():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(200, 3, 3))
    offsets = set(lattice_weights(A @ np.swapaxes(A, 1, 2) + 0.1 * np.eye(3)))
    assert not offsets & {tuple(-x for x in e) for e in offsets}

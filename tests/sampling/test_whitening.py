"""Coordinates of zero mean and unit covariance, and back."""

import numpy as np

from driftmatch.sampling.whitening import Whitening


def test_whitening_inverts_and_whitens():
    rng = np.random.default_rng(0)
    mixing = np.array([[1e4, 0, 0], [3.0, 1.0, 0], [5e-4, 5e-4, 1e-3]])
    states = rng.standard_normal((4000, 3)) @ mixing.T + [1e5, -3, 2]
    whitening = Whitening.of(states)
    z = whitening.whiten(states)
    np.testing.assert_allclose(np.cov(z, rowvar=False), np.eye(3), atol=2e-3)
    np.testing.assert_allclose(whitening.unwhiten(z), states, rtol=1e-9)

"""How readouts are solved for once the features are chosen; what else they must be is an object."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from driftmatch.matching.blocks import one_blas_thread
from driftmatch.matching.features import Moments
from driftmatch.matching.problem import AbstractReadouts

# Below this private noise the normal equations would lose too many digits.
LEAST_RIDGE = 1e-4


@dataclass(frozen=True)
class FreeReadouts(AbstractReadouts):
    """Of any sign, from every neuron: least squares with the ridge s² diag r, in closed form.

    By Cholesky where the ridge keeps the normal equations well conditioned, else by QR of the
    features with the root of the ridge below them.
    """

    def solve(self, problem, features):
        s = problem.private_noise
        if s >= LEAST_RIDGE:
            moments = Moments(problem, features, precise=True)
            return moments.solve(s**2 * moments.noise)
        omega = np.sqrt(problem.weights)[:, None]
        value, slope, _ = problem.activation.derivatives(features.arguments(problem.states))
        matrix, outputs = omega * value, omega * problem.outputs
        if s > 0:
            ridge = np.diag(s * np.sqrt(problem.weights @ slope**2))
            matrix = np.concatenate([matrix, ridge])
            outputs = np.concatenate([outputs, np.zeros((len(ridge), outputs.shape[1]))])
        with one_blas_thread():
            solution = scipy.linalg.lstsq(
                matrix,
                outputs,
                cond=1e-16,
                lapack_driver="gelsy",
                overwrite_a=True,
                overwrite_b=True,
                check_finite=False,
            )
        assert solution is not None
        return np.asarray(solution[0])

"""An invented inference, for tests of what is made of one."""

import numpy as np

from driftmatch.inference.basis import Basis, monomials
from driftmatch.inference.diagnostics import Halves, Residuals, Twin
from driftmatch.inference.estimate import Estimate
from driftmatch.inference.inference import Inference, Lag
from driftmatch.inference.inferred_sde import InferredSDE
from driftmatch.outcomes import Outcome
from driftmatch.recordings.recording import Recording

RNG = np.random.default_rng(1)
ANGLES = (False, True)  # so that u = (z1, cos z2, sin z2)
RECORDING = Recording(
    RNG.normal(size=(40, 2)), 0.1 * np.arange(40), np.array([0, 20]), ("V", "phase"), ("mV", "deg"),
    (None, 360.0), "a cell",
)  # fmt: skip


def basis(number: int, degree: int) -> Basis:
    return Basis(
        RNG.normal(size=(number, 3)), RNG.normal(size=number), np.asarray(3.0),
        monomials(ANGLES, degree), ANGLES,
    )  # fmt: skip


BASIS, OTHER = basis(5, 1), basis(0, 2)
ESTIMATE = Estimate(
    BASIS, 0.1 * RNG.normal(size=(BASIS.size, 2)), OTHER, 0.1 * RNG.normal(size=(OTHER.size, 3)),
    np.asarray(0.5), np.asarray(0.01),
)  # fmt: skip
FACTOR = np.diag([2.0, 180 / np.pi])
SDE = InferredSDE(
    ESTIMATE, np.array([-60.0, 0.0]), FACTOR, np.linalg.inv(FACTOR), RECORDING.states[:1],
    RECORDING.periodic, RECORDING.coordinates, RECORDING.units, RECORDING.name,
)  # fmt: skip
INFERENCE = Inference(
    sde=SDE,
    outcome=Outcome.NOT_MARKOV,
    reason="what is left over of steps is correlated, by up to 0.3",
    findings=("what is left over of steps is correlated, by up to 0.3",),
    stiffness=0.1,
    measurement_noise=0.01 * np.eye(2),
    drift_error=0.1,
    diffusion_error=0.05,
    forced=0.0,
    entropy_production=np.inf,
    entropy_production_error=np.nan,
    lag=1,
    lags=(Lag(1, np.ones(2), 0.3), Lag(2, np.ones(2), 0.1)),
    num_functions=(BASIS.size, OTHER.size),
    residuals=Residuals(
        np.zeros((10, 2)),
        np.zeros((10, 2)),
        0.1,
        *np.zeros((2, 2)),
        *np.ones((9, 2)),
        np.zeros((33, 2)),
    ),
    twin=Twin(RNG.normal(size=(2, 20, 2)), 0.05, 0.04, np.nan, np.nan, 0.0),
    halves=Halves(np.zeros(2), 0.1 * np.ones(2), 9 * np.ones(2)),
    recording=RECORDING,
    drift_replicates=0.01 * RNG.normal(size=(20, BASIS.size, 2)),
    diffusion_replicates=0.01 * RNG.normal(size=(20, OTHER.size, 3)),
)

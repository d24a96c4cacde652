"""What `infer` returns, of a linear SDE, put together by hand in no time."""

from functools import cache

import numpy as np

from driftmatch.inference.basis import Basis, monomials
from driftmatch.inference.diagnostics import Halves, Twin, residuals
from driftmatch.inference.estimate import Estimate, upper
from driftmatch.inference.inference import Inference, Lag
from driftmatch.inference.inferred_sde import InferredSDE
from driftmatch.inference.transitions import Scaling
from driftmatch.outcomes import Outcome
from driftmatch.recordings.recording import Recording

DT = 0.1


def paths(k: int, M: int, T: int, seed: int) -> np.ndarray:
    """Of dz = −z dt + √2 dB in every coordinate, exactly."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-DT)
    z = rng.normal(size=(M, T, k))
    z[:, 1:] *= np.sqrt(1 - decay**2)
    for t in range(1, T):
        z[:, t] += decay * z[:, t - 1]
    return z


@cache
def inferred(k: int, noise: float = 0.0, **changes) -> Inference:
    """With measurement noise of that variance, which the record says; with names from two
    dimensions on."""
    rng = np.random.default_rng(k)
    states = paths(k, 1, 800, seed=0)[0]
    names = (
        {} if k == 1 else {"coordinates": tuple("Vwnmhu"[:k]), "units": ("mV",) + ("",) * (k - 1)}
    )
    seen = states + np.sqrt(noise) * rng.normal(size=states.shape)
    seen[300] = np.nan
    recording = Recording.of(seen, dt=DT, name="a_recording", **names)
    angles = (False,) * k
    none, reach = (np.zeros((0, k)), np.zeros(0)), np.asarray(10.0)
    bases = [Basis(*none, reach, monomials(angles, degree), angles) for degree in (1, 0)]
    order = [e.index(1) for e in bases[0].exponents[1:]]
    slope = np.vstack([np.zeros((1, k)), -np.eye(k)[order]])
    estimate = Estimate(bases[0], slope, bases[1], upper(np.eye(k)[None]), np.asarray(1.0),
                        np.asarray(0.01))  # fmt: skip
    scaling = Scaling(np.zeros(k), np.eye(k), angles)
    left = residuals(rng.normal(size=(798, k)), np.arange(798) > 0, 0.1 * np.ones((1, k)))
    twins = paths(k, 4, 499, seed=1)
    fields = {
        "sde": InferredSDE.of(estimate, scaling, recording, np.zeros((1, k))),
        "outcome": Outcome.SUCCESS,
        "reason": None,
        "findings": (),
        "stiffness": 0.1,
        "measurement_noise": noise * np.eye(k),
        "drift_error": 0.1,
        "diffusion_error": 0.05,
        "forced": 0.0,
        "entropy_production": 0.01,
        "entropy_production_error": 0.02,
        "lag": 1,
        "lags": tuple(Lag(n, np.full(k, 1 + noise / (n * DT)), 0.01) for n in (1, 2, 4, 8)),
        "num_functions": (k + 1, 1),
        "residuals": left,
        "twin": Twin(twins, 0.05, 0.04, 0.1, 0.1, 0.0),
        "halves": Halves(np.zeros(k), np.ones(k), np.full(k, 40.0)),
        "recording": recording,
        "drift_replicates": 0.1 * rng.normal(size=(50, k + 1, k)),
        "diffusion_replicates": 0.05 * rng.normal(size=(50, 1, k * (k + 1) // 2)),
    }
    return Inference(**(fields | changes))

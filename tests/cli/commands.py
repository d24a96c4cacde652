"""Small stand-ins for what is slow, and what tests of commands ask of their output."""

import json

import numpy as np

import driftmatch as dm
from driftmatch.analysis.compare import Scorecard
from driftmatch.embedding.verdict import EmbeddingReport

REPORT = EmbeddingReport(
    drift_error=1e-3,
    noisy_drift_error=5e-3,
    local_error=2e-3,
    diffusion_error=float("nan"),
    largest_readout=3.0,
    tau=0.5,
    num_states=100,
    num_guards=0,
    seconds=1.25,
    fit_seconds=0.25,
)
CARD = Scorecard(
    drift_error=1e-3,
    noisy_drift_error=5e-3,
    local_error=2e-3,
    diffusion_error=0.0,
    state_space_divergence=0.011,
    state_space_divergence_floor=0.01,
    spectrum_distance=0.02,
    spectrum_distance_floor=0.019,
    sliced_wasserstein=0.01,
    sliced_wasserstein_floor=0.01,
    lyapunov_target=np.array([float("nan"), -1.0]),
    lyapunov_network=np.array([0.0, -1.01]),
    lyapunov_target_error=np.array([0.01, 0.02]),
    lyapunov_network_error=np.array([0.01, 0.02]),
    kaplan_yorke_target=1.0,
    kaplan_yorke_network=float("nan"),
    spurious_fraction=0.0,
    spurious_interval=(0.0, 0.01),
    spurious_fraction_box=None,
    spurious_interval_box=None,
    escaped_fraction=0.0,
    escaped_interval=(0.0, 0.01),
    num_starts=64,
    num_paths=256,
    time_scale=1.0,
    duration=100.0,
    dt=0.04,
    num_trajectories=32,
)

USER_FILE = """
import jax.numpy as jnp
import driftmatch as dm

def make(rate=1.0, noise=0.1):
    return dm.SDE(lambda z: -rate * z, noise, 2, start=(1.0, 0.0), time_scale=1.0, name="mine")

sde = make()
"""


def network(n=12, k=2, **options):
    rng = np.random.default_rng(0)
    gamma = rng.normal(size=(n, k))
    options = {"tau": 0.5, "shared_noise": 0.1, "start": np.zeros(k), "time_scale": 1.0} | options
    return dm.Network(gamma, 0.1 * rng.normal(size=(k, n)), rng.normal(size=n), **options)


def only_json(result) -> dict:
    """The object on standard output, which must hold nothing else."""
    assert result.stdout.endswith("}\n")
    assert result.stdout.count("\n") == 1
    assert "NaN" not in result.stdout
    assert "Infinity" not in result.stdout
    return json.loads(result.stdout)

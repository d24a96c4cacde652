"""Small stand-ins for what is slow, and what tests of commands ask of their output."""

import json
from dataclasses import replace

import cards
import numpy as np

import driftmatch as dm
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
CARD = replace(
    cards.CARD,
    lyapunov_target=np.array([float("nan"), -1.0]),
    lyapunov_network=np.array([0.0, -1.01]),
    kaplan_yorke_network=float("nan"),
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

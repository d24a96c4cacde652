"""States on the attractors of an SDE and, a few, around them."""

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE, check_system
from driftmatch.arguments import check_count, check_fraction, check_key, check_non_negative
from driftmatch.sampling.steps import time_scale_of
from driftmatch.simulation.simulate import simulate
from driftmatch.words import spelled


@spelled
def surroundings(
    system: AbstractSDE,
    *,
    key: PRNGKeyArray,
    number: int = 30_000,
    share: float = 0.005,
    margin: float = 0.3,
) -> Float[np.ndarray, "number k"]:
    """States to match at (`embed(states=...)`) where inputs push the state off its attractors.

    They are visited from the SDE's starts, but for a `share` of them, which is spread evenly over
    the box that these fill and so many of its widths (`margin`) around it: there a network must
    follow, too, but for the way back only. Drifts are large there, so that few states have a say; a
    larger share costs accuracy on the attractors, and chaos goes first.
    """
    sde = check_system(system, "system")
    count = check_count("number", number)
    share, margin = check_fraction("share", share), check_non_negative("margin", margin)
    key_scale, key_run, key_box = jax.random.split(check_key(key), 3)
    scale = time_scale_of(sde, key_scale)
    outer = round(share * count)
    M = 10 * len(sde.starts) if sde.starts is not None else 30
    samples = -(-(count - outer) // M)
    run = simulate(
        sde, duration=(samples + 100) * scale / 5, dt=scale / 50, key=key_run, num_trajectories=M,
        save_every=10,
    )  # fmt: skip
    visited = run.states[:, -samples:].reshape(-1, sde.dim)
    low, high = visited.min(axis=0), visited.max(axis=0)
    # A dimension that is hardly visited is widened with the others.
    edge = margin * float((high - low).max())
    uniform = np.asarray(jax.random.uniform(key_box, (outer, sde.dim)))
    box = low - edge + (high - low + 2 * edge) * uniform
    return np.concatenate([visited[: count - outer], box]).astype(float)

"""How many memories a network holds, beside Hopfield's."""

from collections.abc import Sequence
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from driftmatch.arguments import (
    as_list,
    check_choice,
    check_count,
    check_key,
    check_meter,
    check_non_negative,
    shown,
)
from driftmatch.embedding.embed import embed
from driftmatch.errors import InputError
from driftmatch.memory.curves import intervals
from driftmatch.memory.descent import width
from driftmatch.memory.hopfield import HopfieldNetwork, signs_of
from driftmatch.memory.landscape import Landscape, landscape
from driftmatch.memory.recall import recall
from driftmatch.memory.tilt import tilt_toward
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network, with_noise
from driftmatch.records import Record
from driftmatch.sampling.steps import default_step, time_scale_of
from driftmatch.systems.wells import on_a_circle, wells
from driftmatch.words import spelled

_MATCHED = 0.65  # the noise at which states to match at are drawn
_SETTLING = 10  # time scales, with and without the cue
_CANDIDATES = 64


class Capacity(
    Record,
    told="num_wells dim num_neurons trials success intervals worst hopfield_success "
    "hopfield_intervals drift_errors",
):
    """Recall against the number of memories, of embedded wells and of Hopfield's network.

    - `num_wells`: W, shape (V,). - `dim`: k. - `num_neurons`: n, of both networks.
    - `successes`: how many trials ended in the well called for, shape (W,) for each number of
      wells; `hopfield_successes`: the same for the network of binary neurons that stores the signs
      of the same neural states.
    - `trials`: for each well.
    - `drift_errors`: ε_f of each embedding, shape (V,).
    """

    num_wells: Int[np.ndarray, " V"]
    dim: int
    num_neurons: int
    successes: tuple[Int[np.ndarray, " W"], ...]
    hopfield_successes: tuple[Int[np.ndarray, " W"], ...]
    trials: int
    drift_errors: Float[np.ndarray, " V"]

    @property
    def success(self) -> Float[np.ndarray, " V"]:
        """The fraction of all trials that ended in the well called for."""
        return np.array([each.mean() for each in self.successes]) / self.trials

    @property
    def intervals(self) -> Float[np.ndarray, "V 2"]:
        """Wilson's 95 % intervals of `success`."""
        return intervals([each.sum() for each in self.successes], self.num_wells * self.trials)

    @property
    def worst(self) -> Float[np.ndarray, " V"]:
        """The success of the well that is recalled worst."""
        return np.array([each.min() for each in self.successes]) / self.trials

    @property
    def hopfield_success(self) -> Float[np.ndarray, " V"]:
        """`success` of Hopfield's network."""
        return np.array([each.mean() for each in self.hopfield_successes]) / self.trials

    @property
    def hopfield_intervals(self) -> Float[np.ndarray, "V 2"]:
        """`intervals` of Hopfield's network."""
        return intervals(
            [each.sum() for each in self.hopfield_successes], self.num_wells * self.trials
        )


@spelled
def capacity(
    num_wells: Sequence[int] = (2, 4, 6, 8, 12, 16),
    *,
    key: PRNGKeyArray,
    num_neurons: int = 256,
    arrangement: Literal["circle", "random"] = "circle",
    dim: int | None = None,
    noise: float = 0.35,
    num_trials: int = 100,
    meter: AbstractMeter | bool = SILENT,
    **options: Any,
) -> Capacity:
    """Embed ever more wells in networks of the same size, and recall each of them.

    For each number W of wells, W equal wells (`systems.wells`, depth 1 and width 1, so that the two
    that are nearest are 2 apart) are embedded, and each is recalled by the default tilt of the
    target, from starts all over the box of the wells. Beside it, `HopfieldNetwork` stores the signs
    of the neural states Γz_j + b of the same network, and recalls each by a field along it; wells
    that have the same signs cannot be told apart and count as not recalled.

    **Arguments**

    - `num_wells`: W, each at least 2. - `num_neurons`: n. - `key`: a random key.
    - `arrangement`: "circle", evenly; or "random", on a sphere in `dim` dimensions, chosen apart
      from each other. - `dim`: k, 2 by default.
    - `noise`: σ during recall; states to match at are drawn at 0.65, so that the ways between the
      wells are visited too.
    - `num_trials`: for each well. - `meter`: told of the progress.
    - `options`: further arguments of `embed`.
    """
    each = as_list(num_wells)
    if not each:
        raise InputError(f"num_wells must be a list of numbers, got {shown(num_wells)}")
    numbers = [check_count("each of num_wells", W, least=2) for W in each]
    check_choice("arrangement", arrangement, ("circle", "random"))
    k = 2 if dim is None else check_count("dim", dim)
    if arrangement == "circle" and k != 2:
        raise InputError(f"a circle has 2 dimensions, got dim = {k}: choose arrangement='random'")
    noise = check_non_negative("noise", noise)
    n, M = check_count("num_neurons", num_neurons), check_count("num_trials", num_trials)
    meter = check_meter(meter)
    options.setdefault("check", False)  # recall is the check here
    found = []
    for W, each in zip(numbers, jax.random.split(check_key(key), len(numbers)), strict=True):
        key_places, key_fit, key_recall, key_hopfield = jax.random.split(each, 4)
        centres = on_a_circle(W) if arrangement == "circle" else _sphere(W, k, key_places)
        target = wells(centres, noise=_MATCHED)
        targets = landscape(target)
        embedding = embed(target, n, key=key_fit, meter=meter, **options)
        network = with_noise(embedding.network, noise / _MATCHED)
        recalled = _recalled(network, targets, M, key_recall, meter)
        of_signs = _hopfield_recalled(network, targets, M, key_hopfield)
        found.append((recalled, of_signs, embedding.report.drift_error))
    successes, hopfield, errors = zip(*found, strict=True)
    return Capacity(np.array(numbers), k, n, successes, hopfield, M, np.array(errors))


def _sphere(W: int, k: int, key: PRNGKeyArray) -> Float[np.ndarray, "W k"]:
    """The nearest 2 apart; each is that of many random places which is farthest from those before.

    Source: D. Mitchell, SIGGRAPH 25, 157 (1991), for the best candidates.
    """
    points = np.asarray(jax.random.normal(key, (W, _CANDIDATES, k)), dtype=float)
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    chosen = points[0, :1]
    for candidates in points[1:]:
        apart = np.linalg.norm(candidates[:, None] - chosen, axis=2).min(axis=1)
        chosen = np.vstack([chosen, candidates[apart.argmax()]])
    apart = np.linalg.norm(chosen[:, None] - chosen, axis=2) + np.diag(np.full(W, np.inf))
    return 2 * chosen / apart.min()


def _recalled(
    network: Network, targets: Landscape, M: int, key: PRNGKeyArray, meter: AbstractMeter
) -> Int[np.ndarray, " W"]:
    """How often each well was recalled; the cue lasts long enough to cross all wells."""
    key_scale, *keys = jax.random.split(key, len(targets.minima) + 1)
    scale = time_scale_of(network, key_scale)
    settling, dt, successes = _SETTLING * scale, default_step(network, scale), []
    for j, each in enumerate(keys):
        tilt = tilt_toward(targets, j)
        release = settling + 4 * width(targets.minima) / tilt.strength
        run = recall(
            network, tilt, duration=release + settling, release=release, dt=dt, key=each,
            num_trials=M, meter=meter,
        )  # fmt: skip
        successes.append(run.successes)
    return np.array(successes)


def _hopfield_recalled(
    network: Network, targets: Landscape, M: int, key: PRNGKeyArray
) -> Int[np.ndarray, " W"]:
    signs = signs_of(network.lift(targets.minima))
    distinct, which, counts = np.unique(signs, axis=0, return_inverse=True, return_counts=True)
    successes = np.zeros(len(signs), int)
    if len(distinct) > 1:
        binary = HopfieldNetwork(distinct)
        for j, each in enumerate(jax.random.split(key, len(signs))):
            if counts[which.ravel()[j]] == 1:
                result = binary.recall(int(which.ravel()[j]), key=each, num_trials=M)
                successes[j] = result.successes
    return successes

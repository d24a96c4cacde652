"""Accuracy against robustness: one SDE, embedded to withstand ever more noise in the neurons."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.floors import GROUPS, distances_and_floors
from driftmatch.arguments import as_list, check_key, check_meter, check_positive, shown
from driftmatch.embedding.closed_loop import (
    NEIGHBOURS,
    is_other_density,
    long_enough,
    run_beside,
    steps_a_row,
)
from driftmatch.embedding.embed import embed
from driftmatch.errors import InputError
from driftmatch.matching.arguments import check_arguments
from driftmatch.matching.fits import AbstractFit, Backprop, get_fit
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.given import check_samples, samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.words import spelled

COMMON_NOISE = 0.01  # in every neuron, at which all networks are compared
_DEARER = 4  # a neuron's step with a normal of its own, beside one without: it takes 10 ns
_LEAST_STEPS_A_ROW = 5  # all neurons are kept until they are projected: not too many rows of them
_ERRORS = 2.0  # of the difference: what is nearer is a tie
_DISTANCES = ("sliced_wasserstein", "state_space_divergence")


class RobustnessFront(Record):
    """Embeddings of one SDE against the private noise s that their readouts withstand.

    Of each, shape (V,):

    - `private_noise`: s, in units of x, rising.
    - `drift_errors`: ε_f; `noisy_drift_errors`: ε_f(0.01), with noise in every neuron; see
      `matching_errors`.
    - `sliced_wasserstein`, in standard deviations, and `state_space_divergence`, in nats: between
      the running network and its target; `noisy_…`: the same where every neuron has private noise
      0.01 while it runs. Inf if the network diverged, NaN for a target that comes to rest.
    - `sliced_wasserstein_errors`, `noisy_sliced_wasserstein_errors`: their standard errors, for
      comparing networks with each other.
    - `largest_readout`: see `EmbeddingReport`.

    And

    - `sliced_wasserstein_floor`, `state_space_divergence_floor`: the same between runs of the
      target, for all networks and with and without private noise, since all run equally long.
    - `outcomes`: of the embeddings, whose networks have no private noise.
    - `duration`: of the runs; `is_mixed`: whether it is long enough, see `ClosedLoop`.
    - `num_neurons`: n; `name`: of the SDE.
    """

    private_noise: Float[np.ndarray, " V"]
    drift_errors: Float[np.ndarray, " V"]
    noisy_drift_errors: Float[np.ndarray, " V"]
    sliced_wasserstein: Float[np.ndarray, " V"]
    sliced_wasserstein_errors: Float[np.ndarray, " V"]
    noisy_sliced_wasserstein: Float[np.ndarray, " V"]
    noisy_sliced_wasserstein_errors: Float[np.ndarray, " V"]
    sliced_wasserstein_floor: float
    state_space_divergence: Float[np.ndarray, " V"]
    noisy_state_space_divergence: Float[np.ndarray, " V"]
    state_space_divergence_floor: float
    largest_readout: Float[np.ndarray, " V"]
    outcomes: tuple[Outcome, ...]
    duration: float
    is_mixed: bool
    num_neurons: int
    name: str

    @property
    def best(self) -> float:
        """The s whose network with noise 0.01 in every neuron is nearest to the target: of the
        smallest `noisy_sliced_wasserstein`, and of those within two standard errors of it that of
        the smallest ε_f. Of a target that comes to rest, of the smallest ε_f(0.01)."""
        return float(self.private_noise[self._best])

    @property
    def outcome(self) -> Outcome:
        """SUCCESS, or what the best network lacks, without private noise or with it."""
        i = self._best
        if not self.outcomes[i].ok:
            return self.outcomes[i]
        for prefix in ("", "noisy_"):
            found = {name: float(getattr(self, prefix + name)[i]) for name in _DISTANCES}
            if np.isinf(found["sliced_wasserstein"]):
                return Outcome.ESCAPES
            floors = {f"{name}_floor": getattr(self, f"{name}_floor") for name in _DISTANCES}
            if is_other_density(found | floors):
                return Outcome.OTHER_DENSITY
        return Outcome.SUCCESS if self.is_mixed else Outcome.UNJUDGED

    @property
    def _best(self) -> int:
        distance, error = self.noisy_sliced_wasserstein, self.noisy_sliced_wasserstein_errors
        if not np.isfinite(distance).any():
            errors = np.where(np.isinf(distance), np.inf, self.noisy_drift_errors)
            return int(np.argmin(errors))
        least = int(np.nanargmin(distance))
        tied = distance <= distance[least] + _ERRORS * np.hypot(error, error[least])
        return int(np.argmin(np.where(tied, self.drift_errors, np.inf)))


@spelled
def robustness_front(
    system: AbstractSDE,
    num_neurons: int,
    *,
    key: PRNGKeyArray,
    private_noise: Sequence[float] = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    method: str | AbstractFit = "refined",
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> RobustnessFront:
    """Embed an SDE with readouts made to withstand ever more noise, and see what each is worth.

    The private noise s that a fit is told of is a ridge R = s² diag E[φ'²] on the readout: the
    larger it is, the larger ε_f, and the smaller what noise in the neurons adds to it. Every
    network runs beside the target as it is, and with private noise 0.01 in every neuron, as long as
    some seconds allow. Through the readouts that noise enters the latent states, beside the
    target's own: where that is weak, a fragile readout shows as another density, and where it is
    strong, all s may look alike.

    All embeddings have the same key, samples and noise paths: their differences are those of s
    (a refined fit takes as many steps again below 0.01, see `Refined`).
    ``embed(system, num_neurons, key=key, private_noise=front.best)``, with the same `method` and
    `samples`, is the best one again.

    **Arguments**

    - `system`, `num_neurons`, `key`, `samples`, `meter`: as for `embed`.
    - `private_noise`: s > 0, rising, in units of x.
    - `method`: "refined", "least-squares", or such an object; back-propagation knows nothing of s.

    Raises `InputError` for unusable arguments and `ComputationError` as `embed` does.
    """
    fit = get_fit(method)
    if isinstance(fit, Backprop):
        raise InputError(
            "fit must be 'refined' or 'least-squares': back-propagation takes no notice of "
            "private_noise, see Backprop(noise=)"
        )
    noises = _check_noises(private_noise)
    num_neurons, _, _ = check_arguments(system, num_neurons, None, noises[0])
    meter = check_meter(meter)
    check_samples(system, samples)
    key = check_key(key)
    samples = samples_of(system, samples, key, meter).require_place()
    embeddings, looks = [], []
    for s in noises:
        made = embed(
            system, num_neurons, key=key, method=fit, private_noise=s, samples=samples, meter=meter
        )
        target, runs = made.target, samples.runs
        if isinstance(target, OnCircles):
            runs = target.laid_out(runs)
        with task(meter, f"closed loop, with and without noise {COMMON_NOISE:g}", 1):
            looks.append(_look(made.network, samples, runs, jax.random.fold_in(key, 2)))
            meter.advance(1)
        embeddings.append(made)
    calm, noisy = [each.calm for each in looks], [each.noisy for each in looks]

    def reported(name: str) -> np.ndarray:
        return np.array([getattr(each.report, name) for each in embeddings])

    def measured(looks: Sequence[dict[str, float]], name: str) -> np.ndarray:
        return np.array([each[name] for each in looks])

    return RobustnessFront(
        private_noise=np.array(noises),
        drift_errors=reported("drift_error"),
        noisy_drift_errors=reported("noisy_drift_error"),
        sliced_wasserstein=measured(calm, "sliced_wasserstein"),
        sliced_wasserstein_errors=measured(calm, "sliced_wasserstein_error"),
        noisy_sliced_wasserstein=measured(noisy, "sliced_wasserstein"),
        noisy_sliced_wasserstein_errors=measured(noisy, "sliced_wasserstein_error"),
        sliced_wasserstein_floor=calm[0]["sliced_wasserstein_floor"],
        state_space_divergence=measured(calm, "state_space_divergence"),
        noisy_state_space_divergence=measured(noisy, "state_space_divergence"),
        state_space_divergence_floor=calm[0]["state_space_divergence_floor"],
        largest_readout=reported("largest_readout"),
        outcomes=tuple(each.outcome for each in embeddings),
        duration=looks[0].duration,
        is_mixed=all(each.is_mixed for each in looks),
        num_neurons=num_neurons,
        name=system.name,
    )


def _check_noises(private_noise) -> list[float]:
    """s of every embedding: positive, rising."""
    wanted, each = "private_noise must be a list of rising positive numbers", as_list(private_noise)
    if not each:
        raise InputError(f"{wanted}, got {shown(private_noise)}")
    noises = [check_positive("each of private_noise", s) for s in each]
    if not np.all(np.diff(noises) > 0):
        raise InputError(f"{wanted}, got {shown(noises)}")
    return noises


class _Look(NamedTuple):
    """Distances without private noise and with it, how long the runs were, and whether that is long
    enough."""

    calm: dict[str, float]
    noisy: dict[str, float]
    duration: float
    is_mixed: bool


def _look(
    network: Network, samples: Samples, runs: Float[np.ndarray, "M T k"], key: PRNGKeyArray
) -> _Look:
    M, every = runs.shape[0] // GROUPS * GROUPS, steps_a_row(samples, network)
    cost = _DEARER * M * network.num_neurons * max(every, _LEAST_STEPS_A_ROW)
    rows, is_mixed = long_enough(samples, runs[:M], cost, patience=1)
    own, both = runs[:M, :rows], []
    for each in (network, network.with_private_noise(COMMON_NOISE)):
        found = run_beside(each, samples, runs[:M], rows, key)
        if samples.is_resting:  # there is no density but where it ends
            measured = {name + of: np.nan for name in _DISTANCES for of in ("", "_error", "_floor")}
        else:
            states = own if found is None else found
            measured = distances_and_floors(own, states, neighbours=NEIGHBOURS, errors=True)
        if found is None:
            measured |= {name: np.inf for name in _DISTANCES}
        both.append(measured)
    return _Look(both[0], both[1], rows * samples.spacing, is_mixed)

r"""Entropy production of a recording:  σ̇ = ⟨f̂ᵀD̂⁻¹ ∘ Δz⟩ / Δt, with what was learnt elsewhere.

Were f̂ learnt from the same steps, it would follow their noise, and σ̇ be positive at equilibrium.
So the drift that meets a fold of the recording is that of the other folds: its errors have nothing
to do with the steps that it is multiplied by, and average out. The sum over steps of Δt misses a
part that grows with Δt; those over Δt and 2Δt together, 2σ̇(Δt) − σ̇(2Δt), miss its square.

Source: A. Frishman, P. Ronceray, Phys. Rev. X 10, 021009 (2020), for the current; cross-fitting in
place of their subtraction of the expected bias.
"""

import numpy as np
from jaxtyping import Float, Int

from driftmatch.inference.basis import Basis
from driftmatch.inference.estimate import Estimate, diffusions
from driftmatch.inference.fitting import Fitted, Prediction, drift_weights
from driftmatch.inference.regression import FOLDS, Choice, Sums, sums
from driftmatch.inference.transitions import Transitions

Matrix = np.ndarray

_REPLICATES = 200


def entropy_production(
    fitted: Fitted,
    transitions: Transitions,
    prediction: Prediction,
    recorded: Transitions,
    twice: Transitions | None,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """σ̇ per unit time and its standard error, from blocks drawn again within the folds.

    - `transitions`, `prediction`: what the drift was learnt from, and what was made of it; with
      measurement noise the smoothed ones, as noisy states bias it. - `recorded`: the steps as they
      are, in the same blocks. - `twice`: those of twice the lag, or None where there are none.
    """
    estimate, choice = fitted.estimate, fitted.drift.choice
    rates = transitions.steps / transitions.intervals[:, None]
    rates = rates - (prediction.mean - prediction.drift)
    total = sums(choice.basis, transitions.states, rates, drift_weights(transitions, prediction),
                 transitions.blocks)  # fmt: skip
    B = len(total.gram)
    currents = [_currents(estimate, choice.basis, recorded, B)]
    if twice is not None:
        currents.append(_currents(estimate, choice.basis, twice, B))
    folds = np.arange(B) * min(FOLDS, B) // B

    def rate(counts):
        found = [_rates(choice, total, H, time, folds, counts) for H, time in currents]
        return 2 * found[0] - found[1] if len(found) > 1 else found[0]

    again = rate(np.stack([_drawn(folds, rng) for _ in range(_REPLICATES)]))
    return float(rate(np.ones((1, B)))[0]), float(np.std(again, ddof=1))


def _currents(
    estimate: Estimate, basis: Basis, steps: Transitions, B: int
) -> tuple[Float[Matrix, "B p k"], Float[Matrix, " B"]]:
    """Of every block Σ φ(z + Δz/2) (D⁻¹Δz)ᵀ, and the time."""
    middle = steps.states + steps.steps / 2
    force = np.linalg.solve(diffusions(estimate, middle)[0], steps.steps[..., None])[..., 0]
    H = np.zeros((B, basis.size, estimate.dim))
    for block in range(B):
        own = slice(*np.searchsorted(steps.blocks, [block, block + 1]))
        H[block] = basis.at(middle[own]).T @ (steps.weights[own, None] * force[own])
    return H, np.bincount(steps.blocks, steps.weights * steps.intervals, minlength=B)


def _rates(
    choice: Choice,
    total: Sums,
    currents: Float[Matrix, "B p k"],
    times: Float[Matrix, " B"],
    folds: Int[Matrix, " B"],
    counts: Float[Matrix, "S B"],
) -> Float[Matrix, " S"]:
    """σ̇ of blocks that count so often, each met by the drift of the other folds."""

    def counted(parts, which):
        flat = counts[:, which] @ parts[which].reshape(which.sum(), -1)
        return flat.reshape(len(counts), *parts.shape[1:])

    produced = np.zeros(len(counts))
    for fold in range(folds[-1] + 1):
        others = folds != fold
        gram, moment = counted(total.gram, others), counted(total.moment, others)
        matrices = gram + np.stack([choice.matrix(each) for each in gram])
        try:
            c = np.linalg.solve(matrices, moment)
        except np.linalg.LinAlgError:
            c = np.linalg.pinv(matrices, rcond=1e-15, hermitian=True) @ moment
        produced += np.sum(c * counted(currents, ~others), axis=(1, 2))
    return produced / (counts @ times)


def _drawn(folds: Int[Matrix, " B"], rng: np.random.Generator) -> Float[Matrix, " B"]:
    """How often each block is drawn, as many from a fold as it has."""
    counts = np.zeros(len(folds))
    for fold in range(folds[-1] + 1):
        own = np.flatnonzero(folds == fold)
        counts += np.bincount(rng.choice(own, len(own)), minlength=len(folds))
    return counts

r"""Readouts under Dale's law: every neuron excites all others, or inhibits all others.

With W = ΓW_s the signs of a column cannot all agree. With one more latent coordinate along 1 they
can:  W = ΓW_s + 1vᵀ,  s_j (Γ_i·W_s,j + v_j) ≥ 0 for all i, where s_j = ±1. These are linear
constraints at the corners h of the convex hull of the rows of Γ only. The new coordinate stays put
where vᵀφ(Γz + b) is constant, and is stable where its feedback vᵀφ'(Γz + b) is below 1.

`signed_readouts` minimises, over W_s and v and for given features,

    E|W_sφ − Y|² + s² Σ_j r_j |W_s,j|² + ω (E(vᵀφ)² + s² Σ_j r_j v_j²),   r_j = E φ'_j²,

with  vᵀφ' ≤ −1  at the states: a quadratic programme.

`signed_features` makes it easy. Where φ(x) + φ(−x) = 2φ(0), as for the logistic function, two
neurons of one sign at x and at −x, with readouts W_s,j and −W_s,j and the same v_j, give
W_s,j (φ(x) − φ(−x)) and a *constant* vᵀφ, whatever W_s,j is; nor does the new coordinate move W_sφ
to first order. Dale's law then costs half of the neurons and no accuracy; what is left for v is the
feedback, a small programme of its own.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from driftmatch.activations import Activation
from driftmatch.errors import ComputationError, InputError
from driftmatch.matching.blocks import one_blas_thread
from driftmatch.matching.cones import (
    LEAST_FEEDBACK,
    Task,
    at_once,
    by_splitting,
    clarabel_solution,
)
from driftmatch.matching.fits import AbstractFit, Refined
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.meters import SILENT, AbstractMeter

Matrix = np.ndarray
CONSTANT_BIAS = 20.0
_MOST_DENSE = 1200  # unknowns that the interior-point solver takes; beyond, splitting
_LOOKED_AT = 4096  # states
_FLAT = 1e-6  # a slope, of neurons that count as constant
_ROWS, _ROUNDS = 200, 4  # states at which the feedback is bounded too, and how often
_BALANCE, _FEEDBACK = 0.01, -3.0  # how much it counts in pairs how far the feedback is from this


class SignedReadouts(NamedTuple):
    """W_s, shape (k, n), and v, shape (n,), of W = ΓW_s + 1vᵀ."""

    readout: Float[Matrix, "k n"]
    common: Float[Matrix, " n"]


class SignedFeatures(NamedTuple):
    """Features with signs s_j = ±1, shape (n,); `partners`: at −x, or itself, shape (n,)."""

    features: Features
    signs: Float[Matrix, " n"]
    partners: Int[Matrix, " n"]


def signed_readouts(
    gamma: Float[Matrix, "n k"],
    signs: Float[Matrix, " n"],
    rates: Float[Matrix, "N n"],
    slopes: Float[Matrix, "N n"],
    wanted: Float[Matrix, "N k"],
    weights: Float[Matrix, " N"],
    private_noise: float,
    *,
    constancy: float = 0.1,
    partners: Int[Matrix, " n"] | None = None,
) -> SignedReadouts:
    """W_s and v with W_sφ ≈ Y, vᵀφ ≈ 0, vᵀφ' ≤ −1 and no entry of ΓW_s + 1vᵀ of a wrong sign.

    - `gamma`: Γ in the coordinates in which squared errors of `wanted`, Y, are to be summed.
    - `rates`, `slopes`: φ and φ' of every neuron at every state; `weights` sum to 1.
    - `constancy`: ω.
    - `partners`: of each neuron the one at −x, or itself where Γ_i = 0, as from `signed_features`.
      Partners are then given opposite W_s and equal v: W_s is free least squares, v follows.

    The signs hold for ΓW_s + 1vᵀ in float64 in whatever order it is summed. Raises
    `ComputationError` if no v is found with which the feedback is below −1 at all states.
    """
    task = Task(gamma, signs, rates, slopes, wanted, weights, max(private_noise, 1e-6), constancy)
    with one_blas_thread():
        if partners is not None:
            readout, common = _in_pairs(task, partners)
        else:
            readout, common = (
                by_splitting(task) if gamma.size + len(gamma) > _MOST_DENSE else at_once(task)
            )
        for _ in range(2):  # by rounding, either may undo the other
            common = _with_signs(gamma, signs, readout, common)
            common = _with_feedback(slopes, signs, common)
        common = _levelled(task, common)
        return SignedReadouts(readout, _with_signs(gamma, signs, readout, common))


def signed_features(
    problem: MatchingProblem,
    num_neurons: int,
    rng: np.random.Generator,
    *,
    excitatory: float = 0.8,
    fit: AbstractFit | None = None,
    meter: AbstractMeter = SILENT,
) -> SignedFeatures:
    """Pairs of neurons of one sign at x and −x, that fit as free ones of activation φ(x) − φ(−x).

    Besides pairs there are neurons of Γ_i = 0: an excitatory and an inhibitory one far above
    threshold, constant, and among the inhibitory some at threshold, whose feedback is the same in
    every state. Those pairs inhibit that excitation would need most where it is largest.
    """
    act = problem.activation
    if not _is_odd(act):
        raise InputError(
            f"Dale's law needs an activation with φ(x) + φ(−x) constant, got {act.name!r}: use "
            "'logistic', 'tanh' or 'erf'"
        )
    num_exciting = round(excitatory * num_neurons)
    num_inhibiting = num_neurons - num_exciting
    if num_exciting < 3 or num_inhibiting < 2:
        raise InputError(
            f"Dale's law needs 3 neurons that excite and 2 that inhibit, got {num_exciting} and "
            f"{num_inhibiting}: use more neurons, or another fraction of excitatory ones"
        )
    flat = 1 + max(0, num_inhibiting // 5 - 1)
    inhibiting, exciting = (num_inhibiting - 1 - flat) // 2, (num_exciting - 1) // 2
    pairs = inhibiting + exciting
    halved = replace(
        problem, activation=_odd_part(act), private_noise=problem.private_noise / np.sqrt(2)
    )
    fitted = (Refined() if fit is None else fit).fit(halved, pairs, rng, meter)
    features = fitted.features
    weight = np.abs(features.gamma @ fitted.readout[:, : problem.states.shape[1]].T).max(axis=0)
    slopes = act.derivatives(features.arguments(problem.states[:_LOOKED_AT]))[1]
    features = features[_inhibiting_first(slopes * weight, inhibiting)]
    alone = num_neurons - 2 * pairs
    # The constants come last; exciting ones that no pair takes are constant too.
    spare = num_exciting - 1 - 2 * exciting
    flats = alone - 2 - spare
    biases = np.concatenate([np.zeros(flats), np.full(alone - flats, CONSTANT_BIAS)])
    of_pairs = np.where(np.arange(pairs) < inhibiting, -1.0, 1.0)
    of_alone = np.concatenate([-np.ones(flats), np.ones(spare + 1), [-1.0]])
    gamma = np.concatenate(
        [features.gamma, -features.gamma, np.zeros((alone, features.gamma.shape[1]))]
    )
    bias = np.concatenate([features.bias, -features.bias, biases])
    first = np.arange(pairs)
    partners = np.concatenate([first + pairs, first, np.arange(2 * pairs, num_neurons)])
    return SignedFeatures(
        Features(gamma, bias), np.concatenate([of_pairs, of_pairs, of_alone]), partners
    )


def _in_pairs(task: Task, partners) -> tuple[Matrix, Matrix]:
    """W_s by least squares in pairs, then the v that they need, balanced by inhibition."""
    n, k = task.gamma.shape
    numbers = np.arange(n)
    first, alone = numbers[numbers < partners], numbers[numbers == partners]
    second = partners[first]
    r = task.weights @ task.slopes**2
    exciting, inhibiting = task.signs[alone] > 0, task.signs[alone] < 0
    if not (exciting.any() and inhibiting.any()):
        raise InputError("pairs need a constant neuron that excites and one that inhibits beside")
    plus, minus = (alone[on][np.argmin(r[alone[on]])] for on in (exciting, inhibiting))

    rates = np.concatenate(
        [task.rates[:, first] - task.rates[:, second], task.rates[:, [plus]]], axis=1
    )
    of_pair = r[first] + r[second]
    weighted = rates * task.weights[:, None]
    gram = weighted.T @ rates
    gram[np.diag_indices(len(gram))] += task.noise**2 * np.append(of_pair, r[plus])
    gram[np.diag_indices(len(gram))] += 1e-13 * np.trace(gram) / len(gram)
    solved = scipy.linalg.solve(gram, weighted.T @ task.wanted, assume_a="pos")
    readout = np.zeros((k, n))
    readout[:, first], readout[:, second], readout[:, plus] = (
        solved[:-1].T,
        -solved[:-1].T,
        solved[-1],
    )

    flat = alone[(alone != plus) & (alone != minus)]
    least = np.append(np.abs(task.gamma @ readout[:, first]).max(axis=0), np.zeros(len(flat)))
    slopes = np.concatenate(
        [task.slopes[:, first] + task.slopes[:, second], task.slopes[:, flat]], axis=1
    )
    sizes = least.copy()
    inhibits = task.signs[np.append(first, flat)] < 0
    given = slopes[:, ~inhibits] @ least[~inhibits]
    noise = np.append(of_pair, r[flat])[inhibits]
    sizes[inhibits] = _balanced(task, -slopes[:, inhibits], given, least[inhibits], noise)
    sizes[~inhibits] *= -1.0
    common = np.zeros(n)
    common[first], common[flat] = -sizes[: len(first)], -sizes[len(first) :]
    common[second] = common[first]
    return readout, common


def _balanced(task: Task, slopes: Matrix, given: Matrix, least: Matrix, r: Matrix) -> Matrix:
    """u ≥ `least` of the least κ E(g + Su − c)² + s² Σ r_j u_j² with g + Su ≤ −1.

    S and the feedback g of the others as given, c = −3.
    """
    weighted = slopes * task.weights[:, None]
    quadratic = _BALANCE * weighted.T @ slopes + np.diag(task.noise**2 * r)
    linear = _BALANCE * weighted.T @ (given - _FEEDBACK)
    scale = 1 / np.sqrt(np.diagonal(quadratic) + 1e-12 * np.trace(quadratic) / len(r) + 1e-300)
    rows, u = task.some(), least
    for _ in range(_ROUNDS):
        u = clarabel_solution(
            quadratic * np.outer(scale, scale),
            linear * scale,
            np.concatenate([slopes[rows] * scale, -np.eye(len(r))]),
            np.concatenate([LEAST_FEEDBACK - given[rows], -least / scale]),
        )
        u = np.maximum(u * scale, least)
        above = given + slopes @ u - LEAST_FEEDBACK
        worst = np.argsort(-above)[:_ROWS]
        if above[worst[0]] < 1e-3:
            break
        rows = np.union1d(rows, worst[above[worst] > 0])
    return u


def _with_signs(gamma: Matrix, signs: Matrix, readout: Matrix, common: Matrix) -> Matrix:
    """v moved by no more than what every entry of ΓW_s + 1vᵀ needs to have its sign, in float64.

    What rounding may do in any order of summation is allowed for.
    """
    size = np.abs(gamma).max(axis=0) @ np.abs(readout) + np.abs(common)
    rounding = 4 * (gamma.shape[1] + 2) * np.finfo(np.float64).eps * size
    along = gamma @ readout
    worst = np.where(signs > 0, -along.min(axis=0), along.max(axis=0))
    touches = (np.abs(readout).max(axis=0) > 0) | (signs * common < 0)
    return signs * np.maximum(signs * common, np.where(touches, worst + rounding, 0.0))


def _with_feedback(slopes: Matrix, signs: Matrix, common: Matrix) -> Matrix:
    """All inhibition scaled up until the feedback vᵀφ' is at most −1 at every state."""
    total = slopes @ common
    inhibition = slopes @ np.where(signs < 0, -common, 0.0)
    lacking = total > LEAST_FEEDBACK
    if not lacking.any():
        return common
    if np.any(inhibition[lacking] <= 0):
        raise ComputationError("no inhibition where it is needed: use more inhibitory neurons")
    more = np.max((total[lacking] - LEAST_FEEDBACK) / inhibition[lacking]) * (1 + 1e-9) + 1e-15
    return np.where(signs < 0, (1 + more) * common, common)


def _levelled(task: Task, common: Matrix) -> Matrix:
    """With E vᵀφ = 0 by neurons of constant rates, which no feedback comes from, if there are."""
    level = task.weights @ (task.rates @ common)
    sign = -np.sign(level)
    constant = np.flatnonzero((task.slopes.max(axis=0) < _FLAT) & (task.signs == sign))
    if len(constant) == 0 or level == 0:
        return common
    common = common.copy()
    takes = constant[0]
    common[takes] -= level / (task.weights @ task.rates[:, takes])
    return common


def _inhibiting_first(feedback: Matrix, number: int) -> Int[Matrix, " n"]:
    """Order of neurons: first those that inhibit, one by one where the rest excite most.

    - `feedback`: of each neuron at each state, if it excites, shape (N, n).
    """
    total, left = feedback.sum(axis=1), np.ones(feedback.shape[1], bool)
    for _ in range(number):
        chosen = np.argmax(np.where(left, feedback[np.argmax(total)], -1.0))
        left[chosen] = False
        total = total - 2 * feedback[:, chosen]
    return np.argsort(left, kind="stable")


def _is_odd(activation: Activation) -> bool:
    """Whether φ(x) + φ(−x) is constant."""
    x = np.linspace(0.0, 30.0, 301)
    total = activation.derivatives(x)[0] + activation.derivatives(-x)[0]
    return bool(np.ptp(total) < 1e-9)


def _odd_part(activation: Activation) -> Activation:
    """φ(x) − φ(−x)."""

    def function(x):
        return activation.function(x) - activation.function(-x)

    def derivatives(x):
        (a, a1, a2), (b, b1, b2) = activation.derivatives(x), activation.derivatives(-x)
        return a - b, a1 + b1, a2 - b2

    name = f"{activation.name}(x) - {activation.name}(-x)"
    return Activation(name, function, derivatives, activation.is_bounded)

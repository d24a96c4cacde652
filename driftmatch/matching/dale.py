r"""Readouts under Dale's law: every neuron excites all others, or inhibits all others.

With W = ΓW_s the signs of a column cannot all agree. With one more coordinate, along 1, they can:

    W = ΓW_s + 1vᵀ,    s_j (Γ_i·W_s,j + v_j) ≥ 0 for all i,    s_j = ±1.

That coordinate stays put where vᵀφ(Γz + b) is constant, and is stable where its feedback
vᵀφ'(Γz + b) is below 1.

Where φ(x) + φ(−x) is constant, as for the logistic function, two neurons of one sign at x and at
−x, with readouts W_s,j and −W_s,j and the same v_j, give W_s,j (φ(x) − φ(−x)) and a *constant* vᵀφ,
whatever W_s,j is; nor does the new coordinate move W_sφ to first order. Dale's law then costs half
of the neurons and no accuracy: W_s is free, v follows from it, and what is left to choose is by how
much more than they must the inhibitory neurons inhibit, a small quadratic programme (Clarabel).

Guards against far attractors are pairs, too, that inhibit: where they switch on, vᵀφ' decreases.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from driftmatch.activations import Activation
from driftmatch.errors import ComputationError, InputError
from driftmatch.matching.blocks import one_blas_thread
from driftmatch.matching.cones import least, non_negative
from driftmatch.matching.confinement import Guards, default_number, place_guards
from driftmatch.matching.fits import AbstractFit
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.meters import AbstractMeter

Matrix = np.ndarray

_CONSTANT_BIAS = 20.0
_LEAST_FEEDBACK = -1.001  # what the feedback is at most: -1, with room for rounding
_LOOKED_AT = 4096  # states
_LOOKED_AT_X = np.linspace(-30.0, 30.0, 601)
_LEAST_NOISE = 1e-6  # in readouts that withstand none
_FLAT = 1e-6  # a slope, of neurons that count as constant
_ROWS, _ROUNDS = 200, 4  # states at which the feedback is bounded too, and how often
_BALANCE, _FEEDBACK = 0.01, -3.0  # how much it counts how far the feedback is from this


class SignedFeatures(NamedTuple):
    """Features with signs s_j = ±1, shape (n,); `partners`: at −x, or itself, shape (n,); the first
    `num_guards` and their partners are guards."""

    features: Features
    signs: Float[Matrix, " n"]
    partners: Int[Matrix, " n"]
    num_guards: int = 0

    @property
    def pairs(self) -> tuple[Int[Matrix, " p"], Int[Matrix, " p"]]:
        """The first and the second neurons of pairs, guards ahead."""
        first = np.flatnonzero(np.arange(len(self.partners)) < self.partners)
        return first, self.partners[first]

    @property
    def alone(self) -> Int[Matrix, " a"]:
        """Neurons that are in no pair."""
        return np.flatnonzero(np.arange(len(self.partners)) == self.partners)


def place_paired_guards(
    visited: Float[Matrix, "P k"], activation: Activation, num_neurons: int, excitatory: float
) -> Guards | None:
    """Guards of two neurons each, at most half of the pairs that inhibit."""
    k = visited.shape[1]
    counts = _Counts.of(num_neurons, excitatory)
    number = min(default_number(k, num_neurons), counts.inhibiting // 2 // 2 * 2)
    guards = place_guards(visited, odd_part(activation), number)
    return None if guards is None else replace(guards, in_pairs=True)


class _Counts(NamedTuple):
    """Of pairs that inhibit and excite; of neurons at threshold; of exciting ones that are over."""

    inhibiting: int
    exciting: int
    flat: int
    spare: int

    @classmethod
    def of(cls, num_neurons: int, excitatory: float) -> "_Counts":
        """One neuron of each kind is constant."""
        num_exciting = round(excitatory * num_neurons)
        num_inhibiting = num_neurons - num_exciting
        if num_exciting < 3 or num_inhibiting < 2:
            raise InputError(
                f"Dale's law needs 3 neurons that excite and 2 that inhibit, got {num_exciting} "
                f"and {num_inhibiting}: use more neurons, or another fraction of excitatory ones"
            )
        flat = 1 + max(0, num_inhibiting // 5 - 1)
        inhibiting, exciting = (num_inhibiting - 1 - flat) // 2, (num_exciting - 1) // 2
        spare = num_exciting - 1 - 2 * exciting
        return cls(inhibiting, exciting, num_inhibiting - 1 - 2 * inhibiting, spare)


def signed_features(
    problem: MatchingProblem,
    num_neurons: int,
    rng: np.random.Generator,
    *,
    num_matched: int,
    excitatory: float,
    guards: Guards | None,
    fit: AbstractFit,
    meter: AbstractMeter,
) -> SignedFeatures:
    """Pairs of neurons of one sign at x and −x, that fit as free ones of activation φ(x) − φ(−x).

    Besides pairs there are neurons of Γ_i = 0: an excitatory and an inhibitory one far above
    threshold, constant, and among the inhibitory some at threshold, whose feedback is the same in
    every state. Those pairs inhibit that excitation would need most where it is largest.
    `num_matched`: how many of the outputs drive z; the others are roots of D.
    """
    act, q = problem.activation, num_matched
    inhibiting, exciting, flat, spare = _Counts.of(num_neurons, excitatory)
    num_guards = 0 if guards is None else len(guards.features)
    halved = replace(
        problem, activation=odd_part(act), private_noise=problem.private_noise / np.sqrt(2)
    )
    fitted = fit.fit(halved, inhibiting + exciting - num_guards, rng, meter)
    features = fitted.features
    weight = np.abs(features.gamma[:, :q] @ fitted.readout[:, :q].T).max(axis=0)
    slopes = act.derivatives(features.arguments(problem.states[:_LOOKED_AT]))[1]
    features = features[_inhibiting_first(slopes * weight, inhibiting - num_guards)]
    gamma, bias = features.gamma, features.bias
    if guards is not None:
        gamma = np.concatenate([guards.features.gamma, gamma])
        bias = np.concatenate([guards.features.bias, bias])
    # The constants come last; exciting ones that no pair takes are constant too.
    alone = np.zeros((flat + spare + 2, gamma.shape[1]))
    of_alone = np.concatenate([np.zeros(flat), np.full(spare + 2, _CONSTANT_BIAS)])
    sign_of_pairs = np.where(np.arange(len(gamma)) < inhibiting, -1.0, 1.0)
    sign_of_alone = np.concatenate([-np.ones(flat), np.ones(spare + 1), [-1.0]])
    first = np.arange(len(gamma))
    return SignedFeatures(
        Features(np.concatenate([gamma, -gamma, alone]), np.concatenate([bias, -bias, of_alone])),
        np.concatenate([sign_of_pairs, sign_of_pairs, sign_of_alone]),
        np.concatenate([first + len(first), first, np.arange(2 * len(first), num_neurons)]),
        num_guards,
    )


def readouts_in_pairs(
    signed: SignedFeatures,
    rates: Float[Matrix, "N n"],
    slopes: Float[Matrix, "N n"],
    wanted: Float[Matrix, "N k"],
    weights: Float[Matrix, " N"],
    private_noise: float,
) -> Float[Matrix, "k n"]:
    """W_s of the least E|W_sφ − Y|² + s² Σ_j r_j |W_s,j|², r_j = E φ'_j², among partners with
    opposite W_s; 0 for guards.

    - `rates`, `slopes`: φ and φ' of every neuron at every state; `weights` sum to 1; `wanted`: Y.
    """
    first, second = (each[signed.num_guards :] for each in signed.pairs)
    r = weights @ slopes**2
    plus = _constant(signed, r)[0]
    differences = np.concatenate([rates[:, first] - rates[:, second], rates[:, [plus]]], axis=1)
    weighted = differences * weights[:, None]
    gram = weighted.T @ differences
    s = max(private_noise, _LEAST_NOISE)
    gram[np.diag_indices(len(gram))] += s**2 * np.append(r[first] + r[second], r[plus])
    gram[np.diag_indices(len(gram))] += 1e-13 * np.trace(gram) / len(gram)
    solved = scipy.linalg.solve(gram, weighted.T @ wanted, assume_a="pos").T
    readout = np.zeros((wanted.shape[1], len(signed.signs)))
    readout[:, first], readout[:, second], readout[:, plus] = (
        solved[:, :-1], -solved[:, :-1], solved[:, -1],
    )  # fmt: skip
    return readout


def common_readout(
    gamma: Float[Matrix, "n k"],
    signed: SignedFeatures,
    readout: Float[Matrix, "k n"],
    rates: Float[Matrix, "N n"],
    slopes: Float[Matrix, "N n"],
    weights: Float[Matrix, " N"],
    private_noise: float,
) -> Float[Matrix, " n"]:
    """v with E vᵀφ = 0 and vᵀφ' ≤ −1, with which no entry of ΓW_s + 1vᵀ has a wrong sign.

    - `gamma`, `readout`: Γ and W_s, in the same coordinates; the others as `readouts_in_pairs` has.

    Raises `ComputationError` if no v is found with which the feedback is below −1 at all states.
    """
    signs = signed.signs
    with one_blas_thread():
        common = _balanced_by_inhibition(gamma, signed, readout, slopes, weights, private_noise)
        for _ in range(2):  # by rounding, either may undo the other
            common = with_signs(gamma, signs, readout, common)
            common = _with_feedback(slopes, signs, common)
        common = _levelled(signed, rates, slopes, weights, common)
    return with_signs(gamma, signs, readout, common)


def _constant(signed: SignedFeatures, noise: Matrix) -> tuple[int, int]:
    """Of the neurons in no pair, the exciting and the inhibiting one of the least E φ'²."""
    alone, signs = signed.alone, signed.signs[signed.alone]
    if not ((signs > 0).any() and (signs < 0).any()):
        raise InputError("pairs need a constant neuron that excites and one that inhibits beside")
    plus, minus = (alone[on][np.argmin(noise[alone[on]])] for on in (signs > 0, signs < 0))
    return int(plus), int(minus)


def _balanced_by_inhibition(gamma, signed, readout, slopes, weights, private_noise) -> Matrix:
    """v of pairs and of neurons at threshold: what they must, and inhibition against excitation."""
    first, second = signed.pairs
    r, s = weights @ slopes**2, max(private_noise, _LEAST_NOISE)
    flat = np.setdiff1d(signed.alone, _constant(signed, r))
    least = np.append(np.abs(gamma @ readout[:, first]).max(axis=0), np.zeros(len(flat)))
    sums = np.concatenate([slopes[:, first] + slopes[:, second], slopes[:, flat]], axis=1)
    sizes, signs = least.copy(), signed.signs[np.append(first, flat)]
    free = signs < 0
    free[: signed.num_guards] = False  # which are off
    given = sums[:, ~free] @ (signs * least)[~free]
    of_noise = s**2 * np.append(r[first] + r[second], r[flat])[free]
    sizes[free] = _balanced(-sums[:, free], given, least[free], weights, of_noise)
    common = np.zeros(len(signed.signs))
    common[np.append(first, flat)] = signs * sizes
    common[second] = common[first]
    return common


def _balanced(slopes: Matrix, given: Matrix, least: Matrix, weights: Matrix, noise: Matrix):
    """u ≥ `least` of the least κ E(g + Su − c)² + Σ ρ_j u_j² with g + Su ≤ −1.

    S, the feedback g of the others and ρ (`noise`) as given, c = −3.
    """
    weighted = slopes * weights[:, None]
    quadratic = _BALANCE * weighted.T @ slopes + np.diag(noise)
    linear = _BALANCE * weighted.T @ (given - _FEEDBACK)
    scale = 1 / np.sqrt(np.diagonal(quadratic) + 1e-12 * np.trace(quadratic) / len(noise) + 1e-300)
    N = len(slopes)
    rows, u = np.unique(np.linspace(0, N - 1, min(_ROWS, N)).astype(int)), least
    for _ in range(_ROUNDS):
        u = _least(
            quadratic * np.outer(scale, scale),
            linear * scale,
            np.concatenate([slopes[rows] * scale, -np.eye(len(noise))]),
            np.concatenate([_LEAST_FEEDBACK - given[rows], -least / scale]),
        )
        u = np.maximum(u * scale, least)
        above = given + slopes @ u - _LEAST_FEEDBACK
        worst = np.argsort(-above)[:_ROWS]
        if above[worst[0]] < 1e-3:
            break
        rows = np.union1d(rows, worst[above[worst] > 0])
    return u


def with_signs(gamma: Matrix, signs: Matrix, readout: Matrix, common: Matrix) -> Matrix:
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
    lacking = total > _LEAST_FEEDBACK
    if not lacking.any():
        return common
    if np.any(inhibition[lacking] <= 0):
        raise ComputationError("no inhibition where it is needed: use more inhibitory neurons")
    more = np.max((total[lacking] - _LEAST_FEEDBACK) / inhibition[lacking]) * (1 + 1e-9) + 1e-15
    return np.where(signs < 0, (1 + more) * common, common)


def _levelled(signed, rates, slopes, weights, common: Matrix) -> Matrix:
    """With E vᵀφ = 0 by a neuron of constant rate, which gives no feedback, if there is one."""
    level = weights @ (rates @ common)
    plus, minus = _constant(signed, weights @ slopes**2)
    constant = plus if level < 0 else minus
    if slopes[:, constant].max() > _FLAT:
        return common
    common = common.copy()
    common[constant] -= level / (weights @ rates[:, constant])
    return common


def _least(quadratic, linear, rows, bounds) -> Matrix:
    """x of the least ½xᵀPx + qᵀx with  rows · x ≤ bounds; raises `ComputationError` if none is."""
    x = least(quadratic, linear, rows, bounds, non_negative(len(bounds)))
    if x is None:
        raise ComputationError(
            "no readouts of these signs have a feedback below -1 at all states: use more "
            "inhibitory neurons, whose slopes cover the states"
        )
    return x


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


def check_rates(activation: Activation) -> None:
    """Raises `InputError` for rates that are negative somewhere."""
    if activation.derivatives(_LOOKED_AT_X)[0].min() < 0:
        raise InputError(
            f"Dale's law is about rates, which are not negative as those of {activation.name!r} "
            "are: use activation='logistic'"
        )


def check_pairs(activation: Activation) -> None:
    """Raises `InputError` unless φ(x) + φ(−x) is constant."""
    rates = activation.derivatives(_LOOKED_AT_X)[0]
    if np.ptp(rates + rates[::-1]) > 1e-9:
        raise InputError(
            "Dale's law needs an activation with φ(x) + φ(−x) constant, which "
            f"{activation.name!r} has not: use activation='logistic'"
        )


def odd_part(activation: Activation) -> Activation:
    """φ(x) − φ(−x)."""

    def function(x):
        return activation.function(x) - activation.function(-x)

    def derivatives(x):
        (a, a1, a2), (b, b1, b2) = activation.derivatives(x), activation.derivatives(-x)
        return a - b, a1 + b1, a2 - b2

    name = f"{activation.name}(x) - {activation.name}(-x)"
    return Activation(name, function, derivatives, activation.is_bounded)

"""Which neuron may send what to which, and how readouts are found that keep to it."""

import abc
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import scipy.sparse

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.activations import Activation
from driftmatch.arguments import (
    check_array,
    check_count,
    check_flag,
    check_positive,
    clean_fields,
    or_none,
    shown,
)
from driftmatch.errors import InputError
from driftmatch.matching.assembly import CONSTANT_BIAS, Assembly
from driftmatch.matching.blocks import blocks
from driftmatch.matching.confinement import Guards
from driftmatch.matching.dale import (
    check_pairs,
    check_rates,
    common_readout,
    place_paired_guards,
    readouts_in_pairs,
    signed_features,
    with_signs,
)
from driftmatch.matching.fits import AbstractFit, Fitted, LeastSquares, Refined
from driftmatch.matching.problem import Features
from driftmatch.matching.refined import Descent, features_of
from driftmatch.matching.sparse import RowFits, off_subspace, transverse_abscissa
from driftmatch.matching.symmetric import GradientMetric, SymmetricObjective, check_monotone
from driftmatch.meters import AbstractMeter
from driftmatch.meters import task as task_of
from driftmatch.network import (
    Affine,
    Network,
    Signed,
    SparseConnectivity,
    SymmetricConnectivity,
)
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.whitening import Whitening

_FEATURES_FOR = 0.05  # private noise that features are chosen to withstand, where W is sparse
_NOISES, _NEAR = (0.05, 0.1, 0.2, 0.4), 0.03  # that rows withstand, and how far off is near
_LOOKED_AT = 3  # states
_SPARSE_PACE = 0.3  # of τ, in time scales
_CONVEX = 0.6  # of τ, in times in which the steepest slope leads back
_STEPS, _MOST = 30, 80  # of a symmetric fit, and while they pay


class AbstractWiring(abc.ABC):
    """What `embed` takes as ``connectivity``: what W must be like."""

    name: ClassVar[str]
    can_be_steered: ClassVar[bool] = True
    can_be_confined: ClassVar[bool] = False

    def tau(
        self, sde: AbstractSDE, visited: np.ndarray, whitening: Whitening, time_scale: float
    ) -> float:
        """τ, unless it is given: the time scale of the target."""
        return time_scale

    def check(self, activation: Activation, fit: AbstractFit) -> None:
        """Raises `InputError` for an activation or a fit that this connectivity cannot have."""
        return None

    def guards(
        self, visited: np.ndarray, activation: Activation, num_neurons: int
    ) -> Guards | None:
        """Neurons that keep it from attractors outside of these whitened states, if it has any."""
        return None

    @abc.abstractmethod
    def network(
        self,
        task: Assembly,
        guards: Guards | None,
        num_neurons: int,
        fit: AbstractFit,
        rng: np.random.Generator,
        meter: AbstractMeter,
        time_scale: float,
    ) -> tuple[Network, float, Fitted]:
        """The network, its largest whitened readout weight, and what was fitted."""


@dataclass(frozen=True)
class Dale(AbstractWiring):
    """Every neuron excites all others or inhibits all others.

    W = ΓW_s + 1vᵀ with s_j W_ij ≥ 0, for networks of logistic neurons. x = Γz + b stays invariant,
    since vᵀφ vanishes on it, and stable, since inhibition dominates: vᵀφ' ≤ −1 at the states
    matched. It costs half of the neurons: they come in pairs of one sign, at x and −x.

    - `excitatory`: the fraction of neurons that excite, in (0, 1); to within a neuron.
    """

    excitatory: float = 0.8
    name: ClassVar[str] = "dale"
    can_be_confined: ClassVar[bool] = True

    def __post_init__(self):
        clean_fields(self, excitatory=check_positive)
        if self.excitatory >= 1:
            raise InputError(f"excitatory must be a fraction below 1, got {self.excitatory:g}")

    def check(self, activation, fit):
        check_rates(activation)
        check_pairs(activation)

    def guards(self, visited, activation, num_neurons):
        return place_paired_guards(visited, activation, num_neurons, self.excitatory)

    def network(self, task, guards, num_neurons, fit, rng, meter, time_scale):
        problem, q = task.problem, task.num_matched
        signed = signed_features(
            problem, num_neurons, rng, num_matched=q, excitatory=self.excitatory, guards=guards,
            fit=fit, meter=meter,
        )  # fmt: skip
        features = signed.features
        rates, slopes, _ = problem.activation.derivatives(features.arguments(problem.states))
        # In the coordinates of the outputs, which are the target's in other units, mean and all.
        L, mean, scale = task.whitening.factor, task.whitening.mean, task.scale
        wanted = problem.outputs[:, :q] + (mean[:q] / scale)
        of_states = slopes, wanted, problem.weights, problem.private_noise
        fitted = readouts_in_pairs(signed, rates, *of_states)
        readout = np.zeros((task.sde.dim, num_neurons))
        readout[:q] = scale[:, None] * fitted
        if guards is not None:
            first, second = (each[: signed.num_guards] for each in signed.pairs)
            output = task.output(features, np.linalg.solve(L, readout))
            center = np.linalg.solve(L, mean)
            amplitude = 1.5 * guards.required_amplitude(lambda z: output(z) - center)
            readout[:q, first] = (L @ guards.readout(amplitude))[:q]
            readout[:q, second] = -readout[:q, first]
        gamma = np.linalg.solve(L.T, features.gamma.T).T
        common = common_readout(
            gamma[:, :q] * scale, signed, readout[:q] / scale[:, None], rates, slopes,
            problem.weights, problem.private_noise,
        )  # fmt: skip
        common = with_signs(gamma, signed.signs, readout, common)
        diffusion = np.zeros((num_neurons, 0))
        if problem.outputs.shape[1] > q:
            diffusion = problem.readouts.solve(problem, features)[:, q:]
        network = task.network(gamma, readout, features.bias - gamma @ mean, diffusion, time_scale)
        lift = network.connectivity.lift
        network = network._with(connectivity=Signed(lift, network.readout, common))  # pyright: ignore[reportArgumentType]
        largest = float(np.abs(np.linalg.solve(L, readout)).max())
        return network, largest, Fitted(features, fitted.T)


@dataclass(frozen=True, eq=False)
class Sparse(AbstractWiring):
    """Each neuron listens to some others: at random, or as a connectome says.

    Row by row W_i· is fitted to Γ_i·(z + τf), so that x = Γz + b is kept nearly, with noise that
    holds neurons to it: of 0.05, 0.1, 0.2 and 0.4 the first with which they stay, in a short run,
    within 3 % of it. τ is by default 0.3 time scales: the smaller, the more stable.

    - `in_degree`: to how many each listens, of all others, at random; or
    - `mask`: shape (n, n), an array or sparse matrix that is not 0 where row listens to column.
    - `excitatory`: the fraction of neurons that excite, if all are to keep to Dale's law; or
    - `signs`: shape (n,), of every neuron, 1 or −1, or 0 for either.
    - The last of the n neurons is constant and carries the mean; all hear it that are random.
    """

    in_degree: int | None = None
    mask: Any = None
    excitatory: float | None = None
    signs: Any = None
    name: ClassVar[str] = "sparse"
    can_be_steered: ClassVar[bool] = False

    def __post_init__(self):
        if (self.in_degree is None) == (self.mask is None):
            raise InputError("Sparse takes either in_degree, such as 200, or a mask")
        if self.excitatory is not None and self.signs is not None:
            raise InputError("Sparse takes either excitatory or signs")
        clean_fields(self, in_degree=or_none(check_count), excitatory=or_none(check_positive))
        if self.excitatory is not None and self.excitatory >= 1:
            raise InputError(f"excitatory must be a fraction below 1, got {self.excitatory:g}")
        if self.mask is not None:
            dense = self.mask.toarray() if scipy.sparse.issparse(self.mask) else self.mask
            mask = check_array("mask", np.asarray(dense) + 0.0, ("n", "n"))
            if mask.shape[0] != mask.shape[1]:
                raise InputError(f"mask must be square, got {mask.shape}")
            object.__setattr__(self, "mask", mask != 0)
        if self.signs is not None:
            signs = check_array("signs", self.signs, ("n",))
            if not np.isin(signs, (-1, 0, 1)).all():
                raise InputError("signs must be 1, -1, or 0 for either")
            object.__setattr__(self, "signs", signs)

    def check(self, activation, fit):
        if self.excitatory is not None or self.signs is not None:
            check_rates(activation)

    def tau(self, sde, visited, whitening, time_scale):
        return _SPARSE_PACE * time_scale

    def network(self, task, guards, num_neurons, fit, rng, meter, time_scale):
        problem, q = task.problem, task.num_matched
        sources = self._sources(num_neurons, q, rng)
        signs = self._signs(num_neurons, rng)
        easy = replace(problem, private_noise=max(problem.private_noise, _FEATURES_FOR))
        features = LeastSquares().fit(easy, num_neurons - 1, rng, meter).features
        L, mean = task.whitening.factor, task.whitening.mean
        gamma = np.linalg.solve(L.T, np.vstack([features.gamma, np.zeros(q)]).T).T
        bias = np.append(features.bias, CONSTANT_BIAS) - gamma @ mean
        lift = Affine(gamma, bias)
        states = task.whitening.unwhiten(problem.states)
        rates, slopes, _ = problem.activation.derivatives(lift(states))
        wanted = task.scale * problem.outputs[:, :q] + mean
        rows = RowFits(lift, sources, rates, slopes, wanted, problem.weights, signs)
        diffusion = np.zeros((num_neurons, 0))
        if problem.outputs.shape[1] > q:
            known = problem.readouts.solve(problem, features)[:, q:]
            diffusion = np.append(known, np.zeros((1, known.shape[1])), axis=0)
        network = task.network(gamma, np.zeros((q, num_neurons)), bias, diffusion, time_scale)
        S = np.asarray(network.shared_noise(jnp.asarray(rates[0])))
        best, W = np.inf, None
        with task_of(meter, "sparse rows", len(_NOISES)):
            for s in _NOISES:
                found = rows.solve(max(s, problem.private_noise))
                off = off_subspace(found, lift, problem.activation, states, S, task.tau, rng)
                meter.advance(1, f"off the subspace {off:.1e}")
                if W is None or off < best:
                    best, W = off, found
                if off < _NEAR:
                    break
        assert W is not None
        abscissa = transverse_abscissa(W, lift, slopes[:_LOOKED_AT], task.tau)
        network = network._with(connectivity=SparseConnectivity.of(lift, W))
        largest = float(np.abs(np.linalg.solve(L, network.readout)).max())
        fitted = Fitted(features, network.readout.T, 0.0, None, best, abscissa)  # pyright: ignore[reportArgumentType]
        return network, largest, fitted

    def _sources(self, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
        """To whom each neuron listens, shape (n, d), −1 for nobody."""
        if self.mask is None:
            d = self.in_degree or 0
            if not k + 2 <= d < n:
                raise InputError(
                    f"in_degree must be at least {k + 2}, for {k} dimensions, and below the "
                    f"{n} neurons, got {d}"
                )
            order = rng.random((n, n - 1))
            order[np.arange(n - 1), np.arange(n - 1)] = 2.0  # not to itself
            chosen = np.argpartition(order, d - 1, axis=1)[:, : d - 1]
            return np.append(chosen, np.full((n, 1), n - 1), axis=1)
        if len(self.mask) != n:
            raise InputError(f"mask must have shape ({n}, {n}), got {self.mask.shape}")
        counts = self.mask.sum(axis=1)
        if np.any(counts[:-1] < k + 2):
            few = int(np.argmin(counts[:-1]))
            raise InputError(
                f"neuron {few} of the mask listens to {counts[few]} others, and {k + 2} are needed "
                f"for {k} dimensions"
            )
        sources = np.full((n, counts.max()), -1)
        sources[np.arange(counts.max()) < counts[:, None]] = np.nonzero(self.mask)[1]
        return sources

    def _signs(self, n: int, rng: np.random.Generator):
        if self.excitatory is None and self.signs is None:
            return None
        if self.excitatory is not None:
            return rng.permutation(np.where(np.arange(n) < round(self.excitatory * n), 1.0, -1.0))
        if len(self.signs) != n:
            raise InputError(f"signs must have shape ({n},), got {self.signs.shape}")
        return self.signs


@dataclass(frozen=True)
class Symmetric(AbstractWiring):
    """W = Wᵀ, for gradient flows f = −M∇V, M any symmetric positive definite matrix.

    W = ΓMΓᵀ, W_s = MΓᵀ, so that the neurons descend an energy, that of `SymmetryDecomposition`.
    Features and readouts are one, and descend together. τ is by default 0.6 over the steepest slope
    of the drift, and at most a time scale: beyond 1 over it rates would have to decrease. Of
    `Refined` it takes `features` and `iterations`, all of them at once, by default 30 to 80.

    - `closest`: take what is near to the drift of a target that is no gradient flow, instead of
      refusing it.
    """

    closest: bool = False
    name: ClassVar[str] = "symmetric"
    can_be_steered: ClassVar[bool] = False

    def __post_init__(self):
        clean_fields(self, closest=check_flag)

    def check(self, activation, fit):
        check_monotone(activation)
        if not isinstance(fit, Refined):
            raise InputError(f"a symmetric network is fitted by method='refined', not {fit.name!r}")

    def tau(self, sde, visited, whitening, time_scale):
        metric = self._metric(sde, visited, whitening)
        return min(time_scale, _CONVEX / max(metric.steepest, np.finfo(float).tiny))

    def network(self, task, guards, num_neurons, fit, rng, meter, time_scale):
        assert isinstance(fit, Refined)  # `check` has seen to it
        problem, L, mean = task.problem, task.whitening.factor, task.whitening.mean
        metric = self._metric(task.sde, task.visited, task.whitening)
        if task.tau * metric.steepest > 1:  # by default it is less
            raise InputError(
                f"a symmetric network of tau={task.tau:g} cannot go back as steeply as "
                f"{task.sde.name}: leave tau out, or take at most {1 / metric.steepest:.3g}"
            )
        B, units = metric.root, np.linalg.solve(metric.root.T, (L / task.scale[:, None]).T)
        some = problem.subset(len(problem.weights) // 2)
        states = some.states @ B.T
        inner = replace(some, states=states, outputs=some.outputs[:, : task.sde.dim])
        features = fit.features.draw(states, num_neurons - 1, rng)
        rates = problem.activation.derivatives(features.arguments(states))[0] @ features.gamma
        wanted = inner.outputs @ np.linalg.inv(units)
        weights = inner.weights[:, None]
        gain = np.sum(weights * rates * wanted) / np.sum(weights * rates**2)
        gain = max(gain, 1 / num_neurons)
        first, most = (sum(fit.iterations),) * 2 if fit.iterations else (_STEPS, _MOST)
        with task_of(meter, "symmetric", most), blocks(len(states)) as shared:
            objective = SymmetricObjective(inner, gain, units, shared)
            descent = Descent(np.concatenate([features.gamma, features.bias[:, None]], axis=1))
            descent.run(objective, first, lambda point: meter.advance(1), most=most)
        features = features_of(descent.theta)
        # ζ = B L⁻¹(z − μ): back to the target's coordinates. The last neuron is constant, μ.
        out = np.linalg.solve(B.T, L.T).T
        constant = np.linalg.solve(out, mean) / (gain * task.rate(CONSTANT_BIAS))
        inward = np.concatenate([features.gamma, constant[None]])
        reach = gain * np.linalg.norm(inward, axis=1).sum() + np.linalg.norm(
            np.linalg.solve(out, mean)
        )
        bias = np.append(features.bias, CONSTANT_BIAS + np.linalg.norm(constant) * reach)
        gamma = np.linalg.solve(out.T, inward.T).T
        diffusion = np.zeros((num_neurons, 0))
        if problem.outputs.shape[1] > task.sde.dim:
            own = Features(features.gamma @ B, features.bias)
            known = problem.readouts.solve(problem, own)[:, task.sde.dim :]
            diffusion = np.append(known, np.zeros((1, known.shape[1])), axis=0)
        readout = gain * out @ inward.T
        network = task.network(gamma, readout, bias - gamma @ mean, diffusion, time_scale)
        lift = network.connectivity.lift
        W = SymmetricConnectivity(lift, gain**0.5 * out)  # pyright: ignore[reportArgumentType]
        largest = float(np.abs(np.linalg.solve(L, readout[:, :-1])).max())
        return network._with(connectivity=W), largest, Fitted(features, readout.T, descent.gain)

    def _metric(self, sde, visited, whitening) -> GradientMetric:
        if isinstance(sde, OnCircles):
            raise InputError(
                f"{sde.name} has angles, and beside their circles there is no gradient flow: a "
                "symmetric network cannot hold it yet"
            )
        metric = GradientMetric.of(sde, visited, whitening)
        if not self.closest:
            metric.check(sde.name)
        return metric


def check_wiring(
    connectivity: object,
    confine: bool | None,
    activation: Activation,
    fit: AbstractFit,
    inputs: object,
) -> AbstractWiring | None:
    """What was given as connectivity; raises `InputError` if it is none, or goes with none of the
    others."""
    if connectivity is None:
        return None
    if isinstance(connectivity, AbstractWiring):
        if confine and not connectivity.can_be_confined:
            raise InputError(
                f"confine=True goes with free connectivity or Dale(), not with {connectivity.name}"
            )
        if inputs is not None and not connectivity.can_be_steered:
            raise InputError(
                f"a {connectivity.name} network cannot be steered: leave inputs or connectivity out"
            )
        connectivity.check(activation, fit)
        return connectivity
    raise InputError(
        f"connectivity must be driftmatch.Dale() or the like, or None, got {shown(connectivity)}"
    )

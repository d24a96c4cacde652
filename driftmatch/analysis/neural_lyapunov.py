"""All n Lyapunov exponents of a network of n neurons, at the cost of its k latent ones."""

import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from driftmatch.analysis.lyapunov import (
    LyapunovSpectrum,
    follow,
    kaplan_yorke,
    non_finite,
    zero_tolerance,
)
from driftmatch.analysis.lyapunov_plan import (
    LyapunovPlan,
    check_plan,
    random_frames,
    starting_states,
)
from driftmatch.analysis.tangents import WithinSubspace, pairs_at
from driftmatch.arguments import check_flag, check_meter
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network, NeuralSDE, as_low_rank
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.given import check_samples
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.arguments import check_start
from driftmatch.simulation.scatter import own_scale, scattered
from driftmatch.words import spelled


class NeuralSpectrum(Record):
    """The n Lyapunov exponents of a network as n neurons: k of them measured, the rest exact.

    - `within`: the k exponents of the tangents within the subspace, span Γ, as a
      `LyapunovSpectrum`; without private noise they are those of ``network.latent()``.
    - `leak`: −1/τ, the exponent of all other directions; `num_leak`: their number, n − k.
    - `sum`: of all n, with its `sum_standard_error`.
    - `dimension`: the Kaplan–Yorke dimension of all n, sorted. It is `within.dimension` or more:
      the formula is for systems in general position and takes the leak's directions for ones that
      the attractor may stretch into, though it never leaves the subspace without private noise.
    """

    within: LyapunovSpectrum
    leak: float
    num_leak: int
    sum: float
    sum_standard_error: float
    dimension: float

    @property
    def exponents(self) -> Float[np.ndarray, " n"]:
        """All n, largest first."""
        return self._sorted()[0]

    @property
    def standard_error(self) -> Float[np.ndarray, " n"]:
        """Of all n, in the same order: 0 for the leak's."""
        return self._sorted()[1]

    @property
    def duration(self) -> float:
        """The time averaged over, all trajectories together."""
        return self.within.duration

    @property
    def outcome(self) -> Outcome:
        """How the run ended."""
        return self.within.outcome

    def _sorted(self):
        exponents = np.append(self.within.exponents, np.full(self.num_leak, self.leak))
        errors = np.append(self.within.standard_error, np.zeros(self.num_leak))
        order = np.argsort(-exponents, kind="stable")
        return exponents[order], errors[order]


@spelled
def neural_lyapunov(
    network: Network | NeuralSDE,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_trajectories: int = 16,
    burn_in: float | None = None,
    start: Float[ArrayLike, "*M d"] | None = None,
    noise: bool = True,
    qr_every: int = 5,
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
    throw: bool = True,
) -> NeuralSpectrum:
    r"""All Lyapunov exponents of a network in its n neurons, private noise included.

        τ dx = [−x + Γ W_s φ(x) + b + I] dt + τ Γ S(x) dB + s√(2τ) dξ
        τ dv = [−v + Γ W_s diag(φ'(x)) v] dt + τ Γ [DS(x) v] dB

    Recurrence and shared noise push a tangent v along Γ only, and private noise, being the same at
    every x, pushes no tangent at all. So

    - span Γ is invariant: v = Γc with dc = τ⁻¹[−1 + W_s diag(φ'(x)) Γ] c dt + [DS(x) Γc] dB, which
      gives k exponents, read at the true, noisy x, wherever private noise has put it;
    - what is left of v outside of span Γ obeys τ dv = −v dt, exactly.

    The exponents of a block-triangular flow are those of its blocks, so the other n − k are all
    −1/τ. (A vector outside of span Γ decays no faster than e^{−t/τ}, hence exponents below −1/τ
    belong to vectors within; the adjoint flow, for which the annihilator of span Γ is invariant,
    says the same of those above; the rest can only be −1/τ.) A step costs O(nk²) for each
    trajectory, memory is O(n (M + k²)), and no n×n matrix is formed.

    **Arguments**

    - `network`: a `Network`, or ``network.neural(input=…)``.
    - `start`: states, of shape (k,) or (M, k) in latent coordinates, or (n,) or (M, n) in neurons.
    - the others as in `lyapunov`; `noise=False` leaves out private noise, too.

    Without private noise and without input the states are followed in their k coordinates.

    **Raises** as `lyapunov` does. **Source** for block-triangular flows: L. Arnold, *Random
    Dynamical Systems* (1998), chapters 3 and 4.
    """
    neural = network.neural() if isinstance(network, Network) else network
    if not isinstance(neural, NeuralSDE):
        raise InputError(
            "neural_lyapunov takes a Network or network.neural(), got "
            f"{type(network).__name__}; other SDEs have lyapunov"
        )
    net = neural.network
    meter = check_meter(meter)
    check_samples(net, samples)
    if not check_flag("noise", noise):
        net = net.with_private_noise(0.0)
        neural = net.neural(input=neural.input)
    plan = check_plan(neural, duration, dt, key, num_trajectories, burn_in, start, noise, qr_every,
                      throw)  # fmt: skip
    k = net.latent_dim
    starts = _starts(neural, start, plan, samples)
    if starts is None:
        return _merged(non_finite(net.name, k, plan), net, plan)
    net = as_low_rank(net)
    neural, k = net.neural(input=neural.input), net.latent_dim
    tangents = random_frames(plan, k, k)
    if net.private_noise == 0 and neural.input is None:
        flow, states = net, net.lift.project(starts)
    else:
        flow, states = WithinSubspace(neural), starts
    within = follow(flow, pairs_at(states, tangents), plan, meter, complete=True)
    return _merged(within, net, plan)


def _starts(
    neural: NeuralSDE, start, plan: LyapunovPlan, samples
) -> Float[np.ndarray, "M n"] | None:
    """States in neurons, from any of four shapes."""
    if start is None:
        return starting_states(neural, None, plan, samples)
    net, M = neural.network, plan.num_trajectories
    dims = net.latent_dim, net.num_neurons
    if np.ndim(start) == 1:
        one = check_start(start, 1, dims)
        inner = net if one.shape[1] == net.latent_dim else neural
        states = np.repeat(one, M, axis=0)
        if M > 1:
            states = scattered(inner, states, own_scale(inner, states), generator(plan.keys[0]))
    else:
        states = check_start(start, M, dims)
    return net.lift(states) if states.shape[1] == net.latent_dim else states


def _merged(within: LyapunovSpectrum, net: Network, plan: LyapunovPlan) -> NeuralSpectrum:
    """The k exponents joined by the n − k that are −1/τ."""
    leak, num_leak = -1 / net.tau, net.num_neurons - net.latent_dim
    dimension = float("nan")
    if np.isfinite(within.exponents).all():
        exponents = np.sort(np.append(within.exponents, np.full(num_leak, leak)))[::-1]
        tolerance = zero_tolerance(within.exponents, within.standard_error, plan)
        dimension = kaplan_yorke(exponents, tolerance)
        if np.isnan(dimension):  # volumes do not shrink
            dimension = float(len(exponents))
    return NeuralSpectrum(
        within=within,
        leak=leak,
        num_leak=num_leak,
        sum=within.sum + num_leak * leak,
        sum_standard_error=within.sum_standard_error,
        dimension=dimension,
    )

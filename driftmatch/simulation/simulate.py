"""`simulate`: the one call that moves any SDE, target or network, in time."""

from typing import TYPE_CHECKING, Any, overload

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_count, check_flag, check_key, check_meter, shown
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network, NeuralSDE, input_gain, network_of
from driftmatch.outcomes import Outcome
from driftmatch.randomness import split
from driftmatch.simulation.arguments import (
    check_leak,
    check_start,
    check_steps,
)
from driftmatch.simulation.integrators import SCHEMES, AbstractScheme
from driftmatch.simulation.loop import integrate
from driftmatch.simulation.scatter import default_starts
from driftmatch.simulation.trajectory import NetworkTrajectory, Run, Trajectory
from driftmatch.words import did_you_mean, spelled
from driftmatch.wrappers import Driven, Forced, Input, OverTau, check_input

if TYPE_CHECKING:
    import diffrax


@overload
def simulate(
    system: Network,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_trajectories: int = 1,
    start: ArrayLike | None = None,
    input: Input | None = None,
    save_every: int = 1,
    method: "str | diffrax.AbstractSolver[Any]" = "heun",
    meter: AbstractMeter | bool = SILENT,
    throw: bool = True,
) -> NetworkTrajectory: ...


@overload
def simulate(
    system: AbstractSDE,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_trajectories: int = 1,
    start: ArrayLike | None = None,
    input: Input | None = None,
    save_every: int = 1,
    method: "str | diffrax.AbstractSolver[Any]" = "heun",
    meter: AbstractMeter | bool = SILENT,
    throw: bool = True,
) -> Trajectory: ...


@spelled
def simulate(
    system: AbstractSDE,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_trajectories: int = 1,
    start: ArrayLike | None = None,
    input: Input | None = None,
    save_every: int = 1,
    method: "str | diffrax.AbstractSolver[Any]" = "heun",
    meter: AbstractMeter | bool = SILENT,
    throw: bool = True,
) -> Run:
    r"""Paths of an SDE,  dz = [f(z) + c(t)] dt + σ(z) dB  (Itô), by steps of fixed size.

    The Brownian path of a trajectory depends on `key`, its number and `dt` only. So all solvers, a
    network in latent coordinates and in neurons, single and double precision, and runs that differ
    in `num_trajectories` or `save_every` or are cut short see the same one; private noise comes on
    top of it.

    Time and states are kept in double precision whatever JAX is set to, and so is the drift of an
    SDE. A network's drift is computed, and its states are returned, in the precision that JAX is
    set to: in single precision it sees coordinates rounded to 6e-8 of their size.

    **Arguments**

    - `system`: an SDE of dimension k, or a `Network`. A network runs in its k latent coordinates,
      which is exact, unless private noise, a neural input, a neural start or sparse connectivity
      leaves the subspace.
    - `duration`: in the system's unit of time; as many whole steps are taken as fit into it.
    - `dt`: the step.
    - `key`: a random key, ``jax.random.key(seed)``.
    - `num_trajectories`: M.
    - `start`: shape (k,) or (M, k); for a network (n,) or (M, n) too. By default the system's own
      starts in turn, or else 0; without noise, several trajectories begin a little apart, moved by
      a hundredth of what the drift does in the time in which it changes. If n = k, a start or an
      input is a latent one.
    - `input`: a function of time written with ``jax.numpy``. For an SDE it returns c(t), shape
      (k,). For a network, u(t) of shape (k,), which adds u/τ to the latent drift, or I(t) of
      shape (n,). What is steered by an input (`input_dim`) takes u(t) of shape (p,), or a number
      if p = 1: an SDE at once, a network as its neurons filter it, τ dū = (−ū + u) dt, from
      ū(0) = u(0) on; ū are the last p coordinates of its states.
    - `save_every`: how many steps apart the samples are that are kept.
    - `method`: "heun" (trapezoidal drift, two evaluations a step), "euler-maruyama", or a Diffrax
      solver, which takes the same fixed steps; one that converges to the Stratonovich solution is
      given a corrected drift.
    - `meter`: told of the progress.
    - `throw`: if False, a run that becomes non-finite or is interrupted returns the part before,
      its `outcome` says so and its `reason` why.

    **Returns** a `Trajectory` for an SDE, a `NetworkTrajectory` for a network; both have `times`
    (T,) with T = 1 + steps // save_every, and `states` (M, T, k), in float64 for an SDE.

    An input that left the range on which a steered network was matched is an outcome too.

    **Raises** `InputError` for arguments that do not fit; `ComputationError` when a trajectory
    becomes non-finite, with the time, the likely reason and the remedy.

    **Source**: P. Kloeden, E. Platen, *Numerical Solution of Stochastic Differential Equations*
    (1992), chapters 10 and 14 (Euler–Maruyama and its orders) and 15 (predictor–corrector).
    """
    if not isinstance(system, AbstractSDE):
        raise InputError(
            f"system must be a Network or an SDE, got {type(system).__name__}; functions become "
            "one by driftmatch.SDE(drift, diffusion, dim)"
        )
    M = check_count("num_trajectories", num_trajectories)
    save_every = check_count("save_every", save_every)
    steps = check_steps(duration, dt, save_every)
    meter = check_meter(meter)
    throw = check_flag("throw", throw)
    key_start, key_noise = split(check_key(key))

    if isinstance(system, Network):
        sde, starts = _network_run(system, start, input, M, key_start)
    else:
        sde, starts = _sde_run(system, start, input, M, key_start)
    scheme, dt = _scheme(method, sde), float(dt)
    network = network_of(sde)
    if isinstance(method, str) and network is not None:
        check_leak(dt, network.tau)
    states, outcome, reason = integrate(
        sde,
        scheme,
        starts,
        key_noise,
        steps=steps,
        dt=dt,
        save_every=save_every,
        meter=meter,
        throw=throw,
    )
    times = dt * save_every * np.arange(states.shape[1])
    if not isinstance(system, Network):
        return Trajectory(
            times, states, outcome, system.name, dt, reason,
            coordinates=system.coordinates, units=system.units,
        )  # fmt: skip
    neurons = states if isinstance(sde, NeuralSDE) else None
    latent = states if neurons is None else _projected(system, neurons)
    if outcome.ok and (inputs := system.inputs) is not None:
        filtered = latent[..., -inputs.dim :]  # of which private noise moves a little
        if not inputs.contains(filtered, margin=1e-4 if neurons is None else 0.05):
            outcome = Outcome.OUTSIDE_INPUTS
    return NetworkTrajectory(times, latent, outcome, system, dt, reason, neurons)


def _sde_run(
    sde, start, input, M, key: PRNGKeyArray
) -> tuple[AbstractSDE, Float[np.ndarray, "M k"]]:
    """What to integrate, and from where."""
    if sde.input_dim:
        check_input(_steering(sde, input), (sde.input_dim,))
        sde = Driven(sde, input)
    elif input is not None:
        check_input(input, (sde.dim,))
        sde = Forced(sde, OverTau(input, input_gain(sde)))
    if start is None:
        return sde, default_starts(sde.at_time(jnp.zeros(())), M, key)
    return sde, check_start(start, M, (sde.dim,))


def _steering(system: AbstractSDE, input: Input | None) -> Input:
    """The input of what is steered by one."""
    if input is None:
        raise InputError(
            f"{system.name} is steered by an input of shape ({system.input_dim},): pass input=, a "
            "function of time, or choose a constant value by .at(value)"
        )
    return input


def _network_run(
    network: Network, start, input, M, key: PRNGKeyArray
) -> tuple[AbstractSDE, Float[np.ndarray, "M d"]]:
    """The network as the smaller SDE that the run stays in, and the starts there."""
    k, n, p = network.latent_dim, network.num_neurons, network.input_dim
    if p:
        input = _steering(network, input)
    input_dim = k if input is None else check_input(input, (p, k, n) if p else (k, n))
    dims = (k - p, k, n) if p and input_dim == p else (k, n)
    given = None if start is None else check_start(start, M, dims)
    starts = default_starts(network, M, key) if given is None else given
    if input is not None and p == input_dim and (given is None or starts.shape[1] == k - p):
        # What is filtered begins at what it is.
        begin = np.broadcast_to(np.asarray(input(jnp.zeros(())), float), (M, p))
        starts = np.concatenate([starts[:, : k - p], begin], axis=1)
    start_dim = starts.shape[1]
    if network.stays_on_subspace and input_dim in (p, k) and start_dim == k:
        return network.latent(input=input), starts
    if start_dim == k:
        starts = network.lift(starts)
    return network.neural(input=input), starts


def _projected(network: Network, neurons: np.ndarray) -> np.ndarray:
    """z = Γ⁺(x − b) in the precision of x, without a copy of x."""
    inverse = network.lift.inverse().astype(neurons.dtype)
    return neurons @ inverse.T - inverse @ network.bias.astype(neurons.dtype)


def _scheme(method, sde: AbstractSDE) -> AbstractScheme:
    if isinstance(method, str):
        if method not in SCHEMES:
            raise InputError(
                f"there is no method {method!r}{did_you_mean(method, SCHEMES)}; a Diffrax solver "
                "is passed as an object, such as diffrax.SPaRK()"
            )
        return SCHEMES[method]
    # Imported here, for it is slow to import and seldom needed.
    import diffrax

    from driftmatch.simulation.diffrax_solvers import diffrax_scheme

    if not isinstance(method, diffrax.AbstractSolver):
        raise InputError(
            f"method must be one of {', '.join(SCHEMES)} or a Diffrax solver such as "
            f"diffrax.SPaRK(), got {shown(method)}"
        )
    return diffrax_scheme(method, sde)

"""`embed`: from an SDE to a network, the library's main call."""

import time
from dataclasses import replace

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.activations import Activation, get_activation
from driftmatch.arguments import (
    check_array,
    check_flag,
    check_key,
    check_meter,
    check_positive,
    or_none,
)
from driftmatch.embedding.closed_loop import ClosedLoop, closed_loop
from driftmatch.embedding.size import smallest
from driftmatch.embedding.territory import Watch, survey
from driftmatch.embedding.verdict import EmbeddingReport, verdict, why
from driftmatch.errors import InputError
from driftmatch.matching.arguments import check_arguments
from driftmatch.matching.assembly import Assembly
from driftmatch.matching.confinement import default_number, place_guards
from driftmatch.matching.design import NUM_HELD_OUT, design
from driftmatch.matching.errors import matching_errors
from driftmatch.matching.fits import AbstractFit, get_fit
from driftmatch.matching.wiring import AbstractWiring, check_wiring
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.network import InputRange, Network, as_sde
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.given import samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.sampling.whitening import Whitening
from driftmatch.simulation.scatter import is_noise_free
from driftmatch.words import spelled

# Of several outcomes the one to tell: the others in between.
_RANK = {Outcome.SUCCESS: 2, Outcome.UNJUDGED: 1}
_QUIET, _NOISY = 0.003, 0.01  # private noise that targets without and with noise tolerate


class Look(Record):
    """A closed loop at a constant input, shape (p,), or without any."""

    input: Float[np.ndarray, " p"] | None
    closed_loop: ClosedLoop


class Embedding(Record):
    """What `embed` returns: the network, how good it is, and the verdict in words.

    - `outcome`: SUCCESS, or what the network lacks; `reason`: that with numbers, and what to do.
    - `closed_loop`: how the network behaved beside its target; None if that was not looked at.
    - `target`: what the network obeys: the SDE, or one with angles, laid out on circles: an angle
      φ of period L takes two latent coordinates, cos and sin of 2πφ/L. Of a steered one the last
      coordinates are the input.
    - `looks`: of a steered network, closed loops at several inputs; `closed_loop` is the one that
      the outcome is about.
    """

    network: Network
    report: EmbeddingReport
    outcome: Outcome
    target: AbstractSDE
    closed_loop: ClosedLoop | None = None
    reason: str | None = None
    looks: tuple[Look, ...] = ()

    def coordinates(
        self, latent: ArrayLike, *, unwrap: bool = False
    ) -> Float[np.ndarray, "*batch k"]:
        """The SDE's own coordinates of latent states, shape (..., d): angles in [0, period), or
        with `unwrap` counted on along the last axis but one, so that windings show."""
        unwrap = check_flag("unwrap", unwrap)
        points = check_array("latent", latent, (..., self.network.latent_dim))
        if not isinstance(self.target, OnCircles):
            return points
        return self.target.angles(points, unwrap=unwrap)


@spelled
def embed(
    system: AbstractSDE,
    num_neurons: int | None = None,
    *,
    key: PRNGKeyArray,
    error: float | None = None,
    method: str | AbstractFit = "refined",
    tau: float | None = None,
    activation: str | Activation = "tanh",
    private_noise: float | None = None,
    confine: bool | None = None,
    check: bool = True,
    states: ArrayLike | None = None,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    inputs: InputRange | None = None,
    connectivity: AbstractWiring | None = None,
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> Embedding:
    r"""Embed an SDE in a low-rank network: drift–diffusion matching.

    Finds Γ, b, W_s and S such that on the subspace x = Γz + b the network

        τ dx = [−x + ΓW_s φ(x) + b] dt + τ Γ S(x) dB

    obeys dz = f(z) dt + σ(z) dB: (−z + W_s φ(Γz + b))/τ ≈ f(z) and S Sᵀ ≈ σσᵀ over the states that
    the target visits (R. Nartallo-Kaluarachchi, R. Lambiotte, A. Goriely, arXiv:2602.14885).

    **Arguments**

    - `system`: the target, of dimension k; `num_neurons`: n > k.
    - `key`: a `jax.random.key`; the same key on the same machine gives the same network.
    - `error`: instead of `num_neurons`, the drift error ε_f wanted, such as 1e-2: the smallest
      network that comes to it, to within a factor 2^¼, is looked for; ``report.sizes`` says what
      others came to.
    - `method`: "refined", "least-squares", "backprop", or such an object with other settings.
    - `tau`: the neural time constant, in the target's unit of time; by default the time in which
      the target changes by about its own size.
    - `activation`: φ, by name or as an `Activation`.
    - `private_noise`: s ≥ 0, the noise in every neuron (in units of x) that the readout is made to
      withstand; by default 0.01, and 0.003 for a target without noise of its own, which hides no
      errors. The network itself is noise-free in this sense; see `Network.with_private_noise`.
    - `confine`: spend a few neurons on keeping the network from attractors far outside; by default
      what the fit does by itself.
    - `check`: run the network beside the target for some seconds, and let the outcome say if it is
      not faithful; see `ClosedLoop`. Where `states` or `box` are given there is no such check.
    - `states`: shape (N, k), states to match at instead of the target's own trajectories;
      `box`: lower and upper corner, to match evenly inside.
    - `inputs`: over which range an SDE that is steered by an input (`input_dim`) is to be followed.
      One network then obeys  dz = f(z, u) dt + σ(z, u) dB  for every constant u in it, and lags
      behind a changing one by τ; drift errors are means over the range. States are then (z, u).
    - `connectivity`: what W must be like, `Dale`, `Sparse` or `Symmetric`; by default of rank k
      and of any sign.
    - `samples`: what `sample` found of this SDE; made here if it is not given.
    - `meter`: told of the progress.

    An SDE with angles (``periodic=``) is embedded on circles, see `Embedding`.

    Raises `InputError` for unusable arguments and `ComputationError` when the target diverges or
    does not stay anywhere, with the reason.
    """
    if num_neurons is None or error is not None:
        return _smallest(
            system, num_neurons, error, check, key=key, method=method, tau=tau,
            activation=activation, private_noise=private_noise, confine=confine, states=states,
            box=box, inputs=inputs, connectivity=connectivity, samples=samples, meter=meter,
        )  # fmt: skip
    began = time.perf_counter()
    fit, activation = get_fit(method), get_activation(activation)
    num_neurons, tau, private_noise = check_arguments(system, num_neurons, tau, private_noise)
    sde = _target(system)
    if private_noise is None:
        private_noise = _QUIET if is_noise_free(sde) else _NOISY
    meter = check_meter(meter)
    confine, check = or_none(check_flag)("confine", confine), check_flag("check", check)
    wiring = check_wiring(connectivity, confine, activation, fit, inputs)
    key = check_key(key)
    rng = generator(key)
    where = survey(sde, samples, states, box, inputs, key, rng, meter)
    sde, visited = where.sde, where.visited
    whitening = Whitening.of(visited)
    if tau is None:
        tau = where.time_scale
        if wiring is not None:
            tau = wiring.tau(sde, visited[:NUM_HELD_OUT], whitening, tau)
    guards = None
    if fit.confined if confine is None else confine:
        guards = _guards(wiring, whitening.whiten(visited), activation, num_neurons, confine)
    num_guards = 0 if guards is None else guards.num_neurons
    number = fit.num_states(num_neurons, sde.dim)
    points = design(
        sde, visited, whitening, number, rng,
        guards=guards, tau=tau, bounds=where.bounds, private_noise=private_noise,
    )  # fmt: skip

    task = Assembly(sde, points, whitening, tau, activation, private_noise, visited, inputs)
    fitting = time.perf_counter()
    make = _free if wiring is None else wiring.network
    network, largest, fitted = make(task, guards, num_neurons, fit, rng, meter, where.time_scale)
    fit_seconds = time.perf_counter() - fitting
    errors = matching_errors(sde, network, where.held_out)
    num_states = fitted.num_states or len(task.problem.weights)
    report = EmbeddingReport(
        errors.drift, errors.noisy_drift, errors.local, errors.diffusion, largest, tau,
        num_states, num_guards, time.perf_counter() - began, fit_seconds,
        off_subspace=fitted.off_subspace, transverse_abscissa=fitted.transverse_abscissa,
    )  # fmt: skip
    looks = [_look(meter, network, w, jax.random.fold_in(key, 1)) for w in where.watches if check]
    report = replace(report, seconds=time.perf_counter() - began)
    return _judged(network, report, sde, where.watches, looks, fitted)


def _free(task: Assembly, guards, num_neurons, fit, rng, meter, time_scale):
    """The network of free connectivity, its largest whitened readout weight, what was fitted."""
    num_guards = 0 if guards is None else guards.num_neurons
    fitted = fit.fit(task.problem, num_neurons - 1 - num_guards, rng, meter)
    return *task.assemble(fitted.features, fitted.readout, guards, time_scale), fitted


def _judged(network, report, sde, watches, looks, fitted) -> Embedding:
    """With the verdict: the worst, of a steered network, of those at its inputs."""
    found = []
    for watch, look in zip(watches, looks or [None] * len(watches), strict=True):
        samples = watch.samples
        loop = None if look is None else look.closed_loop
        not_settled = None if samples.outcome.ok else samples.outcome
        if watch.input is not None and not_settled is Outcome.NOT_MIXING:
            not_settled = None  # weights are of one input; what steers chooses among attractors
        outcome = verdict(report, loop, not_settled)
        reason = None if outcome.ok else why(outcome, report, loop, fitted, samples)
        if reason is not None and watch.input is not None:
            reason = f"at the input {np.round(watch.input, 6).tolist()}: {reason}"
        found.append((outcome, reason, loop))
    if not watches:
        outcome = verdict(report, None, None)
        reason = None if outcome.ok else why(outcome, report, None, fitted, None)
        found.append((outcome, reason, None))
    outcome, reason, loop = min(found, key=lambda one: _RANK.get(one[0], 0))
    steered = tuple(look for look in looks if look.input is not None)
    return Embedding(network, report, outcome, sde, loop, reason, steered)


def _look(meter: AbstractMeter, network: Network, watch: Watch, key: PRNGKeyArray) -> "Look":
    at = network if watch.input is None else network.at(watch.input)
    with task(meter, "closed loop", 1):
        loop = closed_loop(watch.target, at, watch.samples, watch.runs, key)
        meter.advance(1)
    return Look(watch.input, loop)


def _target(system: AbstractSDE) -> AbstractSDE:
    """The SDE to embed; one that is steered as it is."""
    if system.input_dim and not isinstance(system, Network):
        return system
    return as_sde(system, error="embed takes an SDE")


def _smallest(system, num_neurons, error, check, *, key, samples, meter, **options) -> Embedding:
    """Of those that come to an error, by fits without a closed loop, and then with one."""
    if num_neurons is not None:
        raise InputError("give either num_neurons, or the error that a network is to come to")
    if error is None:
        raise InputError(
            "give num_neurons, such as 256, or the error that a network is to come to, such as "
            "error=1e-2"
        )
    began = time.perf_counter()
    error = check_positive("error", error)
    check = check_flag("check", check)
    sde = _target(system)
    if options["states"] is None and options["box"] is None and options["inputs"] is None:
        samples = samples_of(sde, samples, check_key(key), check_meter(meter)).require_place()

    def at(number: int, check: bool = False) -> Embedding:
        return embed(
            sde, number, key=key, samples=samples, meter=meter, check=check, **options
        )  # fmt: skip

    sizes = smallest(lambda number: at(number).report.drift_error, error, sde.dim)
    number = next(number for number, reached in sizes if reached <= error)
    found = at(number, check)
    seconds = time.perf_counter() - began
    return replace(found, report=replace(found.report, sizes=sizes, seconds=seconds))


def _guards(wiring, visited, activation, num_neurons, confine):
    """Those that there is room for; refuses to have none where they were asked for."""
    if wiring is not None:
        guards = wiring.guards(visited, activation, num_neurons)
    else:
        guards = place_guards(visited, activation, default_number(visited.shape[1], num_neurons))
    if guards is None and confine:
        raise InputError(
            f"confine=True cannot be kept with {num_neurons} neurons of activation "
            f"{activation.name!r}: use more neurons, or one that saturates such as 'tanh' or "
            "'logistic'"
        )
    return guards

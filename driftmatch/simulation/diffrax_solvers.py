"""Diffrax's solvers as schemes of fixed step, on the same noise as the library's own schemes."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import InputError
from driftmatch.randomness import generator
from driftmatch.sde import StratonovichDrift
from driftmatch.simulation.integrators import AbstractScheme, drift_at


class DiffraxScheme(AbstractScheme):
    """One step of a Diffrax solver.

    Every step is integrated in its own time, from 0 to dt, so that single precision does not
    wear out on long runs. The Brownian increment is the one that the library's own schemes see;
    the space-time Lévy areas that some solvers need are drawn beside it.

    A solver that converges to the Stratonovich solution is given the drift
    f_i − ½ Σ_jl σ_jl ∂_j σ_il, so that what it finds solves the Itô equation all the same.
    """

    solver: diffrax.AbstractSolver

    @property
    def draws(self):
        area = getattr(self.solver, "minimal_levy_area", None)
        if area is None or not issubclass(area, diffrax.AbstractSpaceTimeLevyArea):
            return 1
        return 3 if issubclass(area, diffrax.AbstractSpaceTimeTimeLevyArea) else 2

    def init(self, sde, z, dt):
        normal = jnp.zeros(self.draws * sde.noise_dim, z.dtype)
        terms = self._terms(sde, jnp.zeros_like(dt), dt, normal)
        return self.solver.init(terms, jnp.zeros_like(dt), dt, z, None)

    def step(self, sde, carried, z, t, dt, normal):
        terms = self._terms(sde, t, dt, normal)
        z, _, _, carried, result = self.solver.step(
            terms, jnp.zeros_like(dt), dt, z, None, carried, made_jump=False
        )
        return carried, jnp.where(result == diffrax.RESULTS.successful, z, jnp.nan)

    def _terms(self, sde: AbstractSDE, t: Array, dt: Array, normal: Array):
        correct = not sde.has_constant_diffusion and isinstance(
            self.solver, diffrax.AbstractStratonovichSolver
        )

        def drift(s, z, args):
            value = drift_at(sde, z, t + s)
            if not correct:
                return value
            return value - StratonovichDrift(jnp.zeros_like, sde.at_time(t + s).diffusion)(z)

        def diffusion(s, z, args):
            z = jnp.zeros_like(z) if sde.has_constant_diffusion else z
            return sde.at_time(t + s).diffusion(z)

        if not _is_for_sdes(self.solver):
            return diffrax.ODETerm(drift)
        increment = BrownianStep(jnp.zeros_like(dt), dt, normal.reshape(self.draws, -1))
        return diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, increment))


class BrownianStep(diffrax.AbstractPath):
    """The Brownian motion of one step, known at its two ends."""

    t0: Array
    t1: Array
    normal: Float[Array, "draws m"]

    def evaluate(self, t0, t1=None, left=True, use_levy=False):
        dt = self.t1 - self.t0
        # W, H and K are independent, with variances dt, dt/12 and dt/720.
        variances = dt / jnp.array([1, 12, 720][: len(self.normal)], dt.dtype)
        values = jnp.sqrt(variances)[:, None] * self.normal
        return _AREAS[len(values) - 1](dt, *values) if use_levy else values[0]


_AREAS = (diffrax.BrownianIncrement, diffrax.SpaceTimeLevyArea, diffrax.SpaceTimeTimeLevyArea)


def diffrax_scheme(solver: diffrax.AbstractSolver, sde: AbstractSDE) -> DiffraxScheme:
    """The scheme of a solver, once it is known to suit the SDE; `InputError` if it does not."""
    name = f"diffrax.{type(solver).__name__}"
    if isinstance(solver, (diffrax.AbstractWrappedSolver, diffrax.LeapfrogMidpoint)):
        raise InputError(
            f"{name} does not take single steps of fixed size: pass a one-step solver, such as "
            "diffrax.SPaRK()"
        )
    if not _is_for_sdes(solver) and solver.term_structure is not diffrax.AbstractTerm:
        raise InputError(f"{name} wants the drift in parts: pass another solver")
    if not _is_for_sdes(solver) and _is_noisy(sde):
        raise InputError(
            f"{name} is for systems without noise, and {sde.name} is noisy: pass a solver for "
            "SDEs, such as diffrax.SPaRK()"
        )
    scheme = DiffraxScheme(solver)
    dtype = jnp.result_type(float)
    z, dt = jax.ShapeDtypeStruct((sde.dim,), dtype), jax.ShapeDtypeStruct((), dtype)

    def trial(z, dt):
        normal = jnp.zeros(scheme.draws * sde.noise_dim, dtype)
        return scheme.step(sde, scheme.init(sde, z, dt), z, dt, dt, normal)[1]

    try:
        jax.eval_shape(trial, z, dt)
    except Exception as error:
        hint = ""
        if isinstance(solver, diffrax.AbstractImplicitSolver):
            hint = "; give it tolerances, root_finder=diffrax.VeryChord(rtol=1e-6, atol=1e-6)"
        raise InputError(
            f"{name} cannot integrate {sde.name}: {str(error) or type(error).__name__}{hint}"
        ) from error
    return scheme


def _is_for_sdes(solver) -> bool:
    return isinstance(solver, (diffrax.AbstractItoSolver, diffrax.AbstractStratonovichSolver))


def _is_noisy(sde: AbstractSDE) -> bool:
    if not sde.has_constant_diffusion:
        return True
    # Any generic increment tells, without forming the matrix.
    increment, now = generator().normal(size=sde.noise_dim), sde.at_time(jnp.zeros(()))
    return bool(np.any(np.asarray(now.noise(jnp.zeros(sde.dim), jnp.asarray(increment)))))

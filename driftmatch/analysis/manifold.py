"""How well a network, or any SDE, holds a curved manifold."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_array, check_count, check_key, check_positive, or_none
from driftmatch.closures import as_module, uncompiled
from driftmatch.compilation import compiled
from driftmatch.drift_and_diffusion import check_functions
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.flows import CLASSICAL, runge_kutta
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.simulation.simulate import simulate
from driftmatch.words import spelled

Matrix = np.ndarray

_SAVES = 200  # of a run without noise
_STEP = 0.05  # of the quickest time, without noise
_PATHS = 16  # of the run with noise


class ManifoldReport(Record):
    """How a manifold M is held, at N points of it; distances are in units of the state.

    Without noise, that is by the drift alone, which in Itô's form lies by D times the mean
    curvature over λ inside of M:

    - `speed`: root mean square of the drift along M; `max_speed`: the largest.
    - `moved`, `max_moved`: root mean square and largest way along M in the time `duration`. On the
      unit circle these are angles.
    - `offset`: root mean square distance from M in the end.

    With noise:

    - `width`: root mean square distance from M; `isotropic_width`: √(cD/λ), what it would be in the
      c normal directions with as much noise as there is along M. D and λ are the system's own,
      `diffusivity` and `pull`, means over the points. A target whose noise is along M has width 0.

    Of a ring that an angular velocity steers, at each of Q inputs and without noise:

    - `inputs`: u, shape (Q,). - `turn_error`: |angle − ut| over |ut|, the largest of the points,
      after `duration` at a constant input: the error in turns a turn.
    """

    speed: float
    max_speed: float
    moved: float
    max_moved: float
    offset: float
    width: float
    isotropic_width: float
    diffusivity: float
    pull: float
    duration: float
    inputs: Float[Matrix, " Q"] | None
    turn_error: Float[Matrix, " Q"] | None
    outcome: Outcome


@spelled
def manifold_report(
    system: AbstractSDE,
    project: Callable[[Array], Array],
    *,
    key: PRNGKeyArray,
    points: ArrayLike | None = None,
    num_points: int = 64,
    duration: float | None = None,
    inputs: ArrayLike | None = None,
) -> ManifoldReport:
    """How well an SDE or a network holds a manifold, by a noise-free and a noisy run.

    **Arguments**

    - `project`: the nearest-point map of M, as in `systems.on_manifold`.
    - `key`: a `jax.random.key`.
    - `points`: states on or near M to begin at, shape (N, k); by default the nearest points to
      `num_points` normal ones.
    - `duration`: of the runs; by default 100 time constants of a network's neurons, and of another
      SDE 100 time scales, or units of time where it has none.
    - `inputs`: of a ring in the first two coordinates that an angular velocity steers, the
      velocities to be tried, shape (Q,). All else is at the input 0.

    Raises `InputError` for what does not fit together. The outcome is NON_FINITE, and numbers NaN,
    where a run ran away.
    """
    if not isinstance(system, AbstractSDE):
        raise InputError(f"system must be a Network or an SDE, got {type(system).__name__}")
    if not callable(project):
        raise InputError(f"project must be a function, got {type(project).__name__}")
    key, num_points = check_key(key), check_count("num_points", num_points)
    p = system.input_dim
    if inputs is not None:
        inputs = check_array("inputs", inputs, ("Q",))
        if p != 1 or np.any(inputs == 0):
            raise InputError("inputs must be velocities other than 0 of a system that takes one")
    rest = system.at(np.zeros(p)) if p else system
    k = rest.dim
    unit = getattr(system, "tau", None) or system.time_scale or 1.0
    duration = or_none(check_positive)("duration", duration) or 100.0 * unit
    project = _checked_map(project, k)  # pyright: ignore[reportAssignmentType]
    key, draw = jax.random.split(key)
    if points is None:
        points = np.asarray(jax.random.normal(draw, (num_points, k)), float)
    y = _on(project, check_array("points", points, ("N", k)))
    speed, D, pull, normals = _rates(rest, project, y)
    quick = min(unit, 1 / pull) if pull > 0 else unit
    steps = int(np.ceil(duration / _SAVES / (_STEP * quick)))  # pyright: ignore[reportOptionalOperand]
    with jax.enable_x64(True):
        run = np.asarray(_noise_free(rest, jnp.asarray(y), jnp.asarray(duration), steps))
        onto = np.asarray(jax.vmap(jax.vmap(project))(jnp.asarray(run)))
    way = np.linalg.norm(np.diff(onto, axis=1, prepend=y[:, None]), axis=2).sum(axis=1)
    noisy = simulate(  # pyright: ignore[reportCallIssue]
        rest, duration=duration, dt=min(quick / 50, duration / 8), key=key,  # pyright: ignore[reportArgumentType, reportOptionalOperand]
        num_trajectories=_PATHS, start=np.resize(y, (_PATHS, k)), throw=False,
        save_every=max(1, min(round(50 * unit / quick), int(duration * 50 / quick) // 8)),  # pyright: ignore[reportOptionalOperand]
    )  # fmt: skip
    late = np.asarray(noisy.states, float)[:, noisy.states.shape[1] // 4 :, :k]
    distance = np.linalg.norm(late - _on(project, late.reshape(-1, k)).reshape(late.shape), axis=2)
    errors = (
        None if inputs is None else np.array([_turn(system, u, y, duration, steps) for u in inputs])  # pyright: ignore[reportArgumentType]
    )
    parts: list[Any] = [run, late] if errors is None else [run, late, errors]
    is_finite = noisy.outcome.ok and all(np.isfinite(part).all() for part in parts)
    return ManifoldReport(
        speed=_rms(speed),
        max_speed=float(speed.max()),
        moved=_rms(way),
        max_moved=float(way.max()),
        offset=_rms(np.linalg.norm(run[:, -1] - onto[:, -1], axis=1)),
        width=_rms(distance) if noisy.outcome.ok else float("nan"),
        isotropic_width=float(np.sqrt(normals * D / pull)) if pull > 0 else float("nan"),
        diffusivity=D,
        pull=pull,
        duration=duration,  # pyright: ignore[reportArgumentType]
        inputs=inputs,
        turn_error=errors,
        outcome=Outcome.SUCCESS if is_finite else Outcome.NON_FINITE,
    )


@compiled
def _noise_free(sde, starts, duration, steps):
    """Runs of classical Runge–Kutta steps, shape (N, T, k)."""
    dt = duration / (_SAVES * steps)

    def step(_, z):
        return runge_kutta(lambda z, _: jax.vmap(sde.drift)(z), z, dt, CLASSICAL)[0]

    def save(z, _):
        z = jax.lax.fori_loop(0, steps, step, z)
        return z, z

    return jnp.moveaxis(jax.lax.scan(save, starts, None, length=_SAVES)[1], 0, 1)


def _rates(sde, project, y) -> tuple[Matrix, float, float, int]:
    """At points of M: the speed along it, D, λ and the number of normal directions."""
    with jax.enable_x64(True):
        P = np.asarray(jax.vmap(jax.jacfwd(project))(jnp.asarray(y)))
        jacobians = np.asarray(jax.vmap(jax.jacfwd(sde.drift))(jnp.asarray(y)))
    speed = np.linalg.norm(np.einsum("nij,nj->ni", P, drifts(sde, y)), axis=1)
    size = round(float(np.trace(P, axis1=1, axis2=2).mean()))
    normals = y.shape[1] - size
    D = np.einsum("nij,nji->n", P, diffusion_matrices(sde, y)).mean() / max(size, 1)
    normal = np.einsum("nij,nji->n", np.eye(y.shape[1]) - P, jacobians).mean()
    return speed, float(D), -float(normal) / max(normals, 1), normals


def _turn(system, u: float, y, duration: float, steps: int) -> float:
    with jax.enable_x64(True):
        arguments = system.at([u]), jnp.asarray(y), jnp.asarray(duration)
        run = np.asarray(_noise_free(*arguments, steps))
    z = np.concatenate([y[:, None], run], axis=1)
    phase = z[..., 0] + 1j * z[..., 1]
    # The difference from ut between saves is less than half a turn, u t itself need not be.
    beside = phase[:, 1:] / phase[:, :-1] * np.exp(-1j * u * duration / _SAVES)
    return float(np.max(np.abs(np.angle(beside).sum(axis=1))) / abs(u * duration))


def _checked_map(project, k: int) -> eqx.Module | Callable:
    project = uncompiled(project)
    try:
        check_functions(project, np.eye(k), k, 0)
    except InputError as error:
        raise InputError(str(error).replace("the drift", "project")) from error.__cause__
    return as_module(project, k)


def _on(project, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
    with jax.enable_x64(True):
        return np.asarray(jax.vmap(project)(jnp.asarray(states, float)))


def _rms(values: Matrix) -> float:
    return float(np.sqrt(np.mean(np.square(values))))

"""SDEs on curved manifolds, in the coordinates of the space around them."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.arguments import (
    check_count,
    check_non_negative,
    check_positive,
    is_traced,
    or_none,
)
from driftmatch.closures import as_module, uncompiled
from driftmatch.drift_and_diffusion import check_functions
from driftmatch.errors import InputError
from driftmatch.sde import SDE
from driftmatch.words import spelled

Function = Callable[..., Array]

_SAME = 1e-3  # of the size of a point, and of a projector: within single precision
_NEAR_CENTRE = 0.25  # of r²: below, the way to the sphere is smoothed, to have none at the centre


class Pulled(eqx.Module):
    """P(y) f(y, u) − λ(z − y) at y = π(z), P the Jacobian of π."""

    project: Function
    drift: Function | None
    pull: float

    def __call__(self, z: Float[Array, " k"], *u: Float[Array, " p"]) -> Float[Array, " k"]:
        y = self.project(z)
        back = self.pull * (y - z)
        return back if self.drift is None else along(self.project, y, self.drift(y, *u)) + back


class Tangential(eqx.Module):
    """√(2D) P(π(z))."""

    project: Function
    diffusivity: float

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, "k k"]:
        return jnp.sqrt(2 * self.diffusivity) * jax.jacfwd(self.project)(self.project(z))


class OnSpheres(eqx.Module):
    """−λ(z − y) − D(m − 1) y g in every block of m coordinates, y = g z its nearest point; the last
    term is what Itô's form adds. With an input, and in the plane, + u Jy, Jy = (−y₂, y₁).
    """

    sizes: tuple[int, ...] = eqx.field(static=True)
    pull: float
    diffusivity: float

    def __call__(self, z: Float[Array, " k"], *u: Float[Array, "1"]) -> Float[Array, " k"]:
        parts = []
        for block in _blocks(z, self.sizes):
            g = _to_sphere(block)
            y = g * block
            f = self.pull * (y - block) - self.diffusivity * (len(block) - 1) * g * y
            parts.append(f + u[0][0] * jnp.stack([-y[1], y[0]]) if u else f)
        return jnp.concatenate(parts)


class SphereNoise(eqx.Module):
    """√(2D)(1 − yyᵀ) in every block of coordinates."""

    sizes: tuple[int, ...] = eqx.field(static=True)
    diffusivity: float

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, "k k"]:
        ys = [_to_sphere(block) * block for block in _blocks(z, self.sizes)]
        P = jax.scipy.linalg.block_diag(*[jnp.eye(len(y)) - jnp.outer(y, y) for y in ys])
        return jnp.sqrt(2 * self.diffusivity) * P


def along(project: Function, y: Float[Array, " k"], v: Float[Array, " k"]) -> Float[Array, " k"]:
    """The part of v that is tangent to the manifold at its point y."""
    return jax.jvp(project, (y,), (v,))[1]


@spelled
def on_manifold(
    project: Function,
    dim: int,
    *,
    drift: Function | None = None,
    diffusivity: float = 0.0,
    pull: float = 1.0,
    input_dim: int = 0,
    start: ArrayLike | None = None,
    time_scale: float | None = None,
    name: str = "manifold",
    coordinates: Sequence[str] | None = None,
) -> SDE:
    r"""An SDE on a manifold M in R^d, and a pull to it:

        dz = [P f(y, u) − λ(z − y)] dt + √(2D) P ∘ dB,    y = π(z),  P = ∂π/∂z at y

    in Stratonovich's form. It is converted to Itô's, whose drift has the mean curvature of M. Noise
    and f are those at the nearest point y of M and along M, so that on M the generator is f·∇ + DΔ,
    and nothing but the pull moves the state to M or from it.

    **Arguments**

    - `project`: π, the nearest point of M, from shape (d,) to (d,), written with ``jax.numpy``,
      such as ``lambda z: z / jnp.linalg.norm(z)``. Its Jacobian at a point of M is the projector P
      onto the tangents there. It need be smooth only where the state may come.
    - `dim`: d.
    - `drift`: f(z), or f(z, u) of an input u of `input_dim` numbers; what of it is normal to M is
      left out. None for none.
    - `diffusivity`: D, such that a short time t moves the state by √(2Dt) in every direction of M.
    - `pull`: λ, the rate at which distances from M decay.
    - `start`, `time_scale`, `name`, `coordinates`: as those of `SDE`; by default it starts at some
      point of M.

    Raises `InputError`, among others where π is no nearest-point map at a start: π(π(z)) is not
    π(z), or the Jacobian there is not symmetric.
    """
    dim, p = check_count("dim", dim), check_count("input_dim", input_dim, least=0)
    diffusivity = check_non_negative("diffusivity", diffusivity)
    pull = check_positive("pull", pull)
    time_scale = or_none(check_positive)("time_scale", time_scale)
    for what, function in (("project", project), ("drift", drift)):
        if not callable(function) and not (what == "drift" and drift is None):
            raise InputError(f"{what} must be a function, got {type(function).__name__}")
    if drift is None and p:
        raise InputError("an input steers the drift: give a drift of z and u, or no input_dim")
    project = uncompiled(project)
    _check_map(project, dim)
    if drift is not None:
        drift = uncompiled(drift)
        check_functions(drift, np.eye(dim), dim, p)  # pyright: ignore[reportArgumentType]
        drift = as_module(drift, *((dim, p) if p else (dim,)))
    project = as_module(project, dim)
    if start is None:
        start = np.asarray(project(jnp.cos(1.0 + jnp.arange(dim, dtype=float))))
    sde = SDE(
        Pulled(project, drift, pull),
        Tangential(project, diffusivity) if diffusivity > 0 else 0.0,
        dim,
        input_dim=p,
        interpretation="stratonovich",
        start=start,
        time_scale=time_scale,
        name=name,
        coordinates=coordinates,
        equation="dz = [P f(π(z)) − λ(z − π(z))] dt + √(2D) P ∘ dB,  P = ∂π/∂z at π(z)",
        parameters={"diffusivity": diffusivity, "pull": pull},
    )
    _check_nearest(project, np.asarray(sde.starts))
    return sde


@spelled
def ring_attractor(diffusivity: float = 1e-3, pull: float = 1.0) -> SDE:
    """A ring that integrates an angular velocity, the input u: dθ = u dt + √(2D) dB on the unit
    circle, and r relaxes to it at the rate λ. A model of head direction, or of a phase.

    `diffusivity`: D; ⟨e^{iθ}⟩ decays as e^{−Dt} at u = 0. `pull`: λ.

    The drift in Itô's form holds the circle together with the noise: by itself it leads to the
    radius 1 − D/λ, where the input turns the state faster by as much.
    """
    return _on_spheres(
        "ring_attractor", (2,), diffusivity, pull, input_dim=1,
        coordinates=("x", "y"), time_scale=1 / check_positive("pull", pull),
        description="Ring that integrates an angular velocity",
        equation="dz = [u Jy − λ(z − y)] dt + √(2D)(1 − yyᵀ) ∘ dB,  y = z/|z|,  Jy = (−y₂, y₁)",
    )  # fmt: skip


@spelled
def sphere_diffusion(diffusivity: float = 0.1, pull: float = 1.0) -> SDE:
    """Brownian motion on the unit sphere in R³: ⟨z(0)·z(t)⟩ = e^{−2Dt}, and a uniform density.

    `diffusivity`: D; `pull`: λ, the rate of return to the sphere.
    """
    return _on_spheres(
        "sphere_diffusion", (3,), diffusivity, pull, coordinates=("x", "y", "z"),
        description="Brownian motion on a sphere",
        equation="dz = −λ(z − y) dt + √(2D)(1 − yyᵀ) ∘ dB,  y = z/|z|",
    )  # fmt: skip


@spelled
def torus_diffusion(diffusivity: float = 0.1, pull: float = 1.0) -> SDE:
    """Brownian motion on the flat torus in R⁴, a product of unit circles, (cos θ, sin θ, cos φ,
    sin φ): the angles are independent, ⟨e^{i(mθ + nφ)}⟩ decays as e^{−(m² + n²)Dt}, and the density
    is uniform.

    A torus in R³ has a dimension less, but is curved: its angles do not diffuse alike, and such
    decays have no formula.

    `diffusivity`: D; `pull`: λ, the rate of return to the torus.
    """
    return _on_spheres(
        "torus_diffusion", (2, 2), diffusivity, pull,
        description="Brownian motion on a flat torus",
        equation="dz = −λ(z − y) dt + √(2D)(1 − yyᵀ) ∘ dB,  y = z/|z| in each of two planes",
    )  # fmt: skip


def _on_spheres(name, sizes, diffusivity, pull, **options) -> SDE:
    """`on_manifold` on a product of unit spheres, by formulas."""
    diffusivity = check_non_negative("diffusivity", diffusivity)
    pull = check_positive("pull", pull)
    return SDE(
        OnSpheres(sizes, pull, diffusivity),
        SphereNoise(sizes, diffusivity) if diffusivity > 0 else 0.0,
        sum(sizes),
        start=np.concatenate([np.eye(size)[0] for size in sizes]),
        name=name,
        parameters={"diffusivity": diffusivity, "pull": pull},
        **options,
    )


def _blocks(z: Float[Array, " k"], sizes: tuple[int, ...]) -> list[Array]:
    ends = np.cumsum(sizes)
    return [z[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _to_sphere(z: Float[Array, " k"]) -> Float[Array, ""]:
    """g = 1/|z|, so that gz is the nearest point of the unit sphere.

    The centre is as far from all points: within half a radius of it g is the expansion of 1/|z| at
    r² = 1/4, to second order, smooth and positive, so that the pull leads out of there.
    """
    q = z @ z / _NEAR_CENTRE
    near = (15 - 10 * q + 3 * q * q) / 8
    return jnp.where(q < 1, near, jnp.where(q < 1, 1.0, q) ** -0.5) / _NEAR_CENTRE**0.5


def _check_map(project: Function, dim: int) -> None:
    try:
        check_functions(project, np.eye(dim), dim, 0)
    except InputError as error:
        raise InputError(str(error).replace("the drift", "project")) from error.__cause__


def _check_nearest(project: Function, starts: Float[np.ndarray, "A k"]) -> None:
    """Raises `InputError` where π is seen not to be a nearest-point map."""
    for start in starts:
        z = jnp.asarray(start)
        y = project(z)
        if is_traced(y):
            return
        P = np.asarray(jax.jacfwd(project)(y))
        again = np.asarray(project(y))
        if not (np.isfinite(y).all() and np.isfinite(P).all()):
            raise InputError(f"project or its Jacobian is not finite at the start {start.tolist()}")
        if np.abs(again - y).max() > _SAME * max(np.abs(y).max(), 1e-12):
            raise InputError(
                f"project must leave points of the manifold where they are: the start is sent to "
                f"{np.asarray(y).tolist()}, and that on to {again.tolist()}"
            )
        if np.abs(P - P.T).max() > _SAME or np.abs(P @ P - P).max() > _SAME:
            raise InputError(
                "project must send states to the nearest point: its Jacobian at a point of the "
                f"manifold must be an orthogonal projector, and is {P.round(4).tolist()}"
            )

"""`irreversibility`: how far a stationary SDE is from time reversal, by any of four routes."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import as_stationary_sde
from driftmatch.analysis.irreversibility.by_grid import GridRoute
from driftmatch.analysis.irreversibility.by_linear import LinearRoute
from driftmatch.analysis.irreversibility.by_path import PathRoute
from driftmatch.analysis.irreversibility.by_score import ScoreRoute
from driftmatch.analysis.irreversibility.record import AbstractRoute, Irreversibility
from driftmatch.arguments import check_choice, check_key, check_meter, shown
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.sampling.given import check_samples
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.trajectory import Run
from driftmatch.words import spelled

Method = Literal["score", "grid", "path", "linear"]

_GRID_DIM = 2

_ROUTES: dict[str, AbstractRoute] = {
    "score": ScoreRoute(),
    "grid": GridRoute(),
    "path": PathRoute(),
    "linear": LinearRoute(),
}


@spelled
def irreversibility(
    system: AbstractSDE,
    *,
    key: PRNGKeyArray | None = None,
    method: Method | AbstractRoute = "score",
    trajectory: Run | None = None,
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> Irreversibility:
    r"""Split a stationary SDE into its reversible and irreversible parts.

        J = f p − ∇·(D p),    f_rev = D∇ln p + ∇·D,    f_irr = J/p,    σ̇ = ⟨f_irrᵀ D⁻¹ f_irr⟩ ≥ 0

    σ̇ is the entropy production rate in k_B per unit time; it is 0 if and only if the SDE is
    reversible. f_irr is orthogonal to every gradient under p.

    **Arguments**

    - `system`: an SDE, or a network in its latent coordinates, where there is no private
      noise. All coordinates count as even under time reversal: velocities are not turned round.
    - `key`: a random key, ``jax.random.key(seed)``, for the routes that simulate.
    - `method`: "score" (any k, fields), "grid" (k ≤ 3, fields), "path" (any k, the rate alone) or
      "linear" (closed form). The score knows no angles: an SDE that has some goes by the grid up
      to two dimensions, and by the path beyond. The same with other options: `ScoreRoute`,
      `GridRoute`, `PathRoute`, `LinearRoute`, such as ``ScoreRoute(num_features=1000)``.
    - `trajectory`: what `simulate` returned, to be used by the routes "score" and "path" in place
      of a simulation of their own. It must be stationary and evenly sampled.
    - `samples`: what `sample` found of the SDE; made here if needed.
    - `meter`: told of the progress.

    **Returns** an `Irreversibility`; its outcome says if it cannot be trusted, or if a run, whose
    duration was not given, was cut short, lest it take more than about a minute.

    **Raises** `InputError` for a singular D (σ̇ is infinite or undefined along the directions
    without noise), an SDE driven in time, a trajectory that does not fit, or a missing key.

    **Source**: U. Seifert, Rep. Prog. Phys. 75, 126001 (2012); the split, R. Graham, Z. Phys. B 26,
    397 (1977).
    """
    sde = as_stationary_sde(system)
    check_samples(sde, samples)
    meter = check_meter(meter)
    if isinstance(method, str):
        name = check_choice("method", method, _ROUTES)
        if name == "score" and sde.periodic is not None:
            name = "grid" if trajectory is None and sde.dim <= _GRID_DIM else "path"
        method = _ROUTES[name]
    if not isinstance(method, AbstractRoute):
        raise InputError(
            f"method must be one of {', '.join(_ROUTES)} or a route such as ScoreRoute(), got "
            f"{shown(method)}"
        )
    if trajectory is not None and not isinstance(trajectory, Run):
        raise InputError(
            "trajectory must be what simulate or load_trajectory returned, got "
            f"{type(trajectory).__name__}"
        )
    simulates = trajectory is None and isinstance(method, ScoreRoute | PathRoute)
    if simulates and key is None:
        raise InputError("this route simulates: pass key=jax.random.key(0), or a trajectory")
    return method(sde, trajectory, None if key is None else check_key(key), samples, meter)

"""What is known of an SDE's irreversibility, and the interface of the routes to it."""

import abc
from collections.abc import Callable
from dataclasses import field

import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import diffuse, flux_drifts
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity
from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.meters import AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.trajectory import Run

ScoreField = Callable[[Float[np.ndarray, "N k"]], Float[np.ndarray, "N k"]]
_Z = 1.96  # the normal quantile of 95 %


class Irreversibility(Record):
    r"""The time-irreversibility of a stationary SDE.

        f = f_rev + f_irr,    f_rev = D∇ln p + ∇·D,    f_irr = J/p,    σ̇ = ⟨f_irrᵀ D⁻¹ f_irr⟩

    - `entropy_production`: σ̇, in k_B per unit time, with its `standard_error`.
    - `method`: the route by which it was found. - `outcome`: whether it can be trusted.
    - `sde`: whose it is. - `name`: of the SDE.
    - `states`: some states from the stationary density, shape (N, k), or None.
    - `stationary`: the density on a grid, if that was the route, or None.
    - `reversible`, `irreversible`, `score`: f_rev, f_irr and ∇ln p at states of shape (..., k). The
      route along paths gives none of them.
    """

    entropy_production: float
    standard_error: float
    method: str
    outcome: Outcome
    sde: AbstractSDE
    states: Float[np.ndarray, "N k"] | None = None
    stationary: StationaryDensity | None = None
    _score: ScoreField | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.sde.name

    @property
    def interval(self) -> tuple[float, float]:
        """Of the entropy production rate, of 95 %: 1.96 standard errors to either side."""
        reach = _Z * self.standard_error
        return self.entropy_production - reach, self.entropy_production + reach

    @property
    def has_fields(self) -> bool:
        """Whether the route gave the fields and not only the rate."""
        return self._score is not None

    def score(self, z: Float[ArrayLike, "... k"]) -> Float[np.ndarray, "... k"]:
        """∇ln p."""
        states, shape = self._states(z)
        return self._scores(states).reshape(shape)

    def irreversible(self, z: Float[ArrayLike, "... k"]) -> Float[np.ndarray, "... k"]:
        """f_irr = f̃ − D∇ln p, where f̃ = f − ∇·D."""
        states, shape = self._states(z)
        flux_drift, D = flux_drifts(self.sde, states)
        return (flux_drift - diffuse(D, self._scores(states))).reshape(shape)

    def reversible(self, z: Float[ArrayLike, "... k"]) -> Float[np.ndarray, "... k"]:
        """f_rev = f − f_irr. The time-reversed process has the drift f_rev − f_irr."""
        states, shape = self._states(z)
        return drifts(self.sde, states).reshape(shape) - self.irreversible(z)

    def _scores(self, states):
        if self._score is None:
            raise InputError(
                f'the route along paths gives no fields: use method="score" or another for '
                f"{self.name}"
            )
        return self._score(states)

    def _states(self, z):
        k = self.sde.dim
        states = check_array("states", z, (..., k), finite=False)
        return states.reshape(-1, k), states.shape


class AbstractRoute(abc.ABC):
    """A way to the irreversibility of an SDE."""

    @abc.abstractmethod
    def __call__(
        self,
        sde: AbstractSDE,
        trajectory: Run | None,
        key: PRNGKeyArray | None,
        samples: Samples | None,
        meter: AbstractMeter,
    ) -> Irreversibility:
        """The record, found from the SDE alone or from a recording of it; `meter` is told."""

"""A bank of problems with known answers, for every method that applies to them.

The numbers are exact, or from quadrature to all digits shown; `test_problems.py` finds each of them
again by another route.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from driftmatch.sde import SDE
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.oscillators import kubo_oscillator, limit_cycle, van_der_pol
from driftmatch.systems.ring import ring_of_wells
from driftmatch.systems.wells import double_well


@dataclass(frozen=True, eq=False)
class Problem:
    """An SDE and what is known of it; None is what is not known.

    - `log_density`: ln p of the stationary density at a state (k,), up to a constant.
    - `irreversible_drift`: J/p at a state (k,), where J is the stationary probability current.
    - `entropy_production`: its rate, in k_B per unit time.
    - `covariance`: of the stationary density, (k, k).
    - `divergence`: ∇·f, where it is the same in every state: the sum of the Lyapunov exponents.
    - `lyapunov`: the exponents without noise, to the digits shown.
    - `period`: of the limit cycle without noise.
    - `passage_times`: (from, to) → mean first passage time.
    - `exact`: (t, B(t)) → the state at time t on the path of one Brownian motion.
    """

    name: str
    build: Callable[[], SDE]
    log_density: Callable | None = None
    irreversible_drift: Callable | None = None
    entropy_production: float | None = None
    covariance: np.ndarray | None = None
    divergence: float | None = None
    lyapunov: tuple[float, ...] | None = None
    period: float | None = None
    passage_times: dict[tuple[float, float], float] = field(default_factory=dict)
    exact: Callable | None = None

    def __repr__(self) -> str:
        return self.name


def knowing(*quantities: str) -> list[Problem]:
    """The problems of which all these quantities are known."""
    return [p for p in PROBLEMS if all(getattr(p, q) not in (None, {}) for q in quantities)]


def quick(problems: list[Problem]) -> list:
    """These problems for a parametrised test, of which but one of each kind is quick: two
    temperatures, a cycle, noise that depends on the state, and no irreversibility."""
    kinds = "two_beads", "limit_cycle_D=0.1", "kubo_oscillator", "double_well_D=0.1"
    return [p if p.name in kinds else pytest.param(p, marks=pytest.mark.slow) for p in problems]


def linear(name: str, B, D, entropy_production: float) -> Problem:
    """dx = −Bx dt + √(2D) dB: S solves BS + SBᵀ = 2D and Q = BS − D is antisymmetric."""
    B, D = np.array(B, float), np.array(D, float)
    S = scipy.linalg.solve_continuous_lyapunov(B, 2 * D)
    precision, Q = np.linalg.inv(S), B @ S - D
    return Problem(
        name,
        lambda: ornstein_uhlenbeck(B, D),
        log_density=lambda x: -0.5 * x @ jnp.array(precision) @ x,
        irreversible_drift=lambda x: -jnp.array(Q @ precision) @ x,
        entropy_production=entropy_production,
        covariance=S,
        divergence=-np.trace(B),
    )


def cycle(D: float, factor: float, omega: float = 2.0) -> Problem:
    """Limit cycle with additive noise: σ̇ = factor · ω²."""
    return Problem(
        f"limit_cycle_D={D}",
        lambda: limit_cycle(omega, (2 * D) ** 0.5),
        log_density=lambda z: _ring_log_density(z, D),
        irreversible_drift=lambda z: omega * _quarter_turn(z),
        entropy_production=factor * omega**2,
    )


def well(D: float, over: float, to_top: float) -> Problem:
    """Double well: mean first passage times −1 → +1 and −1 → 0."""
    return Problem(
        f"double_well_D={D}",
        lambda: double_well((2 * D) ** 0.5),
        log_density=lambda x: -(x[0] ** 4 / 4 - x[0] ** 2 / 2) / D,
        irreversible_drift=lambda x: 0 * x,
        entropy_production=0.0,
        passage_times={(-1.0, 1.0): over, (-1.0, 0.0): to_top},
    )


def ring(m: int, F: float, D: float) -> Problem:
    """Wells on a ring of radius 1, with h = 0.5 and κ = 4, and a push that keeps the density."""

    def wave(z):
        """g cos mθ, as the real part of uᵐ."""
        x, y = 2 * z / (z @ z + 1)
        return jnp.real(jax.lax.complex(x, y) ** m)

    def push(z):
        r2 = jnp.maximum(z @ z, 1e-12)
        fading = 1 - jnp.exp(-((r2 / 0.4**2) ** 2))
        return F * fading / r2 * jnp.exp(-0.25 * (1 + wave(z)) / D) * _quarter_turn(z)

    return Problem(
        "ring_of_wells",
        lambda: ring_of_wells(m, F, (2 * D) ** 0.5, stiffness=4.0, keep_density=True),
        log_density=lambda z: -(0.5 * (z @ z - 1) ** 2 + 0.25 * (1 - wave(z))) / D,
        irreversible_drift=push,
    )


def geometric_brownian_motion(growth: float = 0.5, volatility: float = 0.8) -> Problem:
    """dx = ax dt + bx dB from x = 1: multiplicative noise with an exact path."""
    return Problem(
        "geometric_brownian_motion",
        lambda: SDE(lambda x: growth * x, lambda x: volatility * x[:, None], 1, start=np.ones(1)),
        divergence=growth,
        exact=lambda t, B: np.exp((growth - volatility**2 / 2) * t + volatility * B),
    )


def _ring_log_density(z, D):
    r2 = z @ z
    return -(r2**2 / 4 - r2 / 2) / D


def _quarter_turn(z):
    return jnp.stack([-z[1], z[0]])


def _chain(n: int) -> np.ndarray:
    return 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)


PROBLEMS = [
    linear("rotation", [[2, -1.5], [1.5, 2]], np.eye(2), 2.25),
    linear("trap_with_curl", [[0.8, -0.6], [0.6, 0.8]], 0.3 * np.eye(2), 0.9),
    linear("two_beads", _chain(2), np.diag([1, 10]), 2.025),
    linear("five_beads", _chain(5), np.diag(np.linspace(1, 10, 5)), 0.629817),
    cycle(0.05, 20.0170),
    cycle(0.1, 10.1483),
    cycle(0.25, 4.45054),
    Problem(
        "kubo_oscillator",
        lambda: kubo_oscillator(omega=1.5, jitter=0.7, noise=0.5),
        log_density=lambda z: _ring_log_density(z, 0.125),
        irreversible_drift=lambda z: 1.5 * _quarter_turn(z),
        entropy_production=5.783828,
    ),
    ring(3, 1.5, 0.25),
    well(0.05, 729.67, 361.904),
    well(0.1, 66.269, 30.821),
    Problem("van_der_pol", lambda: van_der_pol(noise=0.0), period=6.66328686),
    Problem(
        "lorenz",
        lambda: lorenz(noise=0.0),
        divergence=-41 / 3,
        lyapunov=(0.906, 0.0, -14.572),
    ),
    Problem("dadras", lambda: dadras(noise=0.0), divergence=-10.3),
    geometric_brownian_motion(),
]

"""Systems of every kind that questions are put to; `benchmarks.cases` has the answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.answers import (
    by_density,
    by_quadrature,
    covariance,
    on_an_orbit,
    products,
)
from driftmatch.sde import SDE
from driftmatch.systems.linear import ornstein_uhlenbeck

TURN = 2 * np.pi


@dataclass(frozen=True)
class Refused:
    """What must be said in place of an answer: one of these words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A system, a question, and the answer.

    - `ask`: one of the questions in `benchmarks.breadth`, with its `options`.
    - `right`: the right value, or what computes it, or `Refused`.
    - `tolerance`: how far off an answer may be beside its statistical error, `why`: and for what
      reason; 5 standard errors come on top where the answer has some.
    """

    name: str
    build: Callable[[], SDE]
    ask: str
    right: object
    tolerance: float = 0.0
    why: str = ""
    options: dict = field(default_factory=dict)


GRID = "1e-3 of the range: cells of a thousandth of the box"
PLANE = "1e-2: cells of 1/256 of the box, second order"
STEP = "5 standard errors from 64 paths, and 1 % for the step"
ORBIT = "2 %: 3456 saves a path, random phases"
ZEROS = "1e-9 of the points' scale: rounding"
FITTED = "held-out error of the drift"


def line(f, sigma, **more):
    """An SDE of one dimension from functions of a number; jnp or np alike."""
    noise = (lambda x: sigma(x)[:, None]) if callable(sigma) else sigma
    return SDE(f, noise, 1, **more)


def flat(name, f, sigma, box, tolerance=1e-3, start=None):
    """Stationary moments of x by quadrature, from the grid and from samples."""
    variance = (lambda x: sigma(x) ** 2) if callable(sigma) else (lambda x: sigma**2 + 0 * x)

    with jax.enable_x64(True):
        right = by_quadrature(lambda x: np.asarray(f(x)), variance, *box)

    def build():
        return line(f, sigma, start=start, name=name)

    return [
        Case(name, build, "stationary", right, tolerance, GRID),
        Case(name, build, "sample", right, 0.01 * right[1], STEP),
    ]


def van_der_pol(mu: float, sigma: float = 0.0):
    def f(u):
        return jnp.stack([u[1], mu * (1 - u[0] ** 2) * u[1] - u[0]])

    return SDE(f, sigma, 2, start=(2.0, 0.0), name=f"van der Pol {mu:g}")


def relaxation(mu: float, tolerance: float = 0.08):
    """⟨x²⟩ and ⟨|x|⟩ on the cycle of van der Pol's oscillator."""

    def of(z):
        return np.stack([z[..., 0] ** 2, np.abs(z[..., 0])], axis=-1)

    def right():
        f = lambda t, u: [u[1], mu * (1 - u[0] ** 2) * u[1] - u[0]]  # noqa: E731
        return on_an_orbit(f, (2.0, 0.0), settle=20 * mu, duration=60 * mu + 100, of=of)

    return Case(f"van der Pol {mu:g}", lambda: van_der_pol(mu), "sample", right, tolerance, ORBIT,
                dict(of=of))  # fmt: skip


def cycle(name, f, start, settle, duration, tolerance, lower=None):
    """Moments of all coordinates on a limit cycle; f takes jnp or np numbers."""

    def right():
        return on_an_orbit(lambda t, u: np.array(f(u, np)), start, settle=settle, duration=duration)

    def build():
        return SDE(lambda u: jnp.stack(f(u, jnp)), 0.0, len(start), start=start, name=name,
                   lower=lower)  # fmt: skip

    return Case(name, build, "sample", right, tolerance, ORBIT)


def linear(k: int):
    """A non-normal Ornstein–Uhlenbeck process of k dimensions: all covariances."""
    rng = np.random.default_rng(k)
    A = np.eye(k) * (1 + np.arange(k) / 2) + 0.4 * np.tril(rng.standard_normal((k, k)), -1)
    noise = np.diag(0.5 + rng.random(k))
    upper = np.triu_indices(k)
    C = covariance(A, noise)
    build = lambda: ornstein_uhlenbeck(A, noise @ noise.T / 2)  # noqa: E731
    return Case(f"Ornstein–Uhlenbeck {k}-D", build, "sample", C[upper], 0.01 * float(C.max()), STEP,
                dict(of=products))  # fmt: skip


def hodgkin_huxley():
    def f(u):
        V, m, h, n = u
        am = 0.1 * (V + 40) / (1 - jnp.exp(-(V + 40) / 10))
        ah, bh = 0.07 * jnp.exp(-(V + 65) / 20), 1 / (1 + jnp.exp(-(V + 35) / 10))
        an = 0.01 * (V + 55) / (1 - jnp.exp(-(V + 55) / 10))
        current = 120 * m**3 * h * (V - 50) + 36 * n**4 * (V + 77) + 0.3 * (V + 54.4)
        return jnp.stack([
            10 - current,
            am * (1 - m) - 4 * jnp.exp(-(V + 65) / 18) * m,
            ah * (1 - h) - bh * h,
            an * (1 - n) - 0.125 * jnp.exp(-(V + 65) / 80) * n,
        ])  # fmt: skip

    return SDE(f, 0.0, 4, start=(-65.0, 0.05, 0.6, 0.32), name="Hodgkin–Huxley")


def hindmarsh_rose():
    def f(u):
        x, y, z = u
        return jnp.stack([y - x**3 + 3 * x**2 - z + 3.25, 1 - 5 * x**2 - y,
                          0.006 * (4 * (x + 1.6) - z)])  # fmt: skip

    return SDE(f, 0.01, 3, start=(-1.0, 0.0, 3.0), name="Hindmarsh–Rose")


def rosenzweig(sigma: float = 0.1):
    def f(u):
        eaten = u[0] * u[1] / (1 + u[0])
        return jnp.stack([u[0] * (1 - u[0] / 3) - eaten, eaten - 0.4 * u[1]])

    return SDE(f, lambda u: sigma * jnp.diag(u), 2, start=(1.0, 1.0), name="Rosenzweig–MacArthur")


def balances(z):
    """⟨d ln prey/dt⟩ − σ²/2 and the same of the predators but for −0.4: 0.005 and 0.405 exactly."""
    x, y = z[..., 0], z[..., 1]
    return np.stack([1 - x / 3 - y / (1 + x), x / (1 + x)], axis=-1)


def kuramoto():
    def f(t):
        return jnp.array([0.8, 1.0, 1.3]) + jnp.sin(t[None, :] - t[:, None]).sum(1) / 3

    return SDE(f, 0.1, 3, periodic=[TURN] * 3, name="Kuramoto")


def rotator(slope=0.0, sigma=0.5, periodic=None):
    def build():
        return SDE(lambda z: 1 - slope * jnp.sin(z), sigma, 1, periodic=periodic, name="rotator")

    return build


def langevin():
    def f(u):
        return jnp.stack([u[1], u[0] - u[0] ** 3 - u[1]])

    return SDE(f, jnp.array([[0.0], [0.7]]), 2, start=(1.0, 0.0), name="Langevin")


def pendulum(sigma=0.8, periodic=(TURN, None)):
    def f(u):
        return jnp.stack([u[1], -jnp.sin(u[0]) - u[1]])

    noise = jnp.array([[0.0], [sigma]]) if sigma else 0.0
    return SDE(f, noise, 2, periodic=periodic, start=(1.0, 0.0), name="pendulum")


def swing(z):
    """cos φ, sin φ and v² of a pendulum."""
    return np.stack([np.cos(z[..., 0]), np.sin(z[..., 0]), z[..., 1] ** 2], axis=-1)


def driven():
    """A damped oscillator with its clock as a third coordinate."""

    def f(u):
        return jnp.stack([u[1], -u[0] - 0.2 * u[1] + jnp.cos(u[2]), jnp.ones(())])

    return SDE(f, 0.0, 3, name="oscillator with clock")


def duffing():
    def f(u):
        push = 0.5 * jnp.cos(u[2])
        return jnp.stack([u[1], u[0] - u[0] ** 3 - 0.3 * u[1] + push, 1.2 * jnp.ones(())])

    return SDE(f, 0.0, 3, periodic=[None, None, TURN], start=(1.0, 0.0, 0.0), name="Duffing")


def stuart_landau():
    def f(u):
        return (1 - u @ u) * u + 2.0 * jnp.stack([-u[1], u[0]])

    return SDE(f, 0.4, 2, name="Stuart–Landau")


def rossler():
    def f(u):
        return jnp.stack([-u[1] - u[2], u[0] + 0.2 * u[1], 0.2 + u[2] * (u[0] - 5.7)])

    return SDE(f, 0.0, 3, start=(1.0, 1.0, 1.0), name="Rössler")


def chua():
    def f(u):
        x, y, z = u
        h = -0.714 * x - 0.2145 * (jnp.abs(x + 1) - jnp.abs(x - 1))
        return jnp.stack([15.6 * (y - x - h), x - y + z, -28 * y])

    return SDE(f, 0.0, 3, start=(0.7, 0.0, 0.0), name="Chua")


def two_scales():
    def f(u):
        return jnp.stack([-u[0] + 1e-15 * u[1], -u[1]])

    return SDE(f, jnp.array([1e-9, 1e6]), 2, name="scales 1e-9 and 1e6")


def genes():
    """Transcripts and proteins in the chemical Langevin equation: linear drift, exact moments."""

    def noise(u):
        m, p = jnp.maximum(u, 0.0)
        return jnp.diag(jnp.sqrt(jnp.stack([20 + m, m + 0.2 * p])))

    return SDE(lambda u: jnp.stack([20 - u[0], u[0] - 0.2 * u[1]]), noise, 2, start=(20.0, 100.0),
               name="gene expression")  # fmt: skip


def gene_moments():
    C = covariance(np.array([[1.0, 0.0], [-1.0, 0.2]]), np.diag(np.sqrt([40.0, 40.0])))
    return np.array([20.0, 100.0, 400 + C[0, 0], 1e4 + C[1, 1]])


def epidemic():
    def f(u):
        return jnp.stack([0.1 * (1 - u[0]) - 2 * u[0] * u[1], 2 * u[0] * u[1] - 0.6 * u[1]])

    return SDE(f, 0.0, 2, start=(0.9, 0.05), lower=0.0, name="SIR with births")


def maier_stein():
    def f(u):
        return jnp.stack([u[0] - u[0] ** 3 - u[0] * u[1] ** 2, -(1 + u[0] ** 2) * u[1]])

    return SDE(f, 0.5, 2, name="Maier–Stein")


def plane_wells(sigma=0.0):
    return SDE(lambda u: jnp.stack([u[0] - u[0] ** 3, -u[1]]), sigma, 2, start=(0.5, 0.5),
               name="two wells in the plane")  # fmt: skip


def four_wells():
    return SDE(lambda u: u - u**3, 0.4, 2, name="four wells")


def hopfield():
    pattern = jnp.array([1.0, -1.0, 1.0, 1.0])

    def f(u):
        return -u + 2 * pattern * (pattern @ jnp.tanh(u)) / 4

    return SDE(f, 0.3, 4, name="Hopfield")


def wilson_cowan(u, np_):
    def s(x, a, theta):
        return 1 / (1 + np_.exp(-a * (x - theta))) - 1 / (1 + np_.exp(a * theta))

    e, i = u
    return [-e + (1 - e) * s(16 * e - 12 * i + 1.25, 1.3, 4.0),
            -i + (1 - i) * s(15 * e - 3 * i, 2.0, 3.7)]  # fmt: skip


def repressilator(u, np_):
    return [10 / (1 + u[(i - 1) % 3] ** 4) - u[i] for i in range(3)]


def brusselator(u, np_):
    return [1 - 4 * u[0] + u[0] ** 2 * u[1], 3 * u[0] - u[0] ** 2 * u[1]]


def oregonator(u, np_):
    x, z = u
    return [(x * (1 - x) - z * (x - 2e-3) / (x + 2e-3)) / 0.04, x - z]


def fitzhugh(u, np_):
    return [u[0] - u[0] ** 3 / 3 - u[1] + 0.5, 0.08 * (u[0] + 0.7 - 0.8 * u[1])]


def volterra():
    return SDE(lambda u: jnp.stack([u[0] * (1 - u[1]), u[1] * (u[0] - 1)]), 0.0, 2,
               start=(1.5, 1.0), lower=0.0, name="Lotka–Volterra")  # fmt: skip


def maier_stein_moments():
    def logs(z):
        x, y = z
        return -8 * (x**4 / 4 - x**2 / 2 + y**2 / 2 + x**2 * y**2 / 2)

    return by_density(logs, (-2.5, -2.5), (2.5, 2.5))


def langevin_moments():
    def logs(z):
        return -(z[1] ** 2 / 2 + z[0] ** 4 / 4 - z[0] ** 2 / 2) / 0.245

    return by_density(logs, (-2.6, -4.0), (2.6, 4.0))


def pendulum_moments():
    def logs(z):
        return -(z[1] ** 2 / 2 - np.cos(z[0])) / 0.32

    return by_density(logs, (0.0, -5.0), (TURN, 5.0), swing)


def powers(z):
    """⟨xy⟩ = −σ²/2 and ⟨(x² − 1)y²⟩ = σ² of van der Pol's oscillator, μ = 1, by Itô's formula."""
    x, y = z[..., 0], z[..., 1]
    return np.stack([x * y, (x**2 - 1) * y**2], axis=-1)


def around_the_ring(z):
    """cos φ and sin φ."""
    return np.concatenate([np.cos(z), np.sin(z)], axis=-1)


def square_about(centre):
    return lambda z: (z - centre) ** 2


# Of Stuart–Landau with ω = 2: ω²⟨r²⟩/D, p(r) ∝ r exp(−(r⁴/4 − r²/2)/D), D = 0.08.
def stuart_landau_production():
    r = np.linspace(1e-6, 3, 400_001)
    p = r * np.exp(-(r**4 / 4 - r**2 / 2 + 0.25) / 0.08)
    return 4 * (r**2 @ p / p.sum()) / 0.08

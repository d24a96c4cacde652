"""The right answer, or the true reason to refuse, of every system in the bank."""

import jax.numpy as jnp
import numpy as np
import scipy.optimize

from benchmarks import bank as b
from benchmarks.answers import by_quadrature, moments, on_the_circle
from benchmarks.bank import FITTED, GRID, ORBIT, PLANE, STEP, TURN, ZEROS, Case, Refused
from driftmatch.sde import SDE
from driftmatch.systems.chaos import lorenz


def deadly(x):
    return -jnp.where(jnp.abs(x) > 1, x - jnp.sign(x), 0.0)


def proportional(by):
    return lambda x: by * x


def positive(name, f, sigma, shape, scale):
    """A gamma law, from the grid and from samples."""
    right = np.array([shape * scale, shape * scale**2 * (1 + shape)])

    def build():
        return b.line(f, sigma, start=(1.0,), name=name)

    return [Case(name, build, "stationary", right, 3e-3 * right[1], GRID),
            Case(name, build, "sample", right, 0.01 * right[1], STEP)]  # fmt: skip


def well(scale=1.0, sigma=0.25, start=(-1.0,)):
    def build():
        return SDE(lambda x: x - x**3 / scale**2, sigma * scale, 1,
                   start=None if start is None else np.multiply(start, scale),
                   name=f"wells at ±{scale:g}")  # fmt: skip

    return build


def well_moments(sigma=0.25, scale=1.0):
    x = by_quadrature(lambda x: x - x**3, lambda x: sigma**2 + 0 * x, -2.5, 2.5)
    return x * np.array([scale, scale**2])


def of_scales(z):
    return np.stack([z[..., 0] ** 2 / 1e-18, z[..., 1] ** 2 / 1e12], axis=-1)


def repressed():
    x = scipy.optimize.brentq(lambda x: 10 / (1 + x**4) - x, 0, 10)
    return np.full((1, 3), x)


def washing(part):
    return lambda: on_the_circle(lambda p: 1 - 0.5 * np.sin(p), 0.5)[part]


def patterns():
    a = scipy.optimize.brentq(lambda a: 2 * np.tanh(a) - a, 0.5, 3)
    pattern = np.array([1.0, -1.0, 1.0, 1.0])
    return np.stack([-a * pattern, 0 * pattern, a * pattern])


def growing(a, s, start):
    return lambda: b.line(proportional(a), proportional(s), start=(start,), name="geometric")


def drifting(f, sigma, dim=1, **more):
    return lambda: SDE(f, sigma, dim, **more)


WINDING = np.full(3, 3.1 / 3)
FLAT = [
    *b.flat("−x³", lambda x: -(x**3), 0.5, (-4, 4)),
    *b.flat("−x|x|", lambda x: -x * abs(x), 0.5, (-4, 4)),
    *b.flat("2000(x − .5)⁶", lambda x: -12000 * (x - 0.5) ** 5, 0.05**0.5, (-0.3, 1.3)),
    *b.flat("dead zone", deadly, 0.3, (-4, 4)),
    *b.flat("ln cosh 20x", lambda x: -(jnp.tanh(20 * x)), 0.5, (-4, 4)),
    *b.flat("Schlögl", lambda x: -(x - 1) * (x - 2) * (x - 3), 0.6, (-2, 6), 5e-3),
    *b.flat("Student's t, ν = 5", lambda x: -x, lambda x: (0.5 * (1 + x**2)) ** 0.5, (-300, 300)),
    *b.flat("births and deaths", lambda x: 1 - x, lambda x: (1 + abs(x + abs(x)) / 2) ** 0.5,
            (-6, 40), 5e-3, (1.0,)),
]  # fmt: skip
QUIET = [
    Case("x − x³, no noise", well(1.0, 0.0, (0.5,)), "fixed_points",
         np.array([[-1.0], [0.0], [1.0]]), 1e-9, ZEROS),
    Case("x − x³, no noise", well(1.0, 0.0, (0.5,)), "embed", 0.0, 1e-2, FITTED),
    Case("wells at ±1e-10, no noise", well(1e-10, 0.0, (0.5,)), "fixed_points",
         np.array([[-1.0], [0.0], [1.0]]), 1e-9, ZEROS, dict(scale=1e-10)),
    Case("two wells in the plane", b.plane_wells, "fixed_points",
         np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]), 1e-9, ZEROS),
    Case("two wells in the plane", b.plane_wells, "embed", 0.0, 1e-2, FITTED),
    Case("four wells", b.four_wells, "fixed_points",
         np.array([[x, y] for x in (-1.0, 0, 1) for y in (-1.0, 0, 1)]), 1e-9, ZEROS),
    Case("van der Pol 5", lambda: b.van_der_pol(5.0), "fixed_points", np.zeros((1, 2)), 1e-9,
         ZEROS),
    Case("pendulum on the circle", lambda: b.pendulum(0.0), "fixed_points",
         np.array([[0.0, 0.0], [np.pi, 0.0]]), 1e-9, ZEROS),
    Case("pendulum on the line", lambda: b.pendulum(0.0, None), "first_point", np.zeros(2), 1e-9,
         ZEROS),
    Case("Chua", b.chua, "fixed_points",
         np.array([[-1.5, 0, 1.5], [0, 0, 0], [1.5, 0, -1.5]]), 1e-8, ZEROS),
    Case("Hopfield", b.hopfield, "fixed_points", patterns, 1e-8, ZEROS),
    Case("SIR with births", b.epidemic, "fixed_points",
         np.array([[0.3, 0.7 / 6], [1.0, 0.0]]), 1e-9, ZEROS),
    Case("scales 1e-9 and 1e6", b.two_scales, "fixed_points", np.zeros((1, 2)), 1e-3, ZEROS),
    Case("repressilator", lambda: b.cycle("r", b.repressilator, (1.0, 2.0, 3.0), 0, 0, 0).build(),
         "fixed_points", repressed, 1e-8, ZEROS),
    Case("Brusselator", lambda: b.cycle("b", b.brusselator, (1.0, 1.0), 0, 0, 0).build(),
         "fixed_points", np.array([[1.0, 3.0]]), 1e-8, ZEROS),
]  # fmt: skip
FREELY = [
    Case("Wiener process 2-D", drifting(lambda z: 0 * z, 1.0, 2), "sample",
         Refused(("nothing depends",))),
    Case("Wiener process 2-D", drifting(lambda z: 0 * z, 1.0, 2), "stationary",
         Refused(("nothing depends",))),
    Case("Wiener process 2-D", drifting(lambda z: 0 * z, 1.0, 2), "embed",
         Refused(("nothing depends",))),
    Case("Wiener process, drift 1e4", drifting(lambda z: 1e4 + 0 * z, 0.1), "simulate",
         np.array([0.1 * 1000**0.5]), 1e-3, "5 standard errors of 4000 paths",
         dict(duration=1000.0, dt=0.1, paths=4000, deviation=True)),
    Case("clock", drifting(lambda z: 1 + 0 * z, 0.0), "simulate", np.array([1e4]), 1e-6,
         "rounding of a million sums", dict(duration=1e4, dt=0.01)),
    Case("clock", drifting(lambda z: 1 + 0 * z, 0.0), "sample", Refused(("nothing depends",))),
    Case("rotator on the line", b.rotator(), "sample", Refused(("periodic=",))),
    Case("rotator on the line", b.rotator(), "embed", Refused(("periodic=",))),
    Case("washboard on the line", b.rotator(0.5), "stationary", Refused(("periodic=",))),
    Case("rotator on the circle", b.rotator(periodic=TURN), "irreversibility", 8.0, 0.08,
         "1 %: second order in the cell"),
    Case("rotator on the line", b.rotator(), "irreversibility", Refused(("periodic=",)),
         options=dict(method="path")),
    Case("rotator on the circle", b.rotator(periodic=TURN), "irreversibility", 8.0, 0.08,
         "5 standard errors", dict(method="path")),
    Case("rotator on the circle", b.rotator(periodic=TURN), "stationary", np.zeros(2), 1e-6,
         "rounding", dict(of=b.around_the_ring)),
    Case("rotator on the circle", b.rotator(periodic=TURN), "embed", 0.0, 1e-2, FITTED),
    Case("washboard on the circle", b.rotator(0.5, 0.5, TURN), "stationary", washing(0), 1e-3,
         GRID, dict(of=b.around_the_ring)),
    Case("washboard on the circle", b.rotator(0.5, 0.5, TURN), "turning",
         lambda: np.array([washing(1)()]), 5e-3, STEP),
    Case("Kuramoto", b.kuramoto, "turning", WINDING, 2e-3, STEP),
    Case("Kuramoto", b.kuramoto, "lyapunov", np.array([0.0, -0.900, -0.966]), 3e-3,
         "known to three digits", dict(duration=300.0, dt=0.02, noise=False)),
    Case("Kuramoto", b.kuramoto, "embed", 0.0, 5e-2, FITTED),
    Case("oscillator with clock", b.driven, "sample", Refused(("coordinate 2",))),
    Case("oscillator with clock", b.driven, "lyapunov", np.array([0.0, -0.1, -0.1]), 2e-3,
         "one nat in the run of a trajectory", dict(duration=500.0, dt=0.02)),
    Case("line attractor", drifting(lambda u: jnp.stack([0 * u[0], -u[1]]), 0.1, 2), "sample",
         Refused(("coordinate 0",))),
    Case("line attractor, no noise",
         drifting(lambda u: jnp.stack([0 * u[0], -u[1]]), 0.0, 2, start=(1.0, 1.0)),
         "fixed_points", Refused(("continuum",))),
]  # fmt: skip
NOWHERE = [
    Case("growing geometric Brownian motion", growing(0.03, 0.2, 1.0), "stationary",
         Refused(("grows without bound", "without bound"))),
    Case("decaying geometric Brownian motion", growing(-0.5, 0.2, 100.0), "embed",
         Refused(("absorbed",))),
    Case("dying branching process",
         lambda: b.line(lambda x: -0.5 * x, lambda x: jnp.sqrt(jnp.maximum(x, 0.0)),
                        start=(1.0,), lower=0.0), "sample", Refused(("absorbed",))),
    Case("drift that never ends", drifting(lambda x: 1 + jnp.exp(-(x**2)), 0.3), "sample",
         Refused(("without bound",))),
    Case("Bessel process", drifting(lambda x: 2 * x / (1 + x**2), 1.0), "sample",
         Refused(("without bound", "infinity"))),
    Case("x′ = x²", drifting(lambda x: x**2, 0.1, start=(1.0,)), "sample",
         Refused(("infinity",))),
    Case("x′ = x", drifting(lambda x: x, 0.1), "sample", Refused(("without bound", "infinity"))),
    Case("two deep wells", lambda: SDE(lambda x: x - x**3, 0.1, 1, start=[[-1.0], [1.0]]),
         "sample", Refused(("NOT_MIXING",))),
    Case("two deep wells", lambda: SDE(lambda x: x - x**3, 0.1, 1, start=[[-1.0], [1.0]]),
         "stationary", Refused(("so rare", "NOT_MIXING"))),
]  # fmt: skip
CYCLES = [
    b.relaxation(5.0), b.relaxation(10.0), b.relaxation(20.0), b.relaxation(100.0),
    Case("van der Pol 10, σ = .02", lambda: b.van_der_pol(10.0, 0.02), "embed", 0.0, 2e-2, FITTED),
    b.cycle("FitzHugh–Nagumo", b.fitzhugh, (0.0, 0.0), 500, 4000, 0.06),
    b.cycle("repressilator", b.repressilator, (1.0, 2.0, 3.0), 200, 2000, 0.2),
    b.cycle("Brusselator", b.brusselator, (1.0, 1.0), 200, 2000, 0.25),
    b.cycle("Oregonator", b.oregonator, (0.1, 0.1), 200, 2000, 0.01, lower=0.0),
    b.cycle("Wilson–Cowan", b.wilson_cowan, (0.2, 0.1), 200, 2000, 0.01),
    Case("Hodgkin–Huxley", b.hodgkin_huxley, "staying", np.zeros(4), 1e-9, "gates end at 0 and 1",
         dict(low=(-np.inf, 0, 0, 0), high=(np.inf, 1, 1, 1))),
    Case("Hindmarsh–Rose", b.hindmarsh_rose, "sample", np.array([0.155**2]), 2e-3,
         "known to three digits", dict(of=lambda z: (z[..., 2:] - z[..., 2:].mean()) ** 2)),
    Case("Lotka–Volterra", b.volterra, "sample", np.ones(2), 0.02, ORBIT, dict(of=lambda z: z)),
    Case("Duffing, sum of exponents", b.duffing, "lyapunov", -0.3, 1e-3, "exact: −δ",
         dict(duration=300.0, dt=0.02, sum_only=True)),
    Case("Lorenz", lambda: lorenz(noise=0.0), "lyapunov", np.array([0.9056, 0.0, -14.5723]), 5e-3,
         "known to four digits", dict(duration=100.0, dt=0.01)),
    Case("Rössler", b.rossler, "lyapunov", np.array([0.0714]), 1e-3, "known to three digits",
         dict(duration=500.0, dt=0.01, num=1)),
]  # fmt: skip
POSITIVE = [
    *positive("logistic, σ = x", lambda x: x * (1 - x), proportional(1.0), 1.0, 0.5),
    *positive("logistic, σ = x/2", lambda x: x * (1 - x), proportional(0.5), 7.0, 0.125),
    *positive("square-root process", lambda x: 1 - x,
              lambda x: jnp.sqrt(2 * jnp.maximum(x, 0.0)), 1.0, 1.0),
    Case("logistic, σ = x", lambda: b.line(lambda x: x * (1 - x), proportional(1.0), start=(1.0,)),
         "embed", 0.0, 5e-2, FITTED),
    Case("Rosenzweig–MacArthur", b.rosenzweig, "staying", np.zeros(2), 0.0, "never below 0",
         dict(low=(0, 0), high=(np.inf, np.inf))),
    Case("Rosenzweig–MacArthur", b.rosenzweig, "sample", np.array([0.005, 0.405]), 5e-3, STEP,
         dict(of=b.balances)),
    Case("Rosenzweig–MacArthur", b.rosenzweig, "embed", 0.0, 5e-2, FITTED),
    Case("gene expression", b.genes, "sample", lambda: b.gene_moments() / [1, 1, 20, 100], 1.0,
         STEP, dict(of=lambda z: moments(z) / [1, 1, 20, 100])),
]  # fmt: skip
STATIONARY = [
    Case("two wells from one start", well(), "stationary", well_moments, 1e-3, GRID),
    Case("two wells from one start", well(), "sample", Refused(("NOT_MIXING",))),
    Case("two wells from one start, σ = .35", well(sigma=0.35), "sample",
         lambda: well_moments(0.35), 0.02, STEP),
    Case("wells at ±1e-10", well(1e-10, 0.4, None), "stationary",
         lambda: well_moments(0.4) , 1e-3, GRID,
         dict(of=lambda z: moments(z / 1e-10))),
    Case("Ornstein–Uhlenbeck about 1e6", drifting(lambda z: -(z - 1e6), 0.1), "sample",
         np.array([0.005]), 5e-5, STEP, dict(of=b.square_about(1e6))),
    Case("Ornstein–Uhlenbeck about 1e6", drifting(lambda z: -(z - 1e6), 0.1), "stationary",
         np.array([0.005]), 5e-5, GRID, dict(of=b.square_about(1e6))),
    Case("Ornstein–Uhlenbeck about 1e6", drifting(lambda z: -(z - 1e6), 0.1), "embed", 0.0, 5e-2,
         FITTED),
    Case("scales 1e-9 and 1e6", b.two_scales, "sample", np.array([0.75, 0.5]), 0.01, STEP,
         dict(of=of_scales)),
    Case("slow and fast", drifting(lambda z: -jnp.array([1.0, 1e-3]) * z,
                                   jnp.array([1.0, 1e-3**0.5]), 2), "sample",
         np.array([0.5, 0.5]), 0.01, STEP, dict(of=lambda z: z**2)),
    *(b.linear(k) for k in range(1, 7)),
    Case("Ornstein–Uhlenbeck exponents", drifting(lambda z: -jnp.array([1.0, 2.0]) * z, 1.0, 2),
         "lyapunov", np.array([-1.0, -2.0]), 1e-3, "step of 0.01", dict(duration=20.0, dt=0.01)),
    Case("Langevin in two wells", b.langevin, "stationary", b.langevin_moments, 1e-2, PLANE),
    Case("Langevin in two wells", b.langevin, "sample", b.langevin_moments, 0.02, STEP),
    Case("pendulum with noise", b.pendulum, "stationary", b.pendulum_moments, 1e-2, PLANE,
         dict(of=b.swing)),
    Case("pendulum with noise", b.pendulum, "sample", b.pendulum_moments, 0.01, STEP,
         dict(of=b.swing)),
    *(Case("van der Pol with noise", lambda: b.van_der_pol(1.0, 0.3), ask, np.array([-0.045, 0.09]),
           0.03, "1 % of ⟨x²y²⟩: 1/256 of the box, or the step", dict(of=b.powers))
      for ask in ("stationary", "sample")),
    Case("Maier–Stein", b.maier_stein, "stationary", b.maier_stein_moments, 5e-3, PLANE),
    Case("Stuart–Landau", b.stuart_landau, "irreversibility", b.stuart_landau_production, 0.5,
         "1 %: second order in the cell", dict(method="grid")),
    Case("Stuart–Landau", b.stuart_landau, "irreversibility", b.stuart_landau_production, 0.5,
         "5 standard errors and 1 %"),
]  # fmt: skip
CASES = [*FLAT, *QUIET, *FREELY, *NOWHERE, *CYCLES, *POSITIVE, *STATIONARY]

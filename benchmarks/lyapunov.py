"""Are Lyapunov exponents right, and what does a unit of averaged time cost, beside two peers?

Lorenz's flow and a network of 512 neurons that embeds it, both without noise, with steps of 0.01
and a QR factorisation every 0.05. The peers are what a script does, one trajectory in NumPy by the
Runge–Kutta scheme and `numpy.linalg.qr`, and the tangent flow in Diffrax's `diffeqsolve` (Tsit5,
the same constant step), one trajectory or 64 under `vmap`. Compiled and warmed up; cost is wall
time over the time averaged, all trajectories together.

Then all n exponents of a network in its neurons under private noise: `neural_lyapunov` beside n
tangents in n neurons.
"""

import functools
import time

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import driftmatch as dm
from benchmarks.simulation import best_seconds, random_network
from benchmarks.tables import Result

DT, EVERY = 0.01, 5
EXACT = np.array([0.9056, 0.0, -14.5723])
TRAJECTORIES = 64


def numpy_loop(f, jacobian, z, steps: int) -> np.ndarray:
    """One trajectory, as in a script; a fifth is for settling."""
    k, grown = len(z), np.zeros(len(z))
    V = np.eye(k)

    def moved(z, V):
        return f(z), jacobian(z) @ V

    for i in range(-(steps // (5 * EVERY)), steps // EVERY):
        for _ in range(EVERY):
            a, A = moved(z, V)
            b, B = moved(z + DT / 2 * a, V + DT / 2 * A)
            c, C = moved(z + DT / 2 * b, V + DT / 2 * B)
            d, D = moved(z + DT * c, V + DT * C)
            z = z + DT / 6 * (a + 2 * b + 2 * c + d)
            V = V + DT / 6 * (A + 2 * B + 2 * C + D)
        V, R = np.linalg.qr(V)
        if i >= 0:
            grown += np.log(np.abs(np.diag(R)))
    return grown / (steps // EVERY * EVERY * DT)


@eqx.filter_jit
def diffrax_loop(sde, starts, steps: int):
    """Diffrax on the state and its tangents between factorisations; a fifth is for settling."""

    def flow(t, pair, args):
        z, V = pair
        f, push = jax.linearize(sde.drift, z)
        return f, jax.vmap(push, in_axes=1, out_axes=1)(V)

    def interval(pair, _):
        z, V = diffrax.diffeqsolve(
            diffrax.ODETerm(flow), diffrax.Tsit5(), 0.0, EVERY * DT, DT, pair, max_steps=2 * EVERY,
            saveat=diffrax.SaveAt(t1=True), adjoint=diffrax.DirectAdjoint(),
        ).ys  # fmt: skip
        V, R = jnp.linalg.qr(V[0])
        return (z[0], V), jnp.log(jnp.abs(jnp.diagonal(R)))

    def one(z):
        settled, _ = jax.lax.scan(interval, (z, jnp.eye(len(z))), length=steps // (5 * EVERY))
        _, grown = jax.lax.scan(interval, settled, length=steps // EVERY)
        return grown.mean(axis=0) / (EVERY * DT)

    return jax.vmap(one)(starts)


def lorenz_in_numpy():
    """f and Df, by hand."""

    def f(z):
        x, y, w = z
        return np.array([10 * (y - x), x * (28 - w) - y, x * y - 8 / 3 * w])

    def jacobian(z):
        x, y, w = z
        return np.array([[-10, 10, 0], [28 - w, -1, -x], [y, x, -8 / 3]])

    return f, jacobian


def network_in_numpy(network: dm.Network):
    """f and Df, of low rank."""
    gamma, readout, bias, tau = network.gamma, network.readout, network.bias, network.tau

    def f(z):
        return (readout @ np.tanh(gamma @ z + bias) - z) / tau

    def jacobian(z):
        slopes = 1 - np.tanh(gamma @ z + bias) ** 2
        return ((readout * slopes) @ gamma - np.eye(len(z))) / tau

    return f, jacobian


def judge(result: Result, name: str, sde, in_numpy, hurry: float, quick: bool) -> None:
    """Time every method on one system and note how far its exponents are off."""
    rows = []

    def row(what, trajectories, averaged, seconds, found, error=None):
        cost = 1e6 * seconds / averaged
        rows.append({
            "system": name, "what": what, "trajectories": trajectories, "time": averaged,
            "µs a unit of time": cost, "λ": list(found), "± s.e.": [] if error is None else
            list(error), "off": list(np.abs(found - EXACT)), "sum": float(np.sum(found)),
            "over driftmatch": cost / rows[0]["µs a unit of time"] if rows else 1.0,
        })  # fmt: skip

    duration = 100.0 if quick else 600.0

    def ours(many=TRAJECTORIES):
        return dm.lyapunov(
            sde, duration=duration, dt=DT, noise=False, num_trajectories=many, qr_every=EVERY,
            burn_in=duration / 5, key=jax.random.key(1),
        )  # fmt: skip

    for many in (TRAJECTORIES, 1):
        found = ours(many)
        seconds = best_seconds(functools.partial(ours, many), 2)
        row("driftmatch", many, found.duration, seconds, found.exponents, found.standard_error)
    found = ours()

    steps = 2000 if quick else 10_000
    start = np.array([-7.0, -7.0, 25.0])
    began = time.perf_counter()
    plain = numpy_loop(*in_numpy, start, steps)
    row("NumPy loop", 1, steps * DT, time.perf_counter() - began, plain)
    for many in (1, TRAJECTORIES):
        rng = np.random.default_rng(0)
        starts = jnp.asarray(start + 0.3 * rng.standard_normal((many, 3)), dtype=float)
        general = np.asarray(diffrax_loop(sde, starts, steps), np.float64).mean(axis=0)
        seconds = best_seconds(functools.partial(diffrax_loop, sde, starts, steps), 1)
        row("Diffrax Tsit5", many, many * steps * DT, seconds, general)
    result.rows.extend(rows)

    tolerance = 0.01 * np.array([0.906, 0.906, 14.572])  # of zero: as of the first
    result.require(f"{name}: largest |λ − exact| over 1 %",
                   np.max(np.abs(found.exponents - EXACT) / tolerance),
                   3.0 if quick else 1.0)  # fmt: skip
    result.require(f"{name}: |Σλ + 13.667| / 13.667", abs(found.sum + 41 / 3) / (41 / 3), 0.005)
    result.require(f"{name}: NumPy loop over driftmatch", rows[2]["over driftmatch"], hurry,
                   at_least=True)  # fmt: skip
    result.require(f"{name}: Diffrax, 64 trajectories, over driftmatch",
                   rows[4]["over driftmatch"], 3, at_least=True)  # fmt: skip


def all_neurons(result: Result, quick: bool) -> None:
    """Time all n exponents under private noise, with k tangents and with n."""

    def seconds_of(function, network, duration, **options):
        run = functools.partial(
            function, network, duration=duration, dt=0.05, burn_in=duration / 5,
            num_trajectories=8, key=jax.random.key(0), start=np.zeros(options.pop("dim")),
        )  # fmt: skip
        found = run()
        return best_seconds(run, 1), found

    for n in (32, 128) if quick else (32, 128, 10_000):
        network = random_network(n).with_private_noise(0.2)
        ours, spectrum = seconds_of(dm.neural_lyapunov, network, 20.0, dim=3)
        costs = [("neural_lyapunov", ours, spectrum)]
        if n <= 128:
            costs.append(("n tangents", *seconds_of(dm.lyapunov, network.neural(), 20.0, dim=n)))
        for what, seconds, found in costs:
            result.rows.append({
                "system": f"{n} neurons, private noise", "what": what, "trajectories": 8,
                "time": found.duration, "µs a unit of time": 1e6 * seconds / found.duration,
                "λ": [float(found.exponents[0]), float(found.exponents[-1])],
                "sum": float(found.sum), "over driftmatch": seconds / ours,
            })  # fmt: skip
        if n == 128:
            result.require("128 neurons: n tangents over neural_lyapunov", costs[1][1] / ours, 10,
                           at_least=True)  # fmt: skip
            off = np.max(np.abs(spectrum.exponents - costs[1][2].exponents))
            result.require("128 neurons: largest difference of an exponent", off, 0.05)


def run(quick: bool = False) -> Result:
    """Compare exponents, errors and costs."""
    result = Result("Are Lyapunov exponents right, and what do they cost beside two peers?")
    target = dm.systems.lorenz()
    network = dm.embed(target, num_neurons=512, key=jax.random.key(0), check=False).network
    judge(result, "lorenz", target, lorenz_in_numpy(), 100, quick)
    judge(result, "its network, 512", network, network_in_numpy(network), 20, quick)
    all_neurons(result, quick)
    return result

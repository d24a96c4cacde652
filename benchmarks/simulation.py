"""How fast is a step, beside NumPy, Diffrax and the bare activation, and how does it scale?

All on one random low-rank network in float32 with shared noise, Euler–Maruyama, compiled and
warmed up; the best of several runs, in microseconds a step.
"""

import functools
import json
import subprocess
import sys
import time

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

import driftmatch as dm
from benchmarks.tables import Result

K, DT = 3, 0.01


def random_network(n: int, seed: int = 0) -> dm.Network:
    """A tame network of rank 3."""
    rng = np.random.default_rng(seed)
    return dm.Network(
        rng.standard_normal((n, K)),
        rng.standard_normal((K, n)) / n,
        rng.standard_normal(n),
        shared_noise=0.3,
    )


def best_seconds(function, repeats: int = 15) -> float:
    """The shortest of several runs after one that compiles."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - began)
    return min(times)


def driftmatch_step(n: int, trajectories: int, steps: int, solver: str = "euler-maruyama") -> float:
    """Microseconds a step of `dm.simulate`, keeping every hundredth."""
    network = random_network(n)
    simulate = functools.partial(
        dm.simulate, network, duration=steps * DT, dt=DT, num_trajectories=trajectories,
        save_every=100, method=solver,
    )  # fmt: skip
    return 1e6 / steps * best_seconds(lambda: simulate(key=jax.random.key(1)))


def numpy_step(n: int, steps: int, *, low_rank: bool = False) -> float:
    """A loop in NumPy, float32: what a script does, with a dense n × n matrix or Γ(W_s φ)."""
    network = random_network(n)
    gamma, readout, bias = (
        a.astype(np.float32) for a in (network.gamma, network.readout, network.bias)
    )
    W = gamma @ readout
    rng = np.random.default_rng(0)

    def loop():
        x = bias.copy()
        kicks = np.float32(0.3 * DT**0.5) * rng.standard_normal((steps, K), dtype=np.float32)
        for kick in kicks:
            rates = np.tanh(x)
            recurrent = gamma @ (readout @ rates) if low_rank else W @ rates
            x = x + np.float32(DT) * (recurrent - x + bias) + gamma @ kick
        return x

    return 1e6 / steps * best_seconds(loop)


def diffrax_step(n: int, steps: int) -> float:
    """Diffrax's Euler with its cheapest Brownian path, on the same low-rank latent equation."""
    latent = random_network(n).latent()
    path = functools.partial(diffrax.UnsafeBrownianPath, shape=(K,))

    @jax.jit
    def solve(key):
        terms = diffrax.MultiTerm(
            diffrax.ODETerm(lambda t, z, args: latent.drift(z)),
            diffrax.ControlTerm(lambda t, z, args: latent.diffusion(z), path(key=key)),
        )
        return diffrax.diffeqsolve(
            terms, diffrax.Euler(), 0.0, steps * DT, DT, jnp.zeros(K), max_steps=None,
            saveat=diffrax.SaveAt(t1=True), adjoint=diffrax.DirectAdjoint(),
        ).ys  # fmt: skip

    return 1e6 / steps * best_seconds(lambda: solve(jax.random.key(1)))


def torchsde_step(n: int, steps: int) -> float | None:
    """torchsde's Euler on the same latent equation, where it is installed."""
    try:
        import torch
        import torchsde
    except ImportError:
        return None
    network = random_network(n)
    gamma, readout, bias = (
        torch.tensor(a, dtype=torch.float32) for a in (network.gamma, network.readout, network.bias)
    )

    class Latent(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t, z):
            return torch.tanh(z @ gamma.T + bias) @ readout.T - z

        def g(self, t, z):
            return 0.3 * torch.ones_like(z)

    times = torch.tensor([0.0, steps * DT])

    def solve():
        with torch.no_grad():
            torchsde.sdeint(Latent(), torch.zeros(1, K), times, dt=DT, method="euler")

    return 1e6 / steps * best_seconds(solve, 3)


def tanh_step(count: int, steps: int = 2000) -> float:
    """The roofline: nothing but tanh of as many numbers, in a loop that keeps them in cache."""

    @jax.jit
    def loop(x):
        return jax.lax.fori_loop(0, steps, lambda i, x: jnp.tanh(x), x)

    x = jnp.ones(count, jnp.float32)
    return 1e6 / steps * best_seconds(lambda: loop(x))


def tanh_call(count: int, calls: int = 2000) -> float:
    """The roofline as a user would time it: one jitted tanh a call."""
    tanh = jax.jit(jnp.tanh)
    x = jnp.ones(count, jnp.float32)

    def several():
        for _ in range(calls):
            y = tanh(x)
        return y

    return 1e6 / calls * best_seconds(several)


def peak_memory(n: int) -> float:
    """Megabytes that building and running a network of n neurons adds to a process."""
    code = (
        "import resource, json, jax, driftmatch as dm\n"
        "from benchmarks.simulation import random_network\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "run = lambda n: dm.simulate(random_network(n), duration=10.0, dt=0.01,"
        " key=jax.random.key(0), save_every=100)\n"
        "run(64); before = used()\n"
        f"run({n}); print(json.dumps(used() - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def run(quick: bool = False) -> Result:
    """Time a step of everything."""
    result = Result("How fast is a step, beside its peers and the bare activation?")
    steps = 20_000 if quick else 100_000

    def row(what, n, trajectories, microseconds):
        result.rows.append({
            "what": what, "neurons": n, "paths": trajectories, "µs a step": microseconds,
            "ns a step, neuron and path": 1e3 * microseconds / (n * trajectories),
        })  # fmt: skip
        return microseconds

    ours = row("driftmatch", 512, 1, driftmatch_step(512, 1, steps))
    dense = row("NumPy, dense", 512, 1, numpy_step(512, steps // 10))
    row("NumPy, low rank", 512, 1, numpy_step(512, steps // 10, low_rank=True))
    general = row("Diffrax Euler, UnsafeBrownianPath", 512, 1, diffrax_step(512, steps // 2))
    other = torchsde_step(512, steps // 50)
    if other is not None:
        row("torchsde Euler", 512, 1, other)
    result.require("512 neurons, one path: µs a step", ours, 0.7)
    heun = row("driftmatch, Heun", 512, 1, driftmatch_step(512, 1, steps, "heun"))
    result.require("512 neurons, one path: Heun over Euler–Maruyama", heun / ours, 2)
    result.require("512 neurons, one path: NumPy dense over driftmatch", dense / ours, 25,
                   at_least=True)  # fmt: skip
    result.require("512 neurons, one path: Diffrax over driftmatch", general / ours, 5,
                   at_least=True)  # fmt: skip
    many = row("driftmatch", 512, 64, driftmatch_step(512, 64, steps // 10))
    roof = row("tanh alone, in a loop", 512, 64, tanh_step(512 * 64))
    row("tanh alone, call by call", 512, 64, tanh_call(512 * 64))
    result.require("512 neurons, 64 paths: driftmatch over tanh in a loop", many / roof, 1.5)
    heun = row("driftmatch, Heun", 512, 64, driftmatch_step(512, 64, steps // 10, "heun"))
    result.require("512 neurons, 64 paths: Heun over Euler–Maruyama", heun / many, 2)
    sizes = (64, 1000) if quick else (64, 256, 1000, 10_000, 100_000)
    cost = {n: row("driftmatch", n, 1, driftmatch_step(n, 1, max(1000, steps * 64 // n)))
            for n in sizes}  # fmt: skip
    for paths in (10, 100) if quick else (10, 100, 1000):
        row("driftmatch", 512, paths, driftmatch_step(512, paths, max(500, steps // paths)))
    if not quick:
        roof = row("tanh alone, in a loop", 100_000, 1, tanh_step(100_000, 500))
        result.require("10⁵ neurons: driftmatch over tanh in a loop", cost[100_000] / roof, 2)
        result.require("time from 10⁴ to 10⁵ neurons grows by", cost[100_000] / cost[10_000], 13)
        memory = {n: peak_memory(n) for n in (10_000, 100_000)}
        for n, megabytes in memory.items():
            result.require(f"MB that {n} neurons add (1 a thousand, and 50 to spare)",
                           megabytes, 50 + n / 1000)  # fmt: skip
    return result

# pyright: strict
"""What users write: pyright finds nothing here, in its strict mode. It is not run."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import driftmatch as dm


def drift(z: Float[Array, "2"]) -> Float[Array, "2"]:
    return jnp.stack([z[1], -z[0]])


key = jax.random.key(0)
sde = dm.SDE(drift, 0.3, dim=2, start=(1.0, 0.0), coordinates=["x", "y"], units=["", "m"])
embedding = dm.embed(sde, 64, key=key, method=dm.Refined(), meter=True)
network = embedding.network
run = dm.simulate(network, duration=10.0, dt=0.01, key=key, num_trajectories=4)
latent, neurons = run.latent, run.neurons
card = dm.compare(sde, network, key=key)
ok: bool = card.outcome.ok
spectrum = dm.lyapunov(network, duration=10.0, dt=0.01, key=key)
first: float = float(spectrum.exponents[0])
points = dm.fixed_points(network, key=key)
kinds = list(points.kind)
arrow = dm.irreversibility(network, method="grid")
rate: float = arrow.entropy_production
density = dm.stationary(sde, 64)
top = float(density.density.max())
parts = dm.symmetry(network)
where = dm.subspace(run.neurons).align(network, run)
dm.save("a.safetensors", network)
again: dm.Network = dm.load("a.safetensors")
dm.save_trajectory("a.nc", run)
old = dm.load_trajectory("a.nc")
ax = dm.figures.attractor(run)
dm.figures.save(ax, "a.png")
wells = dm.systems.wells([[1.0, 1.0], [-1.0, 1.0]])
tilt = dm.memory.tilt_toward(wells, 1)
recalled = dm.memory.recall(wells, tilt, duration=10.0, release=5.0, key=key)
walked = dm.memory.walk(dm.systems.ring_of_wells(), key=key)
louder = dm.with_noise(network, 2.0)
made = dm.Network(np.ones((5, 1)), np.ones((1, 5)), np.zeros(5))
W = made.W
found = dm.Network.from_connectivity(np.ones((4, 4)), tau=0.1, start=np.zeros(4), name="found")
lost: float = dm.truncation(np.ones((4, 4)), 1, tau=0.1).drift_error
read = dm.Network.from_torch({"W": np.ones((4, 4))}, tau=0.1)
dm.export.numpy("a.npz", found)
dm.export.script("a.py", "torch", weights="a.npz")
told = card.to_dict()

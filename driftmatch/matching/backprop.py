"""Back-propagation: Adam on the two-layer perceptron z' ↦ V φ(Γ'z' + b)."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.meters import AbstractMeter, task

STEPS_A_CALL = 1000


def train(
    problem: MatchingProblem,
    start: Features,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    decay: bool,
    noise: float,
    key: PRNGKeyArray,
    meter: AbstractMeter,
) -> tuple[Features, np.ndarray]:
    """Minimise Σ w |V φ(Γ'z' + b) − outputs|² over mini-batches, from zero readouts.

    Batches are drawn with the states' weights as probabilities; `noise` is added to every argument
    of φ.
    """
    states = jnp.asarray(problem.states, jnp.float32)
    outputs = jnp.asarray(problem.outputs, jnp.float32)
    cumulative = jnp.cumsum(jnp.asarray(problem.weights, jnp.float32))
    parameters = (
        jnp.asarray(start.gamma, jnp.float32),
        jnp.asarray(start.bias, jnp.float32),
        jnp.zeros((outputs.shape[1], len(start)), jnp.float32),
    )
    schedule = optax.cosine_decay_schedule(learning_rate, steps) if decay else learning_rate
    optimiser = optax.adam(schedule)

    def loss(parameters, z, y, key: PRNGKeyArray):
        gamma, bias, readout = parameters
        x = z @ gamma.T + bias
        if noise > 0:
            x = x + noise * jax.random.normal(key, x.shape)
        return jnp.mean(jnp.sum((problem.activation(x) @ readout.T - y) ** 2, axis=1))

    def step(carry, key: PRNGKeyArray):
        parameters, memory = carry
        key_batch, key_noise = jax.random.split(key)
        position = jax.random.uniform(key_batch, (batch_size,)) * cumulative[-1]
        chosen = jnp.searchsorted(cumulative, position).clip(0, len(states) - 1)
        value, slopes = jax.value_and_grad(loss)(
            parameters, states[chosen], outputs[chosen], key_noise
        )
        updates, memory = optimiser.update(slopes, memory)
        return (optax.apply_updates(parameters, updates), memory), value

    @jax.jit
    def several(carry, keys):
        return jax.lax.scan(step, carry, keys)

    carry = (parameters, optimiser.init(parameters))
    keys = jax.random.split(key, steps)
    with task(meter, "training", steps):
        for first in range(0, steps, STEPS_A_CALL):
            batch = keys[first : first + STEPS_A_CALL]
            carry, losses = several(carry, batch)
            error = float(np.sqrt(np.mean(losses) / states.shape[1]))
            meter.advance(len(batch), f"error {error:.1e}")
    gamma, bias, readout = (np.asarray(p, np.float64) for p in carry[0])
    return Features(gamma, bias), readout.T

"""Keys read on the host, where it costs no compilation, and counters hashed into random bits.

The hash is written with operators alone, so that XLA fuses it with what is made of its bits.
"""

import jax
import numpy as np
from jaxtyping import Array, PRNGKeyArray, UInt32

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def generator(key: PRNGKeyArray | None = None) -> np.random.Generator:
    """NumPy's generator of the random key: one key, one stream. Without a key, where chance only
    serves a measure or a probe, it is always that of ``jax.random.key(0)``."""
    return np.random.default_rng(_sequence(key))


def split(key: PRNGKeyArray, number: int = 2) -> list[PRNGKeyArray]:
    """Independent keys, as from ``jax.random.split`` but not the same ones."""
    parts = _sequence(key).spawn(number)
    data = [jax.device_put(part.generate_state(2)) for part in parts]
    return [jax.random.wrap_key_data(two, impl="threefry2x32") for two in data]


def _sequence(key: PRNGKeyArray | None) -> np.random.SeedSequence:
    data = (0, 0) if key is None else np.asarray(jax.random.key_data(key)).ravel().tolist()
    return np.random.SeedSequence(data)


def words(key: PRNGKeyArray) -> tuple[Array, Array]:
    """Two words of 32 bits that stand for a key of any kind, also in traced code."""
    data = jax.random.key_data(key).ravel()
    first = data[0], data[1]
    return first if len(data) == 2 else threefry(first, data[2], data[3])


def threefry(
    key: tuple[UInt32[Array, "*#s"], UInt32[Array, "*#s"]],
    high: UInt32[Array, "*#s"],
    low: UInt32[Array, "*#s"],
) -> tuple[UInt32[Array, "*s"], UInt32[Array, "*s"]]:
    """Threefry-2x32 of 20 rounds: two words of random bits for each counter, elementwise.

    Source: J. Salmon et al., *Parallel random numbers: as easy as 1, 2, 3* (SC 2011).
    """
    keys = (*key, key[0] ^ key[1] ^ np.uint32(0x1BD11BDA))
    a, b = high + keys[0], low + keys[1]
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            a = a + b
            b = (b << np.uint32(r)) | (b >> np.uint32(32 - r))
            b = b ^ a
        a = a + keys[(i + 1) % 3]
        b = b + keys[(i + 2) % 3] + np.uint32(i + 1)
    return a, b

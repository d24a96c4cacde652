"""Keys on the host, and the hash."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from driftmatch.randomness import generator, split, threefry, words


def test_the_hash_is_threefry():
    """As JAX has it, which is tested against the authors' own vectors."""
    rng = np.random.default_rng(0)
    key, high, low = (rng.integers(0, 2**32, (2, 50), dtype=np.uint32) for _ in range(3))
    for k, x, y in zip(key.T, high.T, low.T, strict=True):
        k, x, y = jnp.asarray(k), jnp.asarray(x), jnp.asarray(y)
        found = threefry((k[:1], k[1:]), x, y)
        assert len(found[0]) == 2
        for one in range(2):
            pair = jnp.array([x[one], y[one]])
            expected = threefry_2x32((k[0], k[1]), pair)
            assert [int(word[one]) for word in found] == np.asarray(expected).tolist()


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_of_every_kind_have_words_of_their_own(impl):
    keys = [jax.random.key(seed, impl=impl) for seed in range(50)]
    pairs = {tuple(int(word) for word in words(key)) for key in keys}
    assert len(pairs) == 50
    assert (0, 0) not in pairs or impl == "threefry2x32"
    jitted = jax.jit(words)(keys[3])
    assert [int(word) for word in jitted] == [int(word) for word in words(keys[3])]


def test_parts_of_a_key_differ_from_it_and_from_each_other():
    key = jax.random.key(0)
    streams = [generator(k).integers(2**60) for k in (key, *split(key, 3), jax.random.key(1))]
    assert len(set(streams)) == 5
    assert [generator(k).integers(2**60) for k in split(key, 3)] == streams[1:4]


def test_without_a_key_the_stream_is_always_that_of_key_0():
    assert generator().integers(2**60) == generator(jax.random.key(0)).integers(2**60)


def test_reading_a_key_compiles_nothing(compilations):
    key = jax.random.key(7)
    compilations.clear()
    generator(key).normal()
    generator(split(key)[1]).normal()
    assert not compilations
    jax.random.split(jax.random.key(7), 11)  # the negative twin
    assert compilations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from driftmatch.systems.tracing import TracingError, trace_numpy


def writes(x):
    out = np.zeros_like(x)
    out[0] = x[1] * x[-1]
    out[1:] = x[:-1] - 2
    out[-1] += x[0]
    return out


def in_place(x):
    y = np.copy(x)
    y *= 2
    y -= np.arange(3)
    return y


def branches(x):
    if x[0] > 0.5:
        return x[0], np.sin(x[1]), 1
    elif x[1] > 0 and x[2] < 0:
        return max(x[0], x[2]), x[1], -1.0
    return 0, min(x[1], x[2]), abs(x[0])


MATRIX = np.arange(9.0).reshape(3, 3)
FUNCTIONS = [
    lambda x: np.sin(x) + np.exp(-x * x) / (1 + np.abs(x)),
    lambda x: [x[0] ** 2, 2 ** x[1], np.float64(3) * x[2]],
    lambda x: MATRIX @ x + np.matmul(MATRIX.T, x),
    lambda x: (x @ MATRIX, np.dot(x, x), 1)[0] - np.sum(x * MATRIX, axis=0),
    lambda x: np.hstack([x[:2], np.min(x + MATRIX, axis=1)[2:]]),
    lambda x: np.where(x > 0, x, np.sign(x)),
    lambda x: np.heaviside(x, 0.5) + np.maximum(0, x) - np.arctan2(x, 2),
    lambda x: x.T.sum() * x.copy() + x.mean(),
    lambda x: np.add.reduce(x) * x,
    lambda x: scipy.special.expit(x),
    lambda x: [a + b for a, b in zip(x, reversed(list(x)), strict=True)],
    lambda x: np.broadcast_to(len(x) * x.shape[0], 3) * x,
    writes,
    in_place,
    branches,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_traced_and_numpy_values_agree(function):
    states = np.random.default_rng(0).normal(size=(40, 3))
    with jax.enable_x64(True):
        traced = jax.jit(jax.vmap(lambda x: trace_numpy(function, x)))(jnp.array(states))
    np.testing.assert_allclose(traced, [np.array(function(x), float) for x in states], rtol=1e-12)


def test_derivatives_follow_the_side_of_a_branch_taken():
    jacobian = jax.jacfwd(lambda x: trace_numpy(branches, x))
    np.testing.assert_allclose(
        jacobian(jnp.array([1.0, 0.0, 0.0])), [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    )
    np.testing.assert_allclose(
        jacobian(jnp.array([-1.0, 0.2, 0.1])), [[0, 0, 0], [0, 0, 1], [-1, 0, 0]]
    )


def test_both_precisions_work_one_after_the_other():
    matrix, vector = np.arange(9.0).reshape(3, 3), np.arange(3.0) / 3

    def traced(x):
        return trace_numpy(lambda x: matrix @ x + vector, x)

    kept = []
    for x64 in (False, True, False, True):
        with jax.enable_x64(x64):
            x = jnp.ones(3)
            kept.append(jax.jit(lambda x: traced(x)))
            for value in (traced(x), kept[0](x), kept[-1](x)):
                assert value.dtype == x.dtype
                np.testing.assert_allclose(
                    value, matrix @ np.ones(3) + vector, rtol=1e-15 if x64 else 1e-6
                )


def many_branches(x):
    return x * sum(1 if x[0] > i else 2 for i in range(20))


def writes_into_numbers(x):
    out = np.zeros(3)
    np.multiply(x, 2, out=out)
    return out


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (many_branches, "branches more than 10 times"),
        (lambda x: scipy.special.struve(1, x), "calls struve, which JAX does not have"),
        (writes_into_numbers, "writes values of the state into an array of fixed numbers"),
    ],
)
def test_what_cannot_be_traced_says_why(function, sentence):
    with pytest.raises(TracingError, match=sentence):
        trace_numpy(function, jnp.ones(3))

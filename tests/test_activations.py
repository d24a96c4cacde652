import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.activations import Activation, get_activation

# Apart from the corner of relu, where no derivative exists.
X = np.concatenate([np.linspace(-30, 30, 241) + 1e-3, [1e-8, -1e-8, 200.0, -200.0]])


def test_all_six_are_there():
    assert set(dm.ACTIVATIONS) == {"tanh", "logistic", "erf", "softplus", "relu", "identity"}
    assert all(name == a.name for name, a in dm.ACTIVATIONS.items())


@pytest.mark.parametrize("name", dm.ACTIVATIONS)
def test_numpy_and_jax_agree_to_the_second_derivative(name):
    activation = dm.ACTIVATIONS[name]
    with jax.enable_x64(True):
        value = activation.function
        slope = jax.grad(lambda x: value(x))
        curvature = jax.grad(slope)
        expected = [np.array(jax.vmap(f)(jnp.array(X))) for f in (value, slope, curvature)]
        np.testing.assert_array_equal(activation(jnp.array(X)), expected[0])
    for found, wanted in zip(activation.derivatives(X), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", dm.ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_keeps_shape_and_precision_and_its_argument(name, dtype):
    x = X[:240].astype(dtype).reshape(3, 80)
    before = x.copy()
    for array in dm.ACTIVATIONS[name].derivatives(x):
        assert array.shape == x.shape
        assert array.dtype == dtype
        assert not np.shares_memory(array, x)
        assert np.all(np.isfinite(array))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", dm.ACTIVATIONS)
def test_bounded_is_true_to_its_word(name):
    activation = dm.ACTIVATIONS[name]
    far = np.abs(activation.derivatives(np.array([-1e6, 1e6]))[0]).max()
    assert (far <= 1) == activation.is_bounded


def test_names_and_objects():
    tanh = get_activation("tanh")
    assert tanh is dm.ACTIVATIONS["tanh"]
    assert get_activation(tanh) is tanh
    cube = Activation("cube", lambda x: x**3, lambda x: (x**3, 3 * x**2, 6 * x), False)
    assert get_activation(cube) is cube
    assert cube != tanh


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("tanhh", "there is no activation 'tanhh'; did you mean 'tanh'?"),
        ("ReLu", "did you mean 'relu'?"),
        ("xyz", "choose one of erf, identity, logistic, relu, softplus, tanh"),
        (None, "there is no activation None"),
        (["tanh"], "there is no activation"),
    ],
)
def test_unknown_names(given, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        get_activation(given)

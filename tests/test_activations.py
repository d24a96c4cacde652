from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special

import driftmatch as dm
from driftmatch.activations import Activation, get_activation, inverse_integral

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


INVERSES = {
    "tanh": np.arctanh,
    "logistic": scipy.special.logit,
    "erf": scipy.special.erfinv,
    "softplus": lambda r: np.log(np.expm1(r)),
    "relu": lambda r: r,
    "identity": lambda r: r,
}


@pytest.mark.parametrize("name", dm.ACTIVATIONS)
@pytest.mark.parametrize("x", [-5.0, -0.999, -1e-3, 0.0, 0.02, 1.0, 3.2])
def test_integral_is_that_of_the_inverse(name, x):
    """By quadrature over r from 0, also where φ⁻¹(0) = −∞."""
    activation = dm.ACTIVATIONS[name]
    top = activation.derivatives(np.array(x))[0]
    wanted = scipy.integrate.quad(INVERSES[name], 0, top, epsabs=1e-12, epsrel=1e-12, limit=200)[0]
    np.testing.assert_allclose(inverse_integral(activation, np.array(x)), wanted, atol=1e-10)


@pytest.mark.parametrize("name", dm.ACTIVATIONS)
def test_slope_of_the_integral_is_x_times_the_gain(name):
    activation, h, x = dm.ACTIVATIONS[name], 1e-4, X[np.abs(X) > 2e-4]  # not at the corner of relu
    found = (inverse_integral(activation, x + h) - inverse_integral(activation, x - h)) / (2 * h)
    np.testing.assert_allclose(found, x * activation.derivatives(x)[1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("tanh", np.log(2), np.log(2)),
        ("logistic", 0.0, 0.0),
        ("erf", np.pi**-0.5, np.pi**-0.5),
        ("softplus", 0.0, 5e5 - np.pi**2 / 6),
        ("relu", 0.0, 5e5),
        ("identity", 5e5, 5e5),
    ],
)
def test_integral_of_saturated_neurons(name, left, right):
    found = inverse_integral(dm.ACTIVATIONS[name], np.array([-1e3, 1e3]))
    np.testing.assert_allclose(found, [left, right], rtol=1e-15)


@pytest.mark.parametrize("name", ["tanh", "erf", "softplus", "identity"])
def test_integral_keeps_its_digits_where_it_is_small(name):
    """x²/2 · φ'(0) near 0; (x − 1) e^x of softplus far to the left."""
    x = np.array([-1e-6, 1e-6]) if name != "softplus" else np.array([-50.0, -30.0])
    gain = dm.ACTIVATIONS[name].derivatives(np.zeros(1))[1]
    wanted = 0.5 * x * x * gain if name != "softplus" else (x - 1) * np.exp(x)
    np.testing.assert_allclose(inverse_integral(dm.ACTIVATIONS[name], x), wanted, rtol=1e-9)


@pytest.mark.parametrize("name", dm.ACTIVATIONS)
@pytest.mark.parametrize("reach", [1.0, 30.0, 1e3])
def test_quadrature_for_activations_of_the_users_own(name, reach):
    """It leaves out the constant from r = 0 to φ(0)."""
    activation = dm.ACTIVATIONS[name]
    x = np.random.default_rng(0).uniform(-reach, reach, (7, 30))
    offset = inverse_integral(activation, np.zeros(()))
    found = inverse_integral(replace(activation, integral=None), x)
    np.testing.assert_allclose(found, inverse_integral(activation, x) - offset, atol=1e-9 * reach)
    assert inverse_integral(replace(activation, integral=None), np.zeros(3)).tolist() == [0, 0, 0]

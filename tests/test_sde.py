import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.wrappers import Forced

Z = np.array([0.7, -1.3])
MATRIX = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])


def rotation(z):
    return jnp.stack([-z[1], z[0]])


@pytest.mark.parametrize(
    ("diffusion", "expected"),
    [
        (0.0, np.zeros((2, 2))),
        (0.3, 0.3 * np.eye(2)),
        (2, 2 * np.eye(2)),
        (jnp.float32(0.5), 0.5 * np.eye(2)),
        ([0.1, 0.2], np.diag([0.1, 0.2])),
        (np.array([0.1, 0.0]), np.diag([0.1, 0.0])),
        (MATRIX, MATRIX),
        (MATRIX[:, :1], MATRIX[:, :1]),
        (jnp.array(MATRIX), MATRIX),
    ],
)
def test_constant_diffusions(diffusion, expected):
    sde = dm.SDE(rotation, diffusion, 2)
    value = sde.diffusion(jnp.array(Z))
    assert value.shape == (2, sde.noise_dim) == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert sde.has_constant_diffusion
    dB = jnp.arange(1.0, sde.noise_dim + 1)
    np.testing.assert_allclose(sde.noise(jnp.array(Z), dB), expected @ dB, rtol=1e-5)


def test_diffusion_function():
    sde = dm.SDE(rotation, lambda z: z[:, None] * jnp.array([1.0, 2.0, 3.0]), 2)
    assert (sde.dim, sde.noise_dim) == (2, 3)
    assert not sde.has_constant_diffusion
    np.testing.assert_allclose(sde.diffusion(jnp.array(Z)), np.outer(Z, [1, 2, 3]), rtol=1e-6)


def test_words_and_defaults():
    sde = dm.SDE(rotation, 0.1, 2)
    assert (sde.start, sde.time_scale, sde.name, sde.parameters) == (None, None, "sde", ())
    assert sde.forcing(jnp.array(0.0)) is None
    sde = dm.SDE(
        rotation, 0.1, np.int64(2), start=[1, 2], time_scale=3, name="n", description="d",
        equation="e", parameters={"a": 1.0},
    )  # fmt: skip
    np.testing.assert_array_equal(sde.start, [1.0, 2.0])
    assert sde.start.dtype == np.float64
    assert (sde.time_scale, sde.name, sde.description, sde.equation) == (3.0, "n", "d", "e")
    assert sde.parameters == (("a", 1.0),)


def test_a_drift_may_return_a_list_of_numbers_and_be_batched():
    sde = dm.SDE(lambda z: jnp.stack([z[1], 1.0]), 0.1, 2)
    states = jnp.array(np.random.default_rng(0).normal(size=(5, 2)))
    np.testing.assert_array_equal(
        jax.vmap(sde.drift)(states), np.column_stack([states[:, 1], np.ones(5)])
    )


def test_stratonovich_scalar():
    """dz = az ∘ dB is dz = ½a²z dt + az dB."""
    a = 0.8
    sde = dm.SDE(lambda z: 0 * z, lambda z: a * z[:, None], 1, interpretation="stratonovich")
    ito = dm.SDE(lambda z: 0 * z, lambda z: a * z[:, None], 1)
    with jax.enable_x64(True):
        z = jnp.array([1.7])
        np.testing.assert_allclose(sde.drift(z), [0.5 * a**2 * 1.7], rtol=1e-14)
        np.testing.assert_array_equal(ito.drift(z), [0.0])
        np.testing.assert_allclose(sde.diffusion(z), [[a * 1.7]], rtol=1e-14)


def test_stratonovich_non_commutative():
    """Against ½ Σ_jl σ_jl ∂_j σ_il by central differences, for a full, rectangular σ."""

    def sigma(z):
        x, y = z[0], z[1]
        return jnp.stack(
            [
                jnp.stack([jnp.sin(y), x * y, 1 + 0 * x]),
                jnp.stack([x**2, jnp.exp(-x), jnp.cos(x * y)]),
            ]
        )

    sde = dm.SDE(rotation, sigma, 2, interpretation="stratonovich")
    with jax.enable_x64(True):
        h = 1e-5
        slopes = [
            (np.array(sigma(jnp.array(Z + h * e))) - np.array(sigma(jnp.array(Z - h * e))))
            / (2 * h)
            for e in np.eye(2)
        ]
        correction = 0.5 * np.einsum("jl,jil->i", np.array(sigma(jnp.array(Z))), np.array(slopes))
        expected = np.array(rotation(jnp.array(Z))) + correction
        assert np.abs(correction).min() > 0.05
        np.testing.assert_allclose(sde.drift(jnp.array(Z)), expected, rtol=1e-9)


def test_stratonovich_with_constant_noise_changes_nothing():
    sde = dm.SDE(rotation, MATRIX, 2, interpretation="stratonovich")
    np.testing.assert_array_equal(sde.drift(jnp.array(Z)), rotation(jnp.array(Z)))


def test_a_rotation_s_correction_points_inward():
    """dz = Jz ∘ dB stays on its circle: its Itô drift is −½z."""
    sde = dm.SDE(lambda z: 0 * z, lambda z: rotation(z)[:, None], 2, interpretation="stratonovich")
    np.testing.assert_allclose(sde.drift(jnp.array(Z)), -Z / 2, rtol=1e-6)


def test_forced():
    sde = dm.SDE(rotation, 0.1, 2, start=Z, time_scale=2.0, name="inner")
    once = Forced(sde, lambda t: jnp.array([1.0, 2.0]) * t)
    twice = Forced(once, lambda t: jnp.array([0.5, 0.0]))
    np.testing.assert_allclose(once.forcing(jnp.array(3.0)), [3.0, 6.0])
    np.testing.assert_allclose(twice.forcing(jnp.array(3.0)), [3.5, 6.0])
    z, dB = jnp.array(Z), jnp.ones(2)
    np.testing.assert_array_equal(twice.drift(z), sde.drift(z))
    np.testing.assert_array_equal(twice.noise(z, dB), sde.noise(z, dB))
    np.testing.assert_array_equal(twice.diffusion(z), sde.diffusion(z))
    assert (twice.dim, twice.noise_dim, twice.time_scale, twice.name) == (2, 2, 2.0, "inner")
    assert twice.has_constant_diffusion
    np.testing.assert_array_equal(twice.start, Z)


def numpy_drift(z):
    return np.sin(z)


def branching_drift(z):
    return z if z[0] > 0 else -z


def math_drift(z):
    return jnp.stack([math.sin(z[0]), z[1]])


def broken_drift(z):
    raise KeyError("lost")


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((rotation, 0.1, 0), {}, "dim must be a whole number of at least 1, got 0"),
        ((rotation, 0.1, 2.0), {}, r"dim must be a whole number of at least 1, got 2\.0"),
        ((rotation, 0.1, True), {}, "dim must be a whole number of at least 1, got True"),
        ((3, 0.1, 2), {}, "drift must be a function of the state, got int"),
        ((lambda z: z[:1], 0.1, 2), {}, r"must return shape \(2,\) .* got \(1,\)"),
        ((lambda z: z[:, None], 0.1, 2), {}, r"must return shape \(2,\) .* got \(2, 1\)"),
        ((lambda z: z @ jnp.ones((3, 3)), 0.1, 2), {}, r"drift failed on a state of shape \(2,\)"),
        ((numpy_drift, 0.1, 2), {}, "drift must be written with jax.numpy"),
        ((branching_drift, 0.1, 2), {}, "branches on the values .* use jnp.where instead of if"),
        ((math_drift, 0.1, 2), {}, "drift makes plain numbers .* math.sin .* jnp.sin"),
        ((lambda z, t: -z, 0.1, 2), {}, r"drift takes 2 arguments, .* simulate\(..., input="),
        ((rotation, lambda t, z: jnp.eye(2), 2), {}, "diffusion takes 2 arguments"),
        ((broken_drift, 0.1, 2), {}, "drift failed on a state .* KeyError: 'lost'"),
        ((rotation, np.nan, 2), {}, "diffusion must be finite"),
        ((rotation, [1, 2, 3], 2), {}, r"a vector of 2 or a matrix of 2 rows, got shape \(3,\)"),
        ((rotation, np.ones((3, 2)), 2), {}, r"a matrix of 2 rows, got shape \(3, 2\)"),
        ((rotation, np.ones((2, 0)), 2), {}, r"a matrix of 2 rows, got shape \(2, 0\)"),
        ((rotation, lambda z: z, 2), {}, r"the diffusion must return shape \(2, m\) .* jnp.diag"),
        ((rotation, lambda z: jnp.ones((3, 2)), 2), {}, r"shape \(2, m\) .* got \(3, 2\)"),
        ((rotation, lambda z: np.diag(z), 2), {}, "diffusion must be written with jax.numpy"),
        (
            (rotation, 0.1, 2),
            {"start": [1.0]},
            r"start must have shape \(2,\) or \(A, 2\), got \(1,\)",
        ),
        ((rotation, 0.1, 2), {"start": 1.0}, r"start must have shape .* got \(\)"),
        ((rotation, 0.1, 2), {"start": np.ones((0, 2))}, r"start must have shape .* got \(0, 2\)"),
        ((rotation, 0.1, 2), {"start": np.ones((2, 3))}, r"start must have shape .* got \(2, 3\)"),
        ((rotation, 0.1, 2), {"start": np.ones((1, 1, 2))}, r"start must have .* got \(1, 1, 2\)"),
        ((rotation, 0.1, 2), {"start": "here"}, "start must be numbers of shape .*, got 'here'"),
        ((rotation, 0.1, 2), {"start": [[1, 2], [3]]}, "start must be numbers of shape .*, got"),
        ((rotation, 0.1, 2), {"start": [1.0, np.inf]}, r"start must be finite, got \[1\.0, inf\]"),
        ((rotation, 0.1, 2), {"time_scale": 0.0}, "time_scale must be a positive number, got 0"),
        ((rotation, 0.1, 2), {"time_scale": np.nan}, "time_scale must be a positive .* got nan"),
        ((rotation, 0.1, 2), {"interpretation": "hanggi"}, "choose one of ito, stratonovich"),
        (
            (lambda z: 1 / z, 0.1, 2),
            {"start": [0.0, 1.0]},
            r"the drift is not finite at the start \[0\.0, 1\.0\].*inf",
        ),
        (
            (lambda z: 1 / z, 0.1, 2),
            {"start": [[1.0, 1.0], [2.0, 0.0]]},
            r"the drift is not finite at the start \[2\.0, 0\.0\].*inf",
        ),
    ],
)  # fmt: skip
def test_bad_input(arguments, options, sentence):
    with pytest.raises(dm.InputError, match=sentence) as raised:
        dm.SDE(*arguments, **options)
    assert "\n\n" not in str(raised.value)


def test_nothing_is_asked_of_the_drift_away_from_the_start():
    assert dm.SDE(lambda z: 1 / z, 0.1, 2).start is None
    np.testing.assert_array_equal(dm.SDE(lambda z: 1 / z, 0.1, 2, start=[1, 2]).start, [1.0, 2.0])


def test_one_start_or_several():
    one = dm.SDE(rotation, 0.1, 2, start=[1, 2])
    np.testing.assert_array_equal(one.starts, [[1.0, 2.0]])
    given = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    several = dm.SDE(rotation, 0.1, 2, start=given)
    given[:] = 0
    np.testing.assert_array_equal(several.starts, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(several.start, [1.0, 2.0])
    forced = Forced(several, lambda t: jnp.zeros(2))
    np.testing.assert_array_equal(forced.starts, several.starts)
    assert dm.SDE(rotation, 0.1, 2).starts is None


class Turning(dm.AbstractSDE):
    """An SDE of a user's own, with an old or a new way to say where to start, or none."""

    dim = 2
    noise_dim = 2

    def drift(self, z):
        return rotation(z)

    def diffusion(self, z):
        return jnp.eye(2)


class FromOne(Turning):
    @property
    def start(self):
        return [1, 2]


class FromSeveral(Turning):
    @property
    def starts(self):
        return np.array([[1.0, 2.0], [3.0, 4.0]])


class FromNowhere(Turning):
    @property
    def start(self):
        return None


def test_a_class_names_one_start_or_several():
    np.testing.assert_array_equal(FromOne().starts, [[1.0, 2.0]])
    assert FromOne().starts.dtype == np.float64
    np.testing.assert_array_equal(FromSeveral().start, [1.0, 2.0])
    for sde in (Turning(), FromNowhere()):
        assert (sde.start, sde.starts) == (None, None)


def test_one_sde_in_both_precisions():
    """What JAX makes of a NumPy array in one precision must not come up in the other."""
    sde = dm.SDE(rotation, MATRIX, 2)
    as_argument = eqx.filter_jit(lambda sde, z: sde.diffusion(z))
    kept = []
    for x64 in (False, True, False, True):
        with jax.enable_x64(x64):
            z = jnp.array(Z)
            kept.append(jax.jit(lambda z: sde.diffusion(z) + 0 * z[:, None]))
            for value in (sde.diffusion(z), as_argument(sde, z), kept[0](z), kept[-1](z)):
                assert value.dtype == z.dtype


NAMED = dm.SDE(lambda z: -z, 0.3, 2, coordinates=["V", "w"], units=("mV", ""))


def test_coordinates_have_names_and_units():
    assert NAMED.coordinates == ("V", "w")
    assert NAMED.units == ("mV", "")
    plain = dm.SDE(lambda z: -z, 0.3, 2)
    assert plain.coordinates is plain.units is None
    assert dm.systems.fitzhugh_nagumo().coordinates == ("v", "w")


def test_names_go_where_the_sde_goes():
    """Through wrappers, runs, grids, networks and their runs."""
    forced = Forced(NAMED, lambda t: jnp.ones(2))
    options = {"duration": 1.0, "dt": 0.1, "key": jax.random.key(0)}
    network = dm.embed(NAMED, 32, key=jax.random.key(0), check=False).network
    grid = dm.Grid([-1, -1], [1, 1], 8)
    noisy = network.with_private_noise(0.1)
    for one in (
        forced, dm.simulate(NAMED, **options), dm.stationary(NAMED, grid).grid, network, noisy,
        dm.simulate(noisy, **options), dm.stationary(network, grid).grid.coarser(),
    ):  # fmt: skip
        assert (one.coordinates, one.units) == (("V", "w"), ("mV", "")), one
    flipped = dm.stationary(NAMED, grid).marginal([1, 0]).grid
    assert (flipped.coordinates, flipped.units) == (("w", "V"), ("", "mV"))
    assert network.neural().coordinates is None, "neurons are other coordinates"


def test_a_blend_has_the_names_that_all_its_systems_have():
    lorenz, dadras = dm.systems.lorenz(), dm.systems.dadras()
    apart = [[0, 0, 0], [5, 0, 0]]
    assert dm.systems.blend([lorenz, dadras], apart).coordinates == ("x", "y", "z")
    assert dm.systems.blend([lorenz, dm.systems.limit_cycle()], apart).coordinates is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"coordinates": ["V"]}, "coordinates must be a list of 2 names"),
        ({"coordinates": "Vw"}, "coordinates must be a list of 2 names"),
        ({"coordinates": ["V", "V"]}, "coordinates must be 2 different names"),
        ({"coordinates": ["V", ""]}, "coordinates must be 2 different names"),
        ({"units": ["mV", 3]}, 'units must be a list of 2 units, "" for none'),
    ],
)
def test_names_that_do_not_fit(given, reason):
    for make in (
        lambda: dm.SDE(lambda z: -z, 0.3, 2, **given),
        lambda: dm.Network(np.eye(3, 2), np.eye(2, 3), np.zeros(3), **given),
        lambda: dm.Grid([0, 0], [1, 1], 8, **given),
    ):
        with pytest.raises(dm.InputError, match=reason):
            make()


def test_a_field_that_hides_a_method_is_refused():
    with pytest.raises(dm.InputError, match="noise is a method of every SDE"):

        class Hidden(dm.AbstractSDE):
            noise: float

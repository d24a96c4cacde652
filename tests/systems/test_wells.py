import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp

import driftmatch as dm
from driftmatch.systems import double_well, wells

LINE = np.array([[-1.0], [1.0], [4.0]])
TRIANGLE = 2.0 * np.array([[1.0, 0.0], [-0.5, 0.866], [-0.5, -0.866]])
MANY = np.random.default_rng(3).normal(size=(9, 7))


def drifts(sde, states):
    with jax.enable_x64(True):
        return np.array(jax.jit(jax.vmap(sde.drift))(jnp.asarray(states, float)))


def slopes(sde, states):
    with jax.enable_x64(True):
        return np.array(jax.jit(jax.vmap(jax.jacfwd(sde.drift)))(jnp.asarray(states, float)))


def potential(centres, depths, width, smoothing=0.25):
    """V as the docstring has it."""
    c = jnp.array(centres)
    h = jnp.broadcast_to(jnp.array(depths, float), len(c))
    E = smoothing * h.mean()

    def V(z):
        V_j = h.mean() * jnp.sum((z - c) ** 2, axis=1) / width**2 - h
        return -E * logsumexp(-V_j / E)

    return V


def climb(sde, start, end, points=20_001):
    """V on the line between two states less that at the first, from the drift alone."""
    line = start + np.linspace(0, 1, points)[:, None] * (end - start)
    slope = -drifts(sde, line) @ (end - start)
    return np.concatenate([[0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) / (points - 1))])


def test_double_well_descends_its_potential():
    def V(x):
        return x**4 / 4 - x**2 / 2

    with jax.enable_x64(True):
        for x in (-1.7, -1.0, 0.0, 0.4, 1.0):
            expected = -jax.grad(V)(x)
            np.testing.assert_allclose(double_well().drift(jnp.array([x])), [expected], atol=1e-14)


@pytest.mark.parametrize(
    ("centres", "depths", "width"),
    [
        (LINE, [1.0, 1.3, 0.8], 1.1),
        (TRIANGLE, 0.7, 1.5),
        (TRIANGLE, [1.0, 2.0, 3.0], 1.2),
        (MANY, np.linspace(0.5, 2, 9), 0.8),
    ],
)
def test_the_drift_descends_the_potential(centres, depths, width):
    with jax.enable_x64(True):
        sde = wells(centres, depths, width)
        states = np.random.default_rng(0).normal(size=(50, centres.shape[1])) * 3
        found = drifts(sde, states)
        right, wrong = (
            -np.array(jax.jit(jax.vmap(jax.grad(potential(centres, depths, width, E))))(states))
            for E in (0.25, 0.3)
        )
    np.testing.assert_allclose(found, right, atol=1e-11)
    assert np.abs(found - wrong).max() > 1e-3


@pytest.mark.parametrize(
    "sde",
    [wells(), wells(LINE, [1, 1.3, 0.8]), wells(TRIANGLE, [1, 2, 3], 1.2), wells(MANY)],
    ids=["square", "line", "triangle", "many"],
)
def test_starts_are_minima_near_the_centres(sde):
    centres = np.array(dict(sde.parameters)["centres"])
    width = dict(sde.parameters)["width"]
    assert sde.starts.shape == centres.shape
    assert np.linalg.norm(sde.starts - centres, axis=1).max() < 0.1 * width
    assert np.abs(drifts(sde, sde.starts)).max() < 1e-9
    curvatures = np.linalg.eigvalsh(-slopes(sde, sde.starts))
    assert curvatures.min() > 0
    between = np.linalg.eigvalsh(-slopes(sde, [0.5 * (centres[0] + centres[1])]))
    assert between.min() < 0 or len(centres) == 9  # the control: a barrier


@pytest.mark.parametrize(("width", "depth"), [(None, 1.0), (None, 3.0), (1.2, 1.0), (1.5, 0.5)])
def test_the_barrier_between_equal_wells(width, depth):
    """0.83 h at L = 2w, and h(L²/4w² − 0.17) for narrower wells: from the work done by the drift on
    the line between them."""
    L = 4.0
    sde = wells([[0.0, 0.0], [L, 0.0]], depth, width)
    height = climb(sde, *sde.starts).max()
    assert height == pytest.approx(depth * (L**2 / (4 * (width or 2.0) ** 2) - 0.17), rel=0.005)
    if width is None:
        assert height == pytest.approx(0.83 * depth, rel=0.005)


def test_depths_are_the_energies_of_the_minima():
    depths = np.array([1.0, 1.4, 0.7])
    sde = wells(TRIANGLE, depths)
    energies = [climb(sde, sde.starts[0], end)[-1] for end in sde.starts]
    np.testing.assert_allclose(energies, depths[0] - depths, atol=2e-3)


def test_recall_is_that_of_a_modern_hopfield_network():
    """For patterns of equal length and wells of equal depth, z + f/κ = Σ_j c_j softmax(βc·z)_j with
    β = κ/E = 8/w²."""
    patterns = MANY / np.linalg.norm(MANY, axis=1, keepdims=True)
    width, kappa = 0.4, 2 / 0.4**2
    z = np.random.default_rng(1).normal(size=7)
    found = z + drifts(wells(patterns, width=width), z[None])[0] / kappa

    def update(beta):
        attention = np.exp(beta * patterns @ z - np.max(beta * patterns @ z))
        return attention @ patterns / attention.sum()

    np.testing.assert_allclose(found, update(8 / width**2), atol=1e-12)
    assert np.abs(found - update(4 / width**2)).max() > 1e-3


def test_the_drift_moves_with_the_centres():
    turn = np.linalg.qr(MANY[:7])[0]
    shift = MANY[7]
    z = np.random.default_rng(1).normal(size=(5, 7))
    moved = drifts(wells(MANY @ turn.T + shift), z @ turn.T + shift)
    np.testing.assert_allclose(moved, drifts(wells(MANY), z) @ turn.T, atol=1e-9)


def test_every_state_is_drawn_to_a_well():
    sde = wells(TRIANGLE, noise=0.0)
    start = np.random.default_rng(0).normal(size=(40, 2)) * 100
    run = dm.simulate(
        sde, duration=100.0, dt=0.05, key=jax.random.key(0), num_trajectories=40, start=start
    )
    apart = np.linalg.norm(run.states[:, -1, None] - sde.starts, axis=-1)
    assert apart.min(axis=1).max() < 1e-3
    assert set(apart.argmin(axis=1)) == {0, 1, 2}


def test_the_stationary_density():
    depths, noise = [1.0, 1.4, 0.7], 0.9
    sde = wells(TRIANGLE, depths, noise=noise)
    grid = dm.Grid((-5.0, -5.0), (5.0, 5.0), (120, 120))
    found = dm.stationary(sde, grid=grid).density.ravel()
    width = dict(sde.parameters)["width"]

    def variation(depths):
        with jax.enable_x64(True):
            V = np.array(jax.vmap(potential(TRIANGLE, depths, width))(jnp.array(grid.centres)))
        p = np.exp(-(V - V.min()) / (noise**2 / 2))
        return 0.5 * np.abs(found / found.sum() - p / p.sum()).sum()

    assert variation(depths) < 1e-3
    assert variation([1.0, 1.3, 0.8]) > 0.02


def test_the_defaults_visit_every_well_in_1000_time_scales():
    """About 33 jumps between four wells: a path misses one with a probability below 1e-4."""
    sde = wells()
    T = sde.time_scale

    def visits(noise):
        run = dm.simulate(
            wells(noise=noise), duration=1000 * T, dt=T / 50, key=jax.random.key(0),
            num_trajectories=8, start=sde.starts[0] + np.zeros((8, 2)), save_every=5,
        )  # fmt: skip
        return dm.memory.dwell(run, sde.starts)

    found = visits(0.65)
    assert all(set(found.region[found.trajectory == m]) == {0, 1, 2, 3} for m in range(8))
    # 8000 time scales, some 270 jumps: a standard error of 6 %
    assert found.total_time / len(found.jumps) == pytest.approx(30 * T, rel=0.3)
    rare = visits(0.4)  # the control
    assert not all(set(rare.region[rare.trajectory == m]) == {0, 1, 2, 3} for m in range(8))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"centres": [[1.0, 2.0]]}, "centres must be at least 2, got 1: add another"),
        ({"centres": np.zeros((0, 2))}, "centres must have shape .number, k., got .0, 2."),
        ({"centres": [1.0, 2.0]}, r"centres must have shape \(number, k\), got"),
        ({"centres": np.zeros((2, 0))}, r"must have shape \(number, k\), got \(2, 0\)"),
        ({"centres": 3.0}, r"centres must have shape .* got \(\)"),
        ({"centres": [[1.0, 2.0], [3.0]]}, "centres must be numbers of shape .number, k., got"),
        ({"centres": "square"}, "centres must be numbers of shape .number, k., got 'square'"),
        ({"centres": None}, "centres must be numbers of shape .number, k., got None"),
        ({"centres": [["1", "2"], ["3", "4"]]}, "centres must be numbers of shape .number, k."),
        ({"centres": [[0.0, np.nan], [1.0, 1.0]]}, r"centres must be finite, got \[\[0\.0, nan"),
        ({"centres": [[0.0], [2.0], [0.0]]}, r"centres 0 and 2 coincide at \[0\.0\]: leave one"),
        ({"centres": [[0.0], [0.0]]}, "centres 0 and 1 coincide"),
        ({"depths": [1.0, 2.0]}, r"depths must be a number or have shape .4,., got \(2,\)"),
        ({"depths": np.ones((4, 1))}, r"depths must be a number or have shape .4,., got \(4, 1\)"),
        ({"depths": [1.0, 1.0, 0.0, 1.0]}, r"depths must be positive, got \[1\.0, 1\.0, 0\.0"),
        ({"depths": -1.0}, "depths must be positive, got -1"),
        ({"depths": np.inf}, "depths must be finite, got inf"),
        ({"depths": "deep"}, "depths must be a number or numbers of shape .4,., got 'deep'"),
        ({"depths": True}, "depths must be a number or numbers of shape .4,., got True"),
        ({"width": 0.0}, r"width must be a positive number, got 0\.0"),
        ({"width": -1}, "width must be a positive number, got -1"),
        ({"width": "w"}, "width must be a positive number, got 'w'"),
        ({"width": np.nan}, "width must be a positive number, got nan"),
        ({"noise": -0.1}, r"noise must not be negative, got -0\.1"),
        ({"width": 3.0}, "wells . and . merge into one: make width smaller or their depths more"),
        ({"depths": [1.0, 1.0, 0.01, 20.0]}, "wells . and . merge into one"),
        # By symmetry the flow from the middle rests there, but on a saddle
        (
            {"centres": LINE * [[1.0], [1.0], [0.0]], "depths": [2.0, 2.0, 0.02], "width": 0.9},
            "wells . and 2 merge into one",
        ),
    ],
)  # fmt: skip
def test_bad_input(arguments, sentence):
    with pytest.raises(dm.InputError, match=sentence) as raised:
        wells(**arguments)
    assert "\n" not in str(raised.value)


def test_wells_that_nearly_merge_do_not():
    assert len(wells(width=1.9).starts) == 4
    assert len(wells(depths=[1.0, 1.0, 0.3, 2.0]).starts) == 4

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.analysis.fixed_point_search import SHOWN, FixedPointSearch
from driftmatch.analysis.fixed_points import fixed_points
from driftmatch.analysis.stability import Stability
from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.precision import like
from driftmatch.sde import SDE
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.oscillators import fitzhugh_nagumo, limit_cycle, van_der_pol
from driftmatch.systems.wells import double_well
from driftmatch.wrappers import Forced

KEY = jax.random.key(0)
MONOMIALS = ["", "x", "y", "xx", "xy", "yy", "xxx", "xxy", "xyy", "yyy"]


class Polynomials(eqx.Module):
    """Two polynomials of degree three; coefficients are arguments, so that all compile once."""

    coefficients: np.ndarray

    def __call__(self, z):
        x, y = z
        values = [x ** term.count("x") * y ** term.count("y") for term in MONOMIALS]
        return like(self.coefficients, z) @ jnp.stack(jnp.broadcast_arrays(*values))


def flow(*polynomials):
    """dx/dt and dy/dt, each given as {monomial: coefficient}."""
    rows = [[polynomial.get(term, 0.0) for term in MONOMIALS] for polynomial in polynomials]
    return SDE(Polynomials(np.array(rows)), 0.1, 2)


CUBIC = flow({"x": 1, "xxx": -1}, {"y": 1, "yyy": -1})


def find(drift_or_sde, box, dim=2, **options):
    sde = drift_or_sde
    if not hasattr(sde, "drift"):
        sde = SDE(drift_or_sde, 0.1, dim)
    box = (np.full(sde.dim, -box), np.full(sde.dim, box * 1.1)) if np.isscalar(box) else box
    return fixed_points(sde, box, key=KEY, **{"num_starts": 256} | options)


def index(found):
    """The sum of the Poincaré–Hopf indices of −f: 1 in a ball into which the flow points."""
    return np.sign(np.linalg.det(-found.jacobians)).sum()


def test_double_well_in_the_region_that_it_visits():
    found = fixed_points(double_well(), key=KEY)
    np.testing.assert_allclose(found.points, [[-1], [0], [1]], atol=1e-14)
    np.testing.assert_allclose(found.eigenvalues, [[-2], [1], [-2]], atol=1e-13)
    assert found.kind == ["stable node", "unstable node", "stable node"]
    assert found.is_stable.tolist() == [True, False, True]
    assert found.box[0] < -1.5
    assert found.box[1] > 1.5
    assert found.outcome is Outcome.SUCCESS
    assert found.points.dtype == np.float64


def test_lorenz():
    """0, and (±c, ±c, ρ − 1) with c² = β(ρ − 1); their characteristic polynomials are known."""
    found = find(lorenz(), 50.0)
    c = np.sqrt(8 / 3 * 27)
    np.testing.assert_allclose(found.points, [[-c, -c, 27], [0, 0, 0], [c, c, 27]], atol=1e-12)
    assert found.kind == ["saddle-focus", "saddle", "saddle-focus"]
    assert found.unstable_dim.tolist() == [2, 1, 2]
    outer = np.roots([1, 41 / 3, 8 / 3 * 38, 2 * 10 * 8 / 3 * 27])
    origin = [*np.roots([1, 11, -270]), -8 / 3]
    for values, expected in ((found.eigenvalues[0], outer), (found.eigenvalues[1], origin)):
        np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(expected), rtol=1e-9)
    assert np.all(np.diff(found.eigenvalues.real, axis=1) <= 1e-9)
    assert found.speed.max() < 1e-11
    assert index(found) == 1


def test_dadras():
    """By elimination: z = cxy/e, so ry = x(z − …) leaves polynomials; here by their residual."""
    found = find(dadras(), 20.0)
    x, y, z = found.points.T
    np.testing.assert_allclose(z, 2 / 9 * x * y, atol=1e-12)
    np.testing.assert_allclose(y - 3 * x + 2.7 * y * z, 0, atol=1e-12)
    # With z = cxy/e the second equation is y(r − cx²/e + cx/e) = 0: y = 0, or x a root of a
    # quadratic, for each of which the first equation is a quadratic in y.
    roots = [(0.0, 0.0)]
    for x_root in np.roots([-2 / 9, 2 / 9, 1.7]):
        roots += [(x_root, y_root) for y_root in np.roots([0.6 * x_root, 1, -3 * x_root])]
    np.testing.assert_allclose(found.points[:, :2], sorted(roots), atol=1e-12)
    assert len(found.points) == 5
    assert found.kind.count("saddle-focus") == 4


@pytest.mark.parametrize(
    ("sde", "expected", "kind"),
    [
        (van_der_pol(), [0, 0], "unstable focus"),
        (limit_cycle(), [0, 0], "unstable focus"),
        (ornstein_uhlenbeck(), [0, 0], "stable focus"),
        (fitzhugh_nagumo(), None, "unstable focus"),
    ],
)
def test_oscillators_have_one(sde, expected, kind):
    found = find(sde, 4.0)
    if expected is None:  # v + a = bw and w = v − v³/3 + I: one real root of a cubic
        current = dict(sde.parameters)["current"]
        roots = np.roots([-0.8 / 3, 0, 0.8 - 1, 0.8 * current - 0.7])
        v = roots[np.abs(roots.imag) < 1e-9].real
        expected = [v[0], (v[0] + 0.7) / 0.8]
    np.testing.assert_allclose(found.points, [expected], atol=1e-12)
    assert found.kind == [kind]


def test_nine_roots_with_every_kind_of_real_stability():
    found = find(CUBIC, 2.0)
    grid = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij"), axis=-1).reshape(9, 2)
    np.testing.assert_allclose(found.points, grid, atol=1e-13)
    unstable = np.sum(grid == 0, axis=1)
    np.testing.assert_array_equal(found.unstable_dim, unstable)
    names = {0: "stable node", 1: "saddle", 2: "unstable node"}
    assert found.kind == [names[u] for u in unstable]
    assert index(found) == 1
    assert len(found.slow_points) == 0
    assert found.hits.min() > 1


def test_many_roots_are_found_or_their_want_is_told():
    """Of the 121 zeros of sin in the plane few starts find a part, and say so."""
    sde = SDE(lambda z: jnp.sin(z), 0.1, 2)
    many = find(sde, 16.0, num_starts=2048)
    assert len(many.points) == 121
    np.testing.assert_allclose(many.points / np.pi, np.round(many.points / np.pi), atol=1e-12)
    assert many.outcome is Outcome.SUCCESS
    few = find(sde, 16.0, num_starts=16)
    assert len(few.points) < 121
    assert few.num_starts == 96  # six rounds
    assert few.outcome in (Outcome.FEW_HITS, Outcome.MISSED_POINTS)  # either tells of the want


def test_roots_outside_of_the_box_are_left_out():
    found = find(CUBIC, (np.array([-0.5, -2.0]), np.array([2.0, 0.5])))
    np.testing.assert_allclose(found.points, [[0, -1], [0, 0], [1, -1], [1, 0]], atol=1e-13)


def test_scales_may_differ_a_billionfold():
    scale = np.array([1e-5, 1e4])
    sde = flow({"x": 1, "xxx": -(scale[0] ** -2)}, {"y": 1, "yyy": -(scale[1] ** -2)})
    found = find(sde, (-2 * scale, 2.5 * scale))
    assert len(found.points) == 9
    np.testing.assert_allclose(found.points / scale, np.round(found.points / scale), atol=1e-12)


def test_a_ghost_is_a_slow_point():
    """dx = gap + x² has no root, and is slowest at 0; for a gap below zero it has two."""
    gap = 1e-4
    found = find(flow({"": gap, "xx": 1}, {"y": -1}), 2.0)
    assert len(found.points) == 0
    np.testing.assert_allclose(found.slow_points, [[0, 0]], atol=1e-7)
    np.testing.assert_allclose(found.slow_speeds, gap)
    np.testing.assert_allclose(found.slow_eigenvalues, [[0, -1]], atol=1e-6)
    assert found.typical_speed > 1


def test_roots_where_the_ghost_was():
    found = find(flow({"": -0.01, "xx": 1}, {"y": -1}), 2.0)
    np.testing.assert_allclose(found.points, [[-0.1, 0], [0.1, 0]], atol=1e-12)
    assert len(found.slow_points) == 0


@pytest.mark.parametrize("power", ["xx", "xxx"])
def test_multiple_roots_are_one(power):
    found = find(flow({power: 1}, {"y": -1}), 2.0)
    np.testing.assert_allclose(found.points, [[0, 0]], atol=1e-7)
    assert found.kind == ["non-hyperbolic"]


@pytest.mark.parametrize(
    ("sde", "outcome"),
    [
        (flow({}, {"y": -1}), Outcome.CONTINUUM),  # a line
        (flow({"x": 1, "xxx": -1, "xyy": -1}, {"y": 1, "xxy": -1, "yyy": -1}), Outcome.CONTINUUM),
        (flow({"": 0.01}, {"y": -1}), Outcome.SLOW_CONTINUUM),
    ],
    ids=["line", "ring", "slow line"],
)
def test_a_continuum_is_told_and_thinned(sde, outcome):
    found = find(sde, 2.0)
    assert found.outcome is outcome
    slow = outcome is Outcome.SLOW_CONTINUUM
    assert len(found.slow_points if slow else found.points) == SHOWN
    assert len(found.points if slow else found.slow_points) == 0
    if not slow:
        assert found.speed.max() < 1e-12
        assert found.kind.count("non-hyperbolic") >= SHOWN - 1


def test_where_nothing_is_slow_nothing_is_found():
    """The speed is the same everywhere, or smallest at a wall."""
    for sde in (flow({"": 1}, {"": 2}), flow({"": 5, "x": 1}, {"y": -1})):
        found = find(sde, 2.0)
        assert len(found.points) == len(found.slow_points) == 0


@pytest.mark.parametrize(
    ("jacobian", "kind", "unstable"),
    [
        (np.diag([-1, -2, -3]), "stable node", 0),
        (np.diag([1.0]), "unstable node", 1),
        (np.diag([1, -2, 3]), "saddle", 2),
        ([[0, 1], [-1, 0]], "center", 0),
        ([[0, 1, 0], [-1, 0, 0], [0, 0, -1]], "non-hyperbolic", 0),
        ([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], "non-hyperbolic", 1),
        (np.zeros((2, 2)), "non-hyperbolic", 0),
        ([[-1, 5, 0], [-5, -1, 0], [0, 0, -1]], "stable focus", 0),
        ([[-1, 5, 0], [-5, -1, 0], [0, 0, 1]], "saddle-focus", 1),
        ([[1, 5], [-5, 1]], "unstable focus", 2),
        ([[-1, 1], [0, -1]], "stable node", 0),
    ],
)
def test_kinds(jacobian, kind, unstable):
    found = Stability.of(np.array([jacobian], float))
    assert found.kind == [kind]
    assert found.unstable_dim.tolist() == [unstable]


def random_network(seed, n=40, k=4):
    rng = np.random.default_rng(seed)
    gamma, readout = rng.normal(size=(n, k)), 3 * rng.normal(size=(k, n)) / n**0.5
    return Network(gamma, 0.1 * gamma.T + readout, 0.1 * rng.normal(size=n), tau=0.4)


def test_a_network_and_its_neurons():
    """All fixed points in the absorbing box: their indices sum to one. The n eigenvalues of each
    against the dense Jacobian of all neurons."""
    network = random_network(5)
    reach = np.abs(network.readout).sum(axis=1)
    found = fixed_points(network, (-reach, reach), key=KEY)
    assert found.outcome is Outcome.SUCCESS
    assert len(found.points) == 7
    assert index(found) == 1
    neural = found.neural_eigenvalues
    assert (neural.leak, neural.multiplicity) == (-2.5, 36)
    for z, values in zip(found.points, neural.latent, strict=True):
        x = network.gamma @ z + network.bias
        slopes = network.activation.derivatives(x)[1]
        dense = (-np.eye(40) + network.gamma @ network.readout * slopes) / network.tau
        expected = np.concatenate([values, np.full(neural.multiplicity, neural.leak)])
        found_values = np.linalg.eigvals(dense)
        for value in expected:  # each has its own
            nearest = np.abs(found_values - value).argmin()
            assert abs(found_values[nearest] - value) < 1e-6
            found_values = np.delete(found_values, nearest)
        with jax.enable_x64(True):
            assert np.abs(network.neural().drift(jnp.asarray(x))).max() < 1e-11
    with pytest.raises(InputError, match="only a network has neural eigenvalues"):
        _ = find(ornstein_uhlenbeck(), 1.0).neural_eigenvalues


def test_missing_points_are_told_by_their_index(monkeypatch):
    """Two wells that together fill a fiftythousandth of the box: both are found, but what parts
    them only from starts near by; without these the indices sum to two."""
    network = Network([[1.0]], [[2.0]], [0.0])
    box = ([-1e5], [1.1e5])
    found = fixed_points(network, box, key=KEY, num_starts=16)
    assert found.outcome is Outcome.SUCCESS
    assert len(found.points) == 3
    monkeypatch.setattr(FixedPointSearch, "around", lambda self, found, starts: starts)
    found = fixed_points(network, box, key=KEY, num_starts=16)
    assert found.outcome is Outcome.MISSED_POINTS
    assert len(found.points) == 2


def test_an_input_is_held_at_a_time():
    sde = Forced(ornstein_uhlenbeck(), lambda t: jnp.stack([t, 0 * t]))
    found = find(sde, 3.0, time=2.0)
    np.testing.assert_allclose(found.points, [np.linalg.solve([[2, -1], [1, 2]], [2, 0])])
    with pytest.raises(InputError, match="pass the time"):
        find(sde, 3.0)


def test_the_key_chooses_the_starts_alone():
    one, same = (find(CUBIC, 2.0) for _ in range(2))
    other = fixed_points(CUBIC, one.box, key=jax.random.key(7), num_starts=256)
    np.testing.assert_array_equal(one.points, same.points)
    np.testing.assert_array_equal(one.hits, same.hits)
    np.testing.assert_allclose(one.points, other.points, atol=1e-13)
    assert np.any(one.hits != other.hits)


def test_a_widened_box_may_leave_the_domain():
    """√x is not defined below 0: a box that was given is refused, the widened one is cut."""
    sde = SDE(lambda x: 1 - jnp.sqrt(x - 0.9) / 0.1**0.5, 0.02, 1, start=[1.2], time_scale=0.2)
    with pytest.raises(InputError, match=r"not finite at \[-.*in the box"):
        find(sde, (np.array([-1.0]), np.array([2.0])))
    found = fixed_points(sde, key=KEY, num_starts=64)
    np.testing.assert_allclose(found.points, [[1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"box": ([0.0], [1.0])}, "lower and an upper corner of 2 finite numbers each"),
        ({"box": ([0.0, 1.0], [1.0, 1.0])}, "the lower one below"),
        ({"box": ([0.0, 0.0], [1.0, np.inf])}, "finite numbers"),
        ({"box": 3.0}, "lower and an upper corner"),
        ({"box": ([0, 0], [1, 1], [2, 2])}, "lower and an upper corner"),
        ({"num_starts": 0}, "num_starts"),
        ({"key": 0}, "key"),
        ({"sde": np.sin}, "needs an SDE or a Network, got ufunc"),
    ],
)
def test_bad_input(change, message):
    arguments = {"sde": limit_cycle(), "box": ([-1, -1], [1, 1]), "key": KEY} | change
    with pytest.raises(InputError, match=message):
        fixed_points(arguments.pop("sde"), **arguments)

"""The route through a grid."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.outcomes import Outcome

OU = dm.systems.ornstein_uhlenbeck()
BOX = dm.Grid([-4, -4], [4, 4], 64)


def test_the_error_is_what_halving_the_cells_would_leave():
    """σ̇ = 1; extrapolation gains a factor, and the error it states covers what is left."""
    record = dm.irreversibility(OU, method=dm.GridRoute(BOX))
    plain = abs(record.stationary.entropy_production - 1)
    off = abs(record.entropy_production - 1)
    assert off < 0.3 * plain
    assert off < record.standard_error < 3 * plain
    assert record.outcome is Outcome.SUCCESS


def test_fields_inside_and_outside_the_box():
    record = dm.irreversibility(OU, method=dm.GridRoute(BOX))
    z = np.array([[0.3, -0.8], [9.0, 0.0]])
    turn = z @ np.array([[0.0, -1.0], [1.0, 0.0]])  # f_irr = −QS⁻¹z
    np.testing.assert_allclose(record.irreversible(z[0]), turn[0], atol=0.02)
    np.testing.assert_allclose(record.score(z[0]), -2 * z[0], atol=0.02)
    assert np.isnan(record.irreversible(z[1])).all()


def test_three_dimensions():
    B = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    sde = dm.systems.ornstein_uhlenbeck(B, 1.0)
    exact = dm.irreversibility(sde, method="linear").entropy_production
    route = dm.GridRoute(dm.Grid([-5] * 3, [5] * 3, 24))
    record = dm.irreversibility(sde, method=route)
    assert record.entropy_production == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(
    ("sde", "grid", "outcome"),
    [
        (OU, dm.Grid([-1, -1], [1, 1], 40), Outcome.CLIPPED),
        (OU, dm.Grid([-9, -9], [9, 9], 8), Outcome.COARSE),
        (dm.systems.limit_cycle(5.0, 0.1), dm.Grid([-2, -2], [2, 2], 40), Outcome.COARSE),
    ],
)
def test_outcomes(sde, grid, outcome):
    assert dm.irreversibility(sde, method=dm.GridRoute(grid)).outcome is outcome


@pytest.mark.parametrize(
    ("sde", "grid", "words"),
    [
        (dm.systems.ornstein_uhlenbeck(np.eye(4)), None, '4 dimensions .* method="score"'),
        (OU, "fine", "whole numbers"),
        (OU, 3, "at least 4"),
        (OU, 2.5, "whole numbers"),
        (OU, True, "whole numbers"),
        (OU, [8, 8, 8], "2 whole numbers"),
        (OU, dm.Grid([-1], [1], 8), "grid has 1 dimensions"),
        (dm.SDE(lambda z: -z, [[1.0], [0.0]], 2), BOX, "no noise along"),
    ],
)
def test_bad_input(sde, grid, words):
    with pytest.raises(dm.InputError, match=words):
        dm.irreversibility(sde, method=dm.GridRoute(grid))


def test_recordings_are_refused():
    run = dm.simulate(OU, duration=1.0, dt=0.01, key=jax.random.key(0))
    for method in ("grid", "linear"):
        with pytest.raises(dm.InputError, match=r'alone: leave the trajectory out, .*"path"'):
            dm.irreversibility(OU, method=method, trajectory=run)

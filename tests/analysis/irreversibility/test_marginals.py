from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

import driftmatch as dm
from driftmatch.analysis.irreversibility.by_grid import GridRoute
from driftmatch.analysis.irreversibility.marginals import checked_axes, held, marginal_of
from driftmatch.errors import InputError

B = np.array([[2.0, -1.0, 0.5], [1.0, 2.0, 0.0], [0.0, 0.6, 1.5]])
LINEAR = dm.irreversibility(dm.systems.ornstein_uhlenbeck(B, np.eye(3)), method="linear")


@cache
def on_grid():
    """Of a noisy rotation."""
    grid = dm.Grid([-2.0, -2.0], [2.0, 2.0], 96)
    return dm.irreversibility(dm.systems.limit_cycle(2.0, 0.5), method=GridRoute(grid))


def sampled(number=200_000):
    """The linear record as another route would give it: by states."""
    covariance = np.linalg.inv(LINEAR.score(np.zeros(3)) - LINEAR.score(np.eye(3)))
    rng = np.random.default_rng(0)
    return replace(LINEAR, states=rng.multivariate_normal(np.zeros(3), covariance, number))


def divergence_of_current(marginal, field):
    """Root mean square, in units of what its terms would be each."""
    J = marginal.density[..., None] * np.nan_to_num(field)
    terms = [np.gradient(J[..., a], marginal.grid.spacing[a], axis=a) for a in range(2)]
    inside = marginal.density > 0.05 * marginal.density.max()
    total, size = terms[0] + terms[1], np.hypot(*terms)
    return np.sqrt(np.mean(total[inside] ** 2) / np.mean(size[inside] ** 2))


RECORDS = {"closed form": lambda: LINEAR, "states": sampled, "grid": on_grid}
SHARP = {"closed form": 0.01, "states": 0.35, "grid": 0.02}


@pytest.mark.parametrize("name", RECORDS)
def test_density_sums_to_one_and_its_current_has_no_divergence(name):
    record = RECORDS[name]()
    marginal = marginal_of(record, (0, record.sde.dim - 1))
    assert marginal.density.sum() * marginal.grid.cell_volume == pytest.approx(1, abs=2e-3)
    assert divergence_of_current(marginal, marginal.irreversible) < SHARP[name]
    assert divergence_of_current(marginal, marginal.reversible) > 0.5  # which it is not for all
    np.testing.assert_allclose(
        marginal.reversible + marginal.irreversible, marginal.drift, atol=1e-9
    )


def test_states_give_what_the_closed_form_gives():
    exact, found = marginal_of(LINEAR, (0, 2)), marginal_of(sampled(), (0, 2))
    at = found.grid.centres[found.density.ravel() > 0.2 * found.density.max()]
    for a, b, scale in zip(exact.fields, found.fields, (0.15, 0.15, 0.1), strict=True):
        values = [RegularGridInterpolator(m.grid.axes, f)(at)
                  for m, f in ((exact, a), (found, b))]  # fmt: skip
        assert np.sqrt(np.mean((values[0] - values[1]) ** 2)) < scale * np.sqrt(
            np.mean(values[0] ** 2)
        )


def test_order_of_axes_is_kept():
    one, other = marginal_of(LINEAR, (0, 2)), marginal_of(LINEAR, (2, 0))
    np.testing.assert_allclose(one.density, other.density.T)
    np.testing.assert_allclose(one.irreversible[..., 0], other.irreversible[..., 1].T)
    one, other = marginal_of(on_grid(), (0, 1)), marginal_of(on_grid(), (1, 0))
    np.testing.assert_allclose(one.drift[..., 0], other.drift[..., 1].T)


def test_what_is_held_is_the_smallest_set():
    rng = np.random.default_rng(0)
    density = rng.exponential(size=(30, 20))
    inside = held(density)
    assert density[inside].sum() >= 0.999 * density.sum()
    assert density[inside].sum() - density[inside].min() < 0.999 * density.sum()
    assert density[inside].min() >= density[~inside].max()


def test_the_window_holds_what_is_known():
    marginal = marginal_of(on_grid(), None)
    low, high = marginal.window()
    known = marginal.grid.centres[np.isfinite(marginal.drift[..., 0]).ravel()]
    assert np.all(known > low)
    assert np.all(known < high)
    assert np.all(high - low < 1.2 * np.ptp(known, axis=0))


@pytest.mark.parametrize("axes", [(0,), (0, 0), (0, 3), (0, 1.5), (0, 1, 2)])
def test_axes_that_do_not_fit(axes):
    with pytest.raises(InputError, match="two different numbers from 0 to 2"):
        checked_axes(axes, 3)
    with pytest.raises(InputError, match=r"axes must be \(0,\)"):
        checked_axes((1,), 1)


def test_records_without_fields_are_refused_in_words():
    with pytest.raises(InputError, match="along paths gives no fields of ornstein"):
        marginal_of(replace(LINEAR, _score=None), None)

"""Units, origins, clocks and the order of coordinates change nothing but themselves.

z → a∘z + c with t → λt maps an SDE to one whose samples, densities, points and rates are known from
the first one's. What is random is compared within five combined standard errors of 64 independent
paths: with some 100 comparisons a false alarm in 1e-3 of runs of this file.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

import driftmatch as dm

KEYS = jax.random.key(0), jax.random.key(1)
SYSTEMS = {
    "linear": lambda: dm.SDE(
        lambda z: jnp.stack([-z[0] + z[1], -z[0] - z[1]]), np.array([1.0, 0.7]), 2
    ),
    "double well": lambda: dm.SDE(lambda x: x - x**3, 0.5, 1, start=(1.0,)),
    "van der Pol": lambda: dm.SDE(
        lambda z: jnp.stack([z[1], (1 - z[0] ** 2) * z[1] - z[0]]), 0.3, 2, start=(2.0, 0.0)
    ),
    "wells, no noise": lambda: dm.SDE(lambda x: x - x**3, 0.0, 1, start=(0.5,)),
}
NOISY = list(SYSTEMS)[:3]


class Change(NamedTuple):
    """z′ = a∘z + c in another order, t′ = λt; `a` and `c` for two coordinates or the first."""

    a: tuple[float, float] = (1.0, 1.0)
    c: tuple[float, float] = (0.0, 0.0)
    clock: float = 1.0
    is_turned: bool = False

    def scale(self, k):
        return np.array(self.a[:k])

    def there(self, z):
        """The states z in the new coordinates."""
        k = z.shape[-1]
        new = self.scale(k) * z + np.array(self.c[:k])
        return new[..., ::-1] if self.is_turned else new

    def back(self, new):
        k = new.shape[-1]
        z = new[..., ::-1] if self.is_turned else new
        return (z - np.array(self.c[:k])) / self.scale(k)

    def of(self, sde):
        """The SDE in the new coordinates."""
        a = self.scale(sde.dim)

        def order(v):
            return v[::-1] if self.is_turned else v

        def drift(new):
            return order(a * sde.drift(self.back(new)) / self.clock)

        def noise(new):
            return order(a[:, None] * sde.diffusion(self.back(new))) / self.clock**0.5

        quiet = sde.has_constant_diffusion and not np.any(sde.diffusion(jnp.zeros(sde.dim)))
        start = None if sde.starts is None else self.there(sde.starts)
        return dm.SDE(drift, 0.0 if quiet else noise, sde.dim, start=start)


CHANGES = {
    "small": Change(a=(1e-12, 1e-12)),
    "large": Change(a=(1e12, 1e12)),
    "small and large": Change(a=(1e-12, 1e12)),
    "far": Change(c=(1e6, -3e5)),
    "small and far": Change(a=(1e-9, 1e3), c=(1e-3, 1e8)),
    "slow": Change(clock=1e9),
    "fast": Change(clock=1e-9),
    "turned": Change(is_turned=True),
}
FEW = ["small and large", "far", "slow", "turned"]


QUICK = {
    ("linear", "far"),
    ("van der Pol", "small and large"),
    ("double well", "slow"),
    ("wells, no noise", "far"),
}


def pairs(systems, changes):
    """All of them, but for the order of one coordinate; one of each system is quick."""
    return [
        pytest.param(
            system,
            change,
            id=f"{system}-{change}",
            marks=[] if (system, change) in QUICK else pytest.mark.slow,
        )
        for system in systems
        for change in changes
        if not (change == "turned" and "well" in system)
    ]


@functools.cache
def built(system, change=None):
    sde = SYSTEMS[system]()
    return sde if change is None else CHANGES[change].of(sde)


@functools.cache
def sampled(system, change=None):
    """With another key, unless all that chance decides is where paths set out."""
    is_other = change is not None and system in NOISY
    return dm.sample(built(system, change), key=KEYS[is_other])


@functools.cache
def dissipated(system, change, method):
    samples = sampled(system, change)
    return dm.irreversibility(built(system, change), key=KEYS[0], method=method, samples=samples)


def averages(runs):
    """Means of z, z², |z| and products over the paths, and standard errors."""
    features = np.concatenate([runs, runs**2, np.abs(runs), runs.prod(axis=2, keepdims=True)], 2)
    means = features.mean(axis=1)
    return means.mean(axis=0), means.std(axis=0, ddof=1) / len(means) ** 0.5


@pytest.mark.parametrize(("system", "change"), pairs(SYSTEMS, CHANGES))
def test_samples(system, change):
    old, new = sampled(system), sampled(system, change)
    by = CHANGES[change]
    assert new.outcome is old.outcome
    assert new.is_resting == old.is_resting
    runs = by.back(new.runs)
    ratio = np.ptp(runs, axis=(0, 1)) / np.ptp(old.runs, axis=(0, 1))
    slower = new.time_scale / by.clock / old.time_scale
    if old.is_resting:  # the ways begin at 64 normal numbers, and the outermost decide
        assert np.all((ratio > 1 / 2) & (ratio < 2))
        assert 1 / 2 < slower < 2
    else:  # the extremes of some thousand independent states vary by a tenth of the width
        assert np.all((ratio > 0.7) & (ratio < 1.4))
        assert slower == pytest.approx(1.0, rel=0.1)
    assert new.step / by.clock == pytest.approx(old.step, rel=0.7)  # by what the error allows
    if not old.is_resting:
        (x, e), (y, d) = averages(old.runs), averages(runs)
        assert np.all(np.abs(x - y) < 5 * np.hypot(e, d) + 1e-3)
        assert np.hypot(e, d).max() < 0.05


@pytest.mark.parametrize(("system", "change"), pairs(NOISY, FEW))
def test_densities(system, change):
    by = CHANGES[change]
    old = dm.stationary(built(system), samples=sampled(system))
    new = dm.stationary(built(system, change), samples=sampled(system, change))
    assert new.outcome is old.outcome
    at = by.there(old.grid.centres)
    axes = [
        low + (np.arange(n) + 0.5) * h
        for low, n, h in zip(new.grid.lower, new.grid.shape, new.grid.spacing, strict=True)
    ]
    read = RegularGridInterpolator(axes, new.density, bounds_error=False, fill_value=0.0)
    there = read(at).reshape(old.grid.shape) * by.scale(old.grid.dim).prod()
    # The total variation between two grids: second order in the cell, and what interpolation adds.
    assert 0.5 * np.abs(there - old.density).sum() * old.grid.cell_volume < 5e-3
    assert new.entropy_production * by.clock == pytest.approx(
        old.entropy_production, rel=0.01, abs=1e-6
    )


@pytest.mark.parametrize(("system", "change"), pairs(SYSTEMS, FEW))
def test_points(system, change):
    by = CHANGES[change]
    old = dm.fixed_points(built(system), key=KEYS[0], samples=sampled(system))
    new = dm.fixed_points(built(system, change), key=KEYS[0], samples=sampled(system, change))
    found = by.back(new.points)
    order = np.lexsort(np.round(found, 6).T[::-1])
    assert new.outcome is old.outcome
    # Far away numbers themselves are rounded, to 1e-10.
    np.testing.assert_allclose(found[order], old.points, atol=1e-8)
    np.testing.assert_allclose(
        new.eigenvalues[order].real * by.clock, old.eigenvalues.real, atol=1e-6
    )


@pytest.mark.parametrize(("system", "change"), pairs(SYSTEMS, FEW))
def test_embeddings(system, change):
    """Random features differ: errors of two keys do by less than a factor of three."""
    by = CHANGES[change]
    old = dm.embed(built(system), 64, key=KEYS[0], check=False, samples=sampled(system))
    new = dm.embed(
        built(system, change), 64, key=KEYS[0], check=False, samples=sampled(system, change)
    )
    assert new.outcome is old.outcome
    assert abs(np.log(new.report.drift_error / old.report.drift_error)) < np.log(3)
    assert 1 / 2 < new.report.tau / by.clock / old.report.tau < 2


# A square in which every change meets every route, and every system both.
DISSIPATED = [
    ("linear", "far", "path"), ("linear", "turned", "score"), ("double well", "slow", "path"),
    ("double well", "far", "score"), ("van der Pol", "small and large", "path"),
    ("van der Pol", "turned", "path"), ("van der Pol", "slow", "score"),
    ("linear", "small and large", "score"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("system", "change", "method"), DISSIPATED)
def test_entropy_productions(system, change, method):
    by = CHANGES[change]
    old, new = dissipated(system, None, method), dissipated(system, change, method)
    error = np.hypot(old.standard_error, new.standard_error * by.clock)
    assert new.outcome is old.outcome
    assert abs(new.entropy_production * by.clock - old.entropy_production) < 5 * error + 1e-6


def test_a_change_that_is_not_undone_is_seen():
    """The negative twin of `test_samples`: coordinates in the wrong order."""
    (x, e), (y, d) = averages(sampled("linear").runs), averages(sampled("linear", "turned").runs)
    assert np.any(np.abs(x - y) > 5 * np.hypot(e, d) + 1e-3)

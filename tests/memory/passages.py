"""Systems, targets and exact first passage times that tests of grids and of simulations share."""

import functools
import math

import jax.numpy as jnp
import numpy as np
from scipy import integrate

import driftmatch as dm

LINE = dm.Grid([-2.5], [2.5], 1000)


@functools.cache  # one SDE for each D, so that what was compiled for it serves again
def well(D):
    return dm.systems.double_well((2 * D) ** 0.5)


def energy(x, D):
    """V/D of the double well."""
    return (x**4 / 4 - x**2 / 2) / D


def passage(start, end, D):
    """Mean first passage of the double well upwards, by quadrature of the closed formula."""

    def inner(y):
        weight = lambda x: math.exp(energy(y, D) - energy(x, D))  # noqa: E731
        return integrate.quad(weight, -4, y, limit=200, points=[min(-1.0, y)])[0]

    return integrate.quad(inner, start, end, limit=200)[0] / D


@functools.cache  # one function for each x, so that what was compiled for it serves again
def beyond(x):
    """A target: all states above x."""
    return lambda z: x - z[0]


def off_centre(z):
    """A target: |z| ≥ 1."""
    return 1 - jnp.sqrt(jnp.sum(z**2) + 1e-30)


def exit_of_a_disc(r, R, stiffness, D, dim=2):
    """T of dz = −κz dt + √(2D) dB from |z| = r until |z| = R, from the radial equation."""

    def slope(s):
        weight = lambda u: (u / s) ** (dim - 1) * math.exp(stiffness * (s**2 - u**2) / (2 * D))  # noqa: E731
        return integrate.quad(weight, 0, s)[0] / D

    return integrate.quad(slope, r, R)[0]


def multiplicative(x, a):
    """T of dx = (1 + ax) dB from x until |x| = 1."""
    F = lambda x: 2 / a**2 * np.log(1 + a * x)  # noqa: E731
    return F(x) - (F(1) + F(-1)) / 2 - x * (F(1) - F(-1)) / 2

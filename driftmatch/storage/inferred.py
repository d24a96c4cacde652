"""Inferred SDEs as a file's arrays and words: they are numbers, and come back whole."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from driftmatch.arguments import check_array, check_text
from driftmatch.domain import check_coordinates, check_periods
from driftmatch.inference.basis import Basis
from driftmatch.inference.estimate import Estimate
from driftmatch.inference.inferred_sde import InferredSDE

_HIGHEST = 16  # exponent of a monomial: larger ones are damage, and would take for ever


def from_inferred(sde: InferredSDE) -> dict[str, Any]:
    """Arrays and words."""
    estimate = sde.estimate
    return {
        "drift_basis": _from_basis(estimate.basis),
        "drift_coefficients": estimate.coefficients,
        "diffusion_basis": _from_basis(estimate.diffusion_basis),
        "diffusion_coefficients": estimate.diffusion_coefficients,
        "pull": float(estimate.pull),
        "floor": float(estimate.floor),
        "mean": sde.mean,
        "factor": sde.factor,
        "start": sde.starts,
        "periodic": sde.periodic,
        "coordinates": sde.coordinates,
        "units": sde.units,
        "name": sde.name,
    }


def to_inferred(fields: Mapping[str, Any]) -> InferredSDE:
    """The SDE again; raises KeyError, ValueError or `InputError` for what is none."""
    k = len(check_array("mean", fields["mean"], ("k",)))
    periodic = check_periods(fields["periodic"], k, None, None)
    angles = tuple(period is not None for period in periodic or (None,) * k)
    basis, other = (_to_basis(fields[f"{of}_basis"], angles) for of in ("drift", "diffusion"))
    estimate = Estimate(
        basis,
        check_array("drift_coefficients", fields["drift_coefficients"], (basis.size, k)),
        other,
        check_array("diffusion_coefficients", fields["diffusion_coefficients"],
                    (other.size, k * (k + 1) // 2)),
        check_array("pull", fields["pull"], ()),
        check_array("floor", fields["floor"], ()),
    )  # fmt: skip
    factor = check_array("factor", fields["factor"], (k, k))
    names, units = check_coordinates(fields["coordinates"], fields["units"], k)
    return InferredSDE(
        estimate, check_array("mean", fields["mean"], (k,)), factor, np.linalg.inv(factor),
        check_array("start", fields["start"], ("A", k)), periodic, names, units,
        check_text("name", fields["name"]),
    )  # fmt: skip


def _from_basis(basis: Basis) -> dict[str, Any]:
    return {
        "exponents": basis.exponents,
        "gamma": basis.gamma,
        "bias": basis.bias,
        "reach": float(basis.reach),
    }


def _to_basis(fields: Mapping[str, Any], angles: tuple[bool, ...]) -> Basis:
    q = len(angles) + sum(angles)
    exponents = fields["exponents"]
    if not all(
        isinstance(e, tuple) and len(e) == q and all(i in range(_HIGHEST) for i in e)
        for e in exponents
    ):
        raise ValueError(f"exponents are not of {q} whole numbers each")
    gamma = np.asarray(fields["gamma"], np.float64)
    bias = np.asarray(fields["bias"], np.float64)
    if gamma.shape != (*bias.shape, q) or bias.ndim != 1:
        raise ValueError(f"gamma and bias have shapes {gamma.shape} and {bias.shape}")
    return Basis(gamma, bias, check_array("reach", fields["reach"], ()), exponents, angles)

"""The numbers of an analysis in the types that JSON has."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from driftmatch.analysis.fixed_points import FixedPoints
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.analysis.lyapunov import LyapunovSpectrum
from driftmatch.analysis.neural_lyapunov import NeuralSpectrum
from driftmatch.analysis.subspace import Alignment, Subspace
from driftmatch.analysis.symmetry import SymmetryDecomposition
from driftmatch.analysis.symmetry_roles import SymmetryRoles
from driftmatch.records import plain

# What is told of each record; arrays over neurons, grids or time are not.
_TOLD: dict[type, str] = {
    FixedPoints: "points kind eigenvalues unstable_dim slow_points slow_speeds typical_speed "
    "num_starts box outcome",
    LyapunovSpectrum: "exponents standard_error sum sum_standard_error dimension duration outcome",
    NeuralSpectrum: "within leak num_leak sum sum_standard_error dimension duration outcome",
    Irreversibility: "entropy_production standard_error method outcome",
    StationaryDensity: "grid.lower grid.upper grid.shape wall_mass numerical_diffusion outcome",
    SymmetryDecomposition: "norm symmetric_norm asymmetric_norm asymmetry",
    SymmetryRoles: "outward restoring motion divergence size descending_fraction num_states",
    Subspace: "dimension gap total_variance num_samples outcome",
    Alignment: "principal_angles error outcome",
}


def numbers_of(value: Any) -> Any:
    """Of a part what is told, as `plain` has it."""
    if type(value) in _TOLD:
        names = _TOLD[type(value)].split()
        return {name.rpartition(".")[2]: numbers_of(attrgetter(name)(value)) for name in names}
    if isinstance(value, Mapping):
        return {str(name): numbers_of(inner) for name, inner in value.items()}
    return plain(value)

"""Embed any stochastic differential equation in a low-rank recurrent neural network.

Names are imported when they are first used, so that ``driftmatch --help`` need not load JAX.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from driftmatch import figures as figures
    from driftmatch import systems as systems
    from driftmatch.activations import ACTIVATIONS as ACTIVATIONS
    from driftmatch.activations import Activation as Activation
    from driftmatch.analysis.basin import BasinCheck as BasinCheck
    from driftmatch.analysis.basin import basins as basins
    from driftmatch.analysis.compare import Scorecard as Scorecard
    from driftmatch.analysis.compare import compare as compare
    from driftmatch.analysis.densities import sliced_wasserstein as sliced_wasserstein
    from driftmatch.analysis.densities import state_space_divergence as state_space_divergence
    from driftmatch.analysis.lyapunov import LyapunovSpectrum as LyapunovSpectrum
    from driftmatch.analysis.lyapunov import lyapunov as lyapunov
    from driftmatch.analysis.spectra import spectrum_distance as spectrum_distance
    from driftmatch.errors import ComputationError as ComputationError
    from driftmatch.errors import InputError as InputError
    from driftmatch.matching.embed import Embedding as Embedding
    from driftmatch.matching.embed import EmbeddingReport as EmbeddingReport
    from driftmatch.matching.embed import embed as embed
    from driftmatch.matching.errors import matching_errors as matching_errors
    from driftmatch.matching.fits import Backprop as Backprop
    from driftmatch.matching.fits import LeastSquares as LeastSquares
    from driftmatch.matching.fits import Refined as Refined
    from driftmatch.meters import TerminalMeter as TerminalMeter
    from driftmatch.network import Network as Network
    from driftmatch.network import SharedNoise as SharedNoise
    from driftmatch.outcomes import Outcome as Outcome
    from driftmatch.sde import SDE as SDE
    from driftmatch.sde import AbstractSDE as AbstractSDE
    from driftmatch.simulation.simulate import simulate as simulate
    from driftmatch.simulation.trajectory import NetworkTrajectory as NetworkTrajectory
    from driftmatch.simulation.trajectory import Trajectory as Trajectory
    from driftmatch.storage.models import load as load
    from driftmatch.storage.models import save as save
    from driftmatch.storage.trajectories import load_trajectory as load_trajectory
    from driftmatch.storage.trajectories import save_trajectory as save_trajectory

# public name -> the module that defines it
_HOMES = {
    "ACTIVATIONS": "activations",
    "AbstractSDE": "sde",
    "Activation": "activations",
    "Backprop": "matching.fits",
    "BasinCheck": "analysis.basin",
    "ComputationError": "errors",
    "Embedding": "matching.embed",
    "EmbeddingReport": "matching.embed",
    "InputError": "errors",
    "LeastSquares": "matching.fits",
    "LyapunovSpectrum": "analysis.lyapunov",
    "Network": "network",
    "NetworkTrajectory": "simulation.trajectory",
    "Outcome": "outcomes",
    "Refined": "matching.fits",
    "SDE": "sde",
    "Scorecard": "analysis.compare",
    "SharedNoise": "network",
    "TerminalMeter": "meters",
    "Trajectory": "simulation.trajectory",
    "basins": "analysis.basin",
    "compare": "analysis.compare",
    "embed": "matching.embed",
    "load": "storage.models",
    "load_trajectory": "storage.trajectories",
    "lyapunov": "analysis.lyapunov",
    "matching_errors": "matching.errors",
    "save": "storage.models",
    "save_trajectory": "storage.trajectories",
    "simulate": "simulation.simulate",
    "sliced_wasserstein": "analysis.densities",
    "spectrum_distance": "analysis.spectra",
    "state_space_divergence": "analysis.densities",
}
_MODULES = ("figures", "systems")

__all__ = ["__version__", *_MODULES, *_HOMES]


def __getattr__(name: str):
    if name in _MODULES:
        return importlib.import_module(f"driftmatch.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"driftmatch.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'driftmatch' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)

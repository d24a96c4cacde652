"""Embed any stochastic differential equation in a low-rank recurrent neural network.

Names are imported when they are first used, so that ``driftmatch --help`` need not load JAX.
"""

import importlib
from typing import TYPE_CHECKING

from driftmatch.version import __version__ as __version__

if TYPE_CHECKING:
    from driftmatch import export as export
    from driftmatch import figures as figures
    from driftmatch import memory as memory
    from driftmatch import systems as systems
    from driftmatch.abstract_sde import AbstractSDE as AbstractSDE
    from driftmatch.activations import ACTIVATIONS as ACTIVATIONS
    from driftmatch.activations import Activation as Activation
    from driftmatch.analysis.basin import BasinCheck as BasinCheck
    from driftmatch.analysis.basin import basins as basins
    from driftmatch.analysis.bifurcation import Bifurcation as Bifurcation
    from driftmatch.analysis.bifurcation import bifurcation as bifurcation
    from driftmatch.analysis.compare import Scorecard as Scorecard
    from driftmatch.analysis.compare import Scorecards as Scorecards
    from driftmatch.analysis.compare import compare as compare
    from driftmatch.analysis.densities import sliced_wasserstein as sliced_wasserstein
    from driftmatch.analysis.densities import state_space_divergence as state_space_divergence
    from driftmatch.analysis.fixed_points import FixedPoints as FixedPoints
    from driftmatch.analysis.fixed_points import NeuralEigenvalues as NeuralEigenvalues
    from driftmatch.analysis.fixed_points import fixed_points as fixed_points
    from driftmatch.analysis.fokker_planck.stationary import StationaryDensity as StationaryDensity
    from driftmatch.analysis.fokker_planck.stationary import stationary as stationary
    from driftmatch.analysis.helmholtz_hodge import HelmholtzHodge as HelmholtzHodge
    from driftmatch.analysis.helmholtz_hodge import helmholtz_hodge as helmholtz_hodge
    from driftmatch.analysis.irreversibility.by_grid import GridRoute as GridRoute
    from driftmatch.analysis.irreversibility.by_linear import LinearRoute as LinearRoute
    from driftmatch.analysis.irreversibility.by_path import PathRoute as PathRoute
    from driftmatch.analysis.irreversibility.by_score import ScoreRoute as ScoreRoute
    from driftmatch.analysis.irreversibility.irreversibility import (
        irreversibility as irreversibility,
    )
    from driftmatch.analysis.irreversibility.record import AbstractRoute as AbstractRoute
    from driftmatch.analysis.irreversibility.record import Irreversibility as Irreversibility
    from driftmatch.analysis.lyapunov import LyapunovSpectrum as LyapunovSpectrum
    from driftmatch.analysis.lyapunov import lyapunov as lyapunov
    from driftmatch.analysis.manifold import ManifoldReport as ManifoldReport
    from driftmatch.analysis.manifold import manifold_report as manifold_report
    from driftmatch.analysis.neural_lyapunov import NeuralSpectrum as NeuralSpectrum
    from driftmatch.analysis.neural_lyapunov import neural_lyapunov as neural_lyapunov
    from driftmatch.analysis.spectra import spectrum_distance as spectrum_distance
    from driftmatch.analysis.subspace import Alignment as Alignment
    from driftmatch.analysis.subspace import Subspace as Subspace
    from driftmatch.analysis.subspace import subspace as subspace
    from driftmatch.analysis.summary import Analysis as Analysis
    from driftmatch.analysis.summary import analyse as analyse
    from driftmatch.analysis.symmetry import SymmetryDecomposition as SymmetryDecomposition
    from driftmatch.analysis.symmetry import symmetry as symmetry
    from driftmatch.analysis.symmetry_roles import SymmetryRoles as SymmetryRoles
    from driftmatch.analysis.symmetry_roles import symmetry_roles as symmetry_roles
    from driftmatch.analysis.truncation import Truncation as Truncation
    from driftmatch.analysis.truncation import truncation as truncation
    from driftmatch.embedding.asymmetry import AsymmetryFront as AsymmetryFront
    from driftmatch.embedding.asymmetry import asymmetry_front as asymmetry_front
    from driftmatch.embedding.closed_loop import ClosedLoop as ClosedLoop
    from driftmatch.embedding.embed import Embedding as Embedding
    from driftmatch.embedding.embed import embed as embed
    from driftmatch.embedding.robustness import RobustnessFront as RobustnessFront
    from driftmatch.embedding.robustness import robustness_front as robustness_front
    from driftmatch.embedding.verdict import EmbeddingReport as EmbeddingReport
    from driftmatch.errors import ComputationError as ComputationError
    from driftmatch.errors import ExtrapolationWarning as ExtrapolationWarning
    from driftmatch.errors import InputError as InputError
    from driftmatch.errors import TruncationWarning as TruncationWarning
    from driftmatch.grids import Grid as Grid
    from driftmatch.inference.infer import infer as infer
    from driftmatch.inference.inference import Inference as Inference
    from driftmatch.inference.inferred_sde import InferredSDE as InferredSDE
    from driftmatch.matching.errors import matching_errors as matching_errors
    from driftmatch.matching.features import AbstractFeatures as AbstractFeatures
    from driftmatch.matching.features import RandomFeatures as RandomFeatures
    from driftmatch.matching.fits import AbstractFit as AbstractFit
    from driftmatch.matching.fits import Backprop as Backprop
    from driftmatch.matching.fits import Fitted as Fitted
    from driftmatch.matching.fits import LeastSquares as LeastSquares
    from driftmatch.matching.fits import Refined as Refined
    from driftmatch.matching.problem import AbstractReadouts as AbstractReadouts
    from driftmatch.matching.problem import Features as Features
    from driftmatch.matching.problem import MatchingProblem as MatchingProblem
    from driftmatch.matching.wiring import AbstractWiring as AbstractWiring
    from driftmatch.matching.wiring import Dale as Dale
    from driftmatch.matching.wiring import Sparse as Sparse
    from driftmatch.matching.wiring import Symmetric as Symmetric
    from driftmatch.meters import AbstractMeter as AbstractMeter
    from driftmatch.meters import TerminalMeter as TerminalMeter
    from driftmatch.network import AbstractConnectivity as AbstractConnectivity
    from driftmatch.network import AbstractLift as AbstractLift
    from driftmatch.network import Affine as Affine
    from driftmatch.network import InputRange as InputRange
    from driftmatch.network import LowRank as LowRank
    from driftmatch.network import Network as Network
    from driftmatch.network import NeuralSDE as NeuralSDE
    from driftmatch.network import SharedNoise as SharedNoise
    from driftmatch.network import with_noise as with_noise
    from driftmatch.outcomes import Outcome as Outcome
    from driftmatch.recordings.read import read_recording as read_recording
    from driftmatch.recordings.recording import Recording as Recording
    from driftmatch.sampling.sample import sample as sample
    from driftmatch.sampling.samples import Samples as Samples
    from driftmatch.sampling.surroundings import surroundings as surroundings
    from driftmatch.sde import SDE as SDE
    from driftmatch.simulation import inputs as inputs
    from driftmatch.simulation.simulate import simulate as simulate
    from driftmatch.simulation.trajectory import NetworkTrajectory as NetworkTrajectory
    from driftmatch.simulation.trajectory import Trajectory as Trajectory
    from driftmatch.storage.files import load as load
    from driftmatch.storage.files import save as save
    from driftmatch.storage.trajectories import load_trajectory as load_trajectory
    from driftmatch.storage.trajectories import save_trajectory as save_trajectory

# public name -> the module that defines it
_HOMES = {
    "ACTIVATIONS": "activations",
    "AbstractConnectivity": "network",
    "AbstractFeatures": "matching.features",
    "AbstractFit": "matching.fits",
    "AbstractLift": "network",
    "AbstractMeter": "meters",
    "AbstractReadouts": "matching.problem",
    "AbstractRoute": "analysis.irreversibility.record",
    "AbstractSDE": "abstract_sde",
    "AbstractWiring": "matching.wiring",
    "Activation": "activations",
    "Affine": "network",
    "Alignment": "analysis.subspace",
    "Analysis": "analysis.summary",
    "AsymmetryFront": "embedding.asymmetry",
    "Backprop": "matching.fits",
    "BasinCheck": "analysis.basin",
    "Bifurcation": "analysis.bifurcation",
    "ClosedLoop": "embedding.closed_loop",
    "ComputationError": "errors",
    "Dale": "matching.wiring",
    "Embedding": "embedding.embed",
    "EmbeddingReport": "embedding.verdict",
    "ExtrapolationWarning": "errors",
    "Features": "matching.problem",
    "Fitted": "matching.fits",
    "FixedPoints": "analysis.fixed_points",
    "Grid": "grids",
    "GridRoute": "analysis.irreversibility.by_grid",
    "HelmholtzHodge": "analysis.helmholtz_hodge",
    "Inference": "inference.inference",
    "InferredSDE": "inference.inferred_sde",
    "InputError": "errors",
    "InputRange": "network",
    "Irreversibility": "analysis.irreversibility.record",
    "LeastSquares": "matching.fits",
    "LinearRoute": "analysis.irreversibility.by_linear",
    "LowRank": "network",
    "LyapunovSpectrum": "analysis.lyapunov",
    "ManifoldReport": "analysis.manifold",
    "MatchingProblem": "matching.problem",
    "Network": "network",
    "NetworkTrajectory": "simulation.trajectory",
    "NeuralEigenvalues": "analysis.fixed_points",
    "NeuralSDE": "network",
    "NeuralSpectrum": "analysis.neural_lyapunov",
    "Outcome": "outcomes",
    "PathRoute": "analysis.irreversibility.by_path",
    "RandomFeatures": "matching.features",
    "Recording": "recordings.recording",
    "Refined": "matching.fits",
    "RobustnessFront": "embedding.robustness",
    "SDE": "sde",
    "Samples": "sampling.samples",
    "ScoreRoute": "analysis.irreversibility.by_score",
    "Scorecard": "analysis.compare",
    "Scorecards": "analysis.compare",
    "SharedNoise": "network",
    "Sparse": "matching.wiring",
    "StationaryDensity": "analysis.fokker_planck.stationary",
    "Subspace": "analysis.subspace",
    "Symmetric": "matching.wiring",
    "SymmetryDecomposition": "analysis.symmetry",
    "SymmetryRoles": "analysis.symmetry_roles",
    "TerminalMeter": "meters",
    "Trajectory": "simulation.trajectory",
    "Truncation": "analysis.truncation",
    "TruncationWarning": "errors",
    "analyse": "analysis.summary",
    "asymmetry_front": "embedding.asymmetry",
    "basins": "analysis.basin",
    "bifurcation": "analysis.bifurcation",
    "compare": "analysis.compare",
    "embed": "embedding.embed",
    "fixed_points": "analysis.fixed_points",
    "helmholtz_hodge": "analysis.helmholtz_hodge",
    "infer": "inference.infer",
    "irreversibility": "analysis.irreversibility.irreversibility",
    "load": "storage.files",
    "load_trajectory": "storage.trajectories",
    "lyapunov": "analysis.lyapunov",
    "manifold_report": "analysis.manifold",
    "matching_errors": "matching.errors",
    "neural_lyapunov": "analysis.neural_lyapunov",
    "read_recording": "recordings.read",
    "robustness_front": "embedding.robustness",
    "sample": "sampling.sample",
    "save": "storage.files",
    "save_trajectory": "storage.trajectories",
    "simulate": "simulation.simulate",
    "sliced_wasserstein": "analysis.densities",
    "spectrum_distance": "analysis.spectra",
    "state_space_divergence": "analysis.densities",
    "stationary": "analysis.fokker_planck.stationary",
    "surroundings": "sampling.surroundings",
    "with_noise": "network",
    "subspace": "analysis.subspace",
    "symmetry": "analysis.symmetry",
    "symmetry_roles": "analysis.symmetry_roles",
    "truncation": "analysis.truncation",
}
_MODULES = {
    "export": "export",
    "figures": "figures",
    "inputs": "simulation.inputs",
    "memory": "memory",
    "systems": "systems",
}

__all__ = ["__version__", *_MODULES, *_HOMES]


def __getattr__(name: str):
    if name in _MODULES:
        return importlib.import_module(f"driftmatch.{_MODULES[name]}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"driftmatch.{_HOMES[name]}"), name)
    from driftmatch.words import no_attribute

    raise no_attribute(__name__, name, __all__)


def __dir__():
    return sorted(__all__)

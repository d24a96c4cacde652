"""One of every record, computed in no time or invented, for tests of what all records can do."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from cards import CARD
from inferred import INFERENCE

import driftmatch as dm
from driftmatch.analysis.densities import MarginalDensities
from driftmatch.analysis.irreversibility.by_grid import GridScore
from driftmatch.analysis.irreversibility.by_linear import LinearScore
from driftmatch.analysis.irreversibility.score import ScoreFit, ScoreModel
from driftmatch.embedding.closed_loop import ClosedLoop
from driftmatch.embedding.embed import Look
from driftmatch.inference.diagnostics import Halves, Residuals, Twin
from driftmatch.inference.inference import Lag
from driftmatch.matching.problem import Features
from driftmatch.memory.rates import Rate
from driftmatch.memory.trials import Pooled

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
OK = dm.Outcome.SUCCESS
OU = dm.systems.ornstein_uhlenbeck()
NEURON = dm.systems.fitzhugh_nagumo()
DOUBLE_WELL = dm.systems.double_well()
NETWORK = dm.Network(
    RNG.normal(size=(8, 2)), RNG.normal(size=(2, 8)) / 8, np.zeros(8), shared_noise=0.1,
    coordinates=["V", "w"], units=["mV", ""],
)  # fmt: skip
SHORT = {"duration": 4.0, "dt": 0.1, "key": KEY}
TIMES = np.arange(0, 60, 0.1)
WAVE = dm.Trajectory(TIMES, np.sin(TIMES)[None, :, None], OK, "wave", 0.1)
GRID = dm.Grid((-4, -4), (4, 4), (16, 16), units=("mV", ""))
LINE = dm.Grid([-2], [2], 64)
WELLS = [[-1.0], [1.0]]
FEATURES = Features(RNG.normal(size=(5, 2)), RNG.normal(size=5))
MODEL = ScoreModel(np.zeros(2), np.eye(2), np.zeros(2), FEATURES, np.ones(5))


def score_route():
    fit = ScoreFit((MODEL, MODEL), 0.01)
    return dm.Irreversibility(
        1.0, 0.1, "score", OK, OU, states=RNG.normal(size=(2000, 2)), _score=fit
    )


def recall():
    run = of(dm.Trajectory)
    ended = np.zeros(len(run.states), int)
    return dm.memory.Recall(1, ended, ended, run, 0.0, 1.0, dm.memory.Regions(2 * np.eye(2)))


def analysis():
    parts = {"run": dm.NetworkTrajectory, "fixed_points": dm.FixedPoints,
             "lyapunov": dm.LyapunovSpectrum, "neural_lyapunov": dm.NeuralSpectrum,
             "symmetry": dm.SymmetryDecomposition, "symmetry_roles": dm.SymmetryRoles,
             "subspace": dm.Subspace, "alignment": dm.Alignment}  # fmt: skip
    return dm.Analysis(
        system=NETWORK, name="network", dimension=2, num_neurons=8, time_scale=np.float64(1.0),
        irreversibility=score_route(), grid_irreversibility=None, stationary=None,
        skipped={"stationary": "it was not asked for"}, seconds=1.0,
        **{part: of(kind) for part, kind in parts.items()},
    )  # fmt: skip


MADE: dict[type, Callable[[], Any]] = {
    dm.Alignment: lambda: of(dm.Subspace).align(NETWORK, of(dm.NetworkTrajectory)),
    dm.Analysis: analysis,
    dm.AsymmetryFront: lambda: dm.AsymmetryFront(
        *(np.array([0.01, 0.1]) for _ in range(4)),
        np.stack([NETWORK.readout, 0.5 * NETWORK.readout]), NETWORK,
    ),
    dm.BasinCheck: lambda: dm.BasinCheck(0.0, (0.0, 0.1), None, None, 0.0, (0.0, 0.01), 64, 32),
    dm.Embedding: lambda: dm.Embedding(
        NETWORK, of(dm.EmbeddingReport), dm.Outcome.FRAGILE, NEURON, of(ClosedLoop), "it was told"
    ),
    dm.EmbeddingReport: lambda: dm.EmbeddingReport(
        0.01, 0.02, np.float32(0.01), float("nan"), 3.0, 1.0, 100, 4, 2.0, 1.0
    ),
    dm.Bifurcation: lambda: dm.Bifurcation(
        np.array([[0.5]]), (of(dm.FixedPoints),), "bent", ("x", "y")
    ),
    dm.InputRange: lambda: dm.InputRange([0.0, -np.inf], [1.0, 2.0], ["I", "g"], ["nA", "nS"]),
    Look: lambda: Look(np.array([0.5]), of(ClosedLoop)),
    dm.Scorecards: lambda: dm.Scorecards(np.array([[0.5]]), (of(dm.Scorecard),)),
    dm.FixedPoints: lambda: dm.fixed_points(OU, ((-1, -1), (1, 1)), key=KEY),
    dm.Grid: lambda: GRID,
    dm.HelmholtzHodge: lambda: dm.helmholtz_hodge(OU, GRID),
    dm.Inference: lambda: INFERENCE,
    dm.Irreversibility: lambda: dm.irreversibility(OU, method="linear"),
    dm.LyapunovSpectrum: lambda: dm.lyapunov(OU, **SHORT),
    dm.ManifoldReport: lambda: dm.ManifoldReport(
        *(0.1 for _ in range(10)), np.array([0.5]), np.array([0.01]), OK
    ),
    dm.NetworkTrajectory: lambda: dm.simulate(NETWORK, **SHORT),
    dm.NeuralSpectrum: lambda: dm.neural_lyapunov(NETWORK, start=np.zeros(2), **SHORT),
    dm.Recording: lambda: dm.Recording.of(
        [WAVE.states[0], WAVE.states[0, :9]], dt=0.1, units=["mV"], name="a cell"
    ),
    dm.RobustnessFront: lambda: dm.RobustnessFront(
        *(np.array([0.1, 0.01]) for _ in range(7)), 0.1, np.ones(2), np.ones(2), 0.1, np.ones(2),
        (OK, dm.Outcome.FRAGILE), 10.0, False, 64, "network",
    ),
    dm.Samples: lambda: dm.sample(OU, key=KEY),
    dm.Scorecard: lambda: CARD,
    dm.StationaryDensity: lambda: dm.stationary(NEURON, GRID),
    dm.Subspace: lambda: dm.subspace(of(dm.NetworkTrajectory), 2),
    dm.SymmetryDecomposition: lambda: dm.symmetry(NETWORK),
    dm.SymmetryRoles: lambda: dm.symmetry_roles(
        of(dm.SymmetryDecomposition), of(dm.NetworkTrajectory).states
    ),
    dm.Trajectory: lambda: dm.simulate(NEURON, **SHORT, num_trajectories=3),
    dm.Truncation: lambda: dm.Truncation(
        2, np.array([3.0, 1.0, 0.1]), 1e-3, 0.1, 0.01, float("nan"), -1.0, TIMES[:2],
        np.array([0.0, 0.1]), dm.Outcome.SUCCESS,
    ),
    dm.memory.AssociativeMemory: lambda: dm.memory.AssociativeMemory(
        (of(dm.memory.Tilt),), (recall(),), (recall(),), (of(dm.memory.HopfieldRecall),)
    ),
    dm.memory.Capacity: lambda: dm.memory.Capacity(
        np.array([2, 3]), 2, 64, (np.array([5, 5]), np.array([4, 5, 3])),
        (np.array([5, 5]), np.array([0, 0, 1])), 5, np.array([0.01, 0.02]),
    ),
    dm.memory.Dwell: lambda: dm.memory.dwell(WAVE, WELLS),
    dm.memory.GridFunction: lambda: dm.memory.mean_first_passage(
        DOUBLE_WELL, dm.memory.Regions(WELLS)[1:], grid=LINE
    ),
    dm.memory.HopfieldRecall: lambda: dm.memory.HopfieldRecall(
        1, np.ones((4, 5)), np.eye(4), np.ones(4, bool)
    ),
    dm.memory.Landscape: lambda: dm.memory.landscape(DOUBLE_WELL, starts=WELLS),
    dm.memory.PassageTimes: lambda: dm.memory.PassageTimes(
        np.array([1.0, 2.0]), 4, 10.0, 5.0, 2.0, dm.Outcome.CENSORED
    ),
    dm.memory.Recall: recall,
    dm.memory.RecallCurve: lambda: dm.memory.RecallCurve(
        "noise", np.array([0.5, 1.0]), np.array([9, 4]), 10, 1, "wells"
    ),
    dm.memory.RecallExperiment: lambda: dm.memory.RecallExperiment(
        of(dm.Embedding), of(dm.memory.AssociativeMemory),
        {"target": (of(dm.memory.RecallCurve),)}, of(dm.memory.Capacity),
    ),
    dm.memory.Regions: lambda: dm.memory.Regions(2 * np.eye(2), [0.5, 0.7]),
    dm.memory.Switching: lambda: dm.memory.Switching(
        np.array([0, 1]), np.zeros((3, 2), int), 0.5, 2.0, np.ones((2, 2)), of(dm.Trajectory),
        dm.memory.Regions(2 * np.eye(2)),
    ),
    dm.memory.SwitchingExperiment: lambda: dm.memory.SwitchingExperiment(
        of(dm.Embedding), of(dm.memory.Switching), of(dm.memory.Switching), 0.02
    ),
    dm.memory.Tilt: lambda: dm.memory.tilt_toward(DOUBLE_WELL, 1),
    dm.memory.TiltedMinima: lambda: of(dm.memory.Tilt).path,
    dm.memory.Walk: lambda: dm.memory.Walk(of(dm.memory.Dwell), None, WAVE),
    dm.memory.WalkCurve: lambda: dm.memory.WalkCurve(
        "torque", np.array([0.1, 0.2]), (of(dm.memory.Walk),) * 2, (of(dm.memory.Walk),) * 2,
        np.array([0.01, np.nan]),
    ),
    dm.memory.WalkExperiment: lambda: dm.memory.WalkExperiment(
        of(dm.Embedding), of(dm.memory.Walk), of(dm.memory.Walk),
        {"torque": of(dm.memory.WalkCurve)},
    ),
    MarginalDensities: lambda: MarginalDensities(
        np.linspace(-1, 1, 4), np.ones((2, 3)), np.zeros((2, 3))
    ),
    ClosedLoop: lambda: ClosedLoop(*(0.1 for _ in range(15)), is_mixed=True),
    Features: lambda: FEATURES,
    GridScore: lambda: dm.irreversibility(OU, method=dm.GridRoute(GRID))._score,
    Halves: lambda: INFERENCE.halves,
    Lag: lambda: INFERENCE.lags[0],
    LinearScore: lambda: of(dm.Irreversibility)._score,
    Pooled: lambda: Pooled((recall(), of(dm.memory.HopfieldRecall))),
    Residuals: lambda: INFERENCE.residuals,
    Rate: lambda: Rate(3, 10.0),
    ScoreFit: lambda: ScoreFit((MODEL, MODEL), 0.01),
    ScoreModel: lambda: MODEL,
    Twin: lambda: INFERENCE.twin,
}  # fmt: skip


@functools.cache
def of(kind: type) -> Any:
    """The record of a class."""
    return MADE[kind]()

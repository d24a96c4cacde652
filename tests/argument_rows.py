"""Of every public callable: a call that is right, and what each of its arguments must not be."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from argument_kinds import (
    ARRAY,
    AXES,
    BOX,
    CHOICE,
    COUNT,
    FINITE_STATES,
    FLAG,
    FRACTION,
    GRID,
    INDEX,
    INF,
    KEY,
    MAPPING,
    METER,
    NAN,
    NON_NEGATIVE,
    NUMBER,
    NUMBERS,
    OBJECT,
    PLACES,
    POSITIVE,
    STATES,
    TEXT,
    VECTOR,
    WHOLE,
    WORDS,
    optional,
)
from inferred import INFERENCE

import driftmatch as dm
from driftmatch import export, inputs, memory, systems


class Row(NamedTuple):
    """A call that is right, and what each of its arguments must not be.

    - `exempt`: of parameters that refuse nothing, why.
    - `runs`: whether the right call is quick enough to be made here, beside its own tests.
    """

    call: Callable[..., Any]
    right: Mapping[str, Any]
    refuses: Mapping[str, list]
    exempt: Mapping[str, str] = {}
    runs: bool = True


RNG = np.random.default_rng(0)
SDE = systems.limit_cycle()
FRONT = dm.AsymmetryFront(
    *np.full((4, 1), 0.01), np.ones((1, 2, 5)),
    dm.Network(RNG.normal(size=(5, 2)), np.ones((2, 5)), np.zeros(5)),
)  # fmt: skip
NETWORK = dm.Network(RNG.normal(size=(5, 2)), 0.1 * RNG.normal(size=(2, 5)), np.zeros(5))
LOW_RANK = NETWORK.W
RANGE = dm.InputRange(0.0, 1.0)
STEERED_SDE = dm.SDE(lambda z, u: u[0] * z - z**3, 0.1, 2, input_dim=1)
STEERED = dm.Network(
    RNG.normal(size=(5, 3)), np.diag([0.1, 0.1, 0.0]) @ RNG.normal(size=(3, 5)), np.zeros(5),
    inputs=RANGE,
)  # fmt: skip
STATES_OF_IT = RNG.normal(size=(64, 2))
RUN = dm.NetworkTrajectory(
    0.1 * np.arange(64), RNG.normal(size=(2, 64, 2)), dm.Outcome.SUCCESS, NETWORK, 0.1
)
WELLS = systems.wells()
REPORT = dm.EmbeddingReport(0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 64, 0, 1.0, 1.0)
EMBEDDING = dm.Embedding(NETWORK, REPORT, dm.Outcome.SUCCESS, SDE)
K = jax.random.key(0)
CELLS = dm.Grid([-2, -2], [2, 2], 8)
DENSITY = dm.StationaryDensity(
    CELLS, np.ones((8, 8)) / 16, np.zeros((8, 8, 2)), np.zeros((8, 8, 2)), 0.0, 0.0, 0.0,
    dm.Outcome.SUCCESS, "flat",
)  # fmt: skip
LANDSCAPE = memory.Landscape(WELLS, np.asarray(WELLS.starts), np.zeros(4), np.ones(4), 0.0, 0.0)
REGIONS = memory.Regions(np.asarray(WELLS.starts))
PATH = memory.TiltedMinima(
    np.ones(2), np.ones(1), np.zeros((1, 4, 2)), np.zeros((1, 4)), np.full(4, NAN),
    np.zeros((4, 2)), np.zeros(4), "wells",
)  # fmt: skip
JUMPS = np.sign(np.cos(3 * RUN.times))[None, :, None]
DWELL = memory.dwell(dm.Trajectory(RUN.times, JUMPS, RUN.outcome, "jumps", 0.1), [[-1.0], [1.0]])
HOPFIELD = memory.HopfieldNetwork([[1, 1, -1], [1, -1, 1]])
DECOMPOSITION = dm.symmetry(NETWORK)
FOUND = dm.subspace(RNG.normal(size=(64, 5)), 2)
NOT_FROM_0 = [bad for bad in COUNT if type(bad) is not int or bad != 0]
DURATION, STEP = {"duration": optional(POSITIVE)}, {"dt": optional(POSITIVE)}
START = {"start": optional(ARRAY)}
TIMED = {"duration": POSITIVE, "dt": POSITIVE, "key": KEY, "meter": METER}
OF_ROUTE = {"num_trajectories": COUNT, **DURATION, "burn_in": optional(POSITIVE), **STEP}
SAMPLES = {"samples": optional(OBJECT)}
INPUT = [*optional(OBJECT), lambda t: jnp.ones(4)]
NAMED = {"coordinates": [*WORDS, ("v", "v"), ("", "w")], "units": WORDS}
DATA = [bad for bad in OBJECT if not isinstance(bad, np.ndarray)]
COLUMN = [*optional(NUMBER), "z3", 9, -1, ["time", "time"]]
PERIODS = [object(), "x", -1, 0, NAN, INF, [1.0], [True, None], 1j]
WITH_NOISE = {"noise": NON_NEGATIVE}


FITTING = {
    "Activation": Row(
        dm.Activation,
        {"name": "a", "function": jnp.tanh, "derivatives": np.tanh, "is_bounded": True},
        {"name": TEXT, "function": OBJECT, "derivatives": OBJECT, "is_bounded": FLAG,
         "integral": optional(OBJECT)},
    ),
    "Backprop": Row(
        dm.Backprop, {},
        {"steps": COUNT, "batch_size": COUNT, "learning_rate": POSITIVE, "decay": FLAG,
         **WITH_NOISE},
    ),
    "LeastSquares": Row(dm.LeastSquares, {}, {"oversampling": COUNT, "features": OBJECT}),
    "RandomFeatures": Row(
        dm.RandomFeatures, {}, {"slope": POSITIVE, "spread": NON_NEGATIVE}
    ),
    "Refined": Row(
        dm.Refined, {},
        {"iterations": [*optional(OBJECT), 5, (1,), (1, 0), (1, 2, 3), (1.5, 2), (NAN, 1), "ab"],
         "states_per_neuron": COUNT, "oversampling": COUNT, "max_slope": POSITIVE,
         "features": OBJECT},
    ),
    "embed": Row(
        dm.embed, {"system": SDE, "num_neurons": 64, "key": K},
        {"system": OBJECT, "num_neurons": [*COUNT, 2, 9000], "key": KEY, "method": CHOICE,
         "error": optional([*POSITIVE, 0.1]),
         "tau": optional(POSITIVE), "activation": CHOICE, "private_noise": optional(NON_NEGATIVE),
         "confine": optional(FLAG), "check": FLAG, "states": optional([*ARRAY, np.ones((5, 2))]),
         "box": optional(BOX), "meter": METER, "inputs": optional([*OBJECT, RANGE]),
         "connectivity": optional(OBJECT),
         **SAMPLES},
        runs=False,
    ),
    "Sparse": Row(
        dm.Sparse, {"in_degree": 9},
        {"in_degree": optional(COUNT), "mask": optional(OBJECT),
         "excitatory": optional([*POSITIVE, 1.0, 1.5]), "signs": optional([*NUMBERS, NAN, [2.0]])},
    ),
    "Dale": Row(dm.Dale, {"excitatory": 0.8}, {"excitatory": [*POSITIVE, 1.0, 1.5]}),
    "Symmetric": Row(dm.Symmetric, {}, {"closest": FLAG}),
    "asymmetry_front": Row(
        dm.asymmetry_front, {"system": SDE, "network": NETWORK, "key": K},
        {"system": OBJECT, "network": OBJECT, "key": KEY, "private_noise": POSITIVE,
         "meter": METER, **SAMPLES},
        runs=False,
    ),
    "AsymmetryFront.least_asymmetric": Row(
        FRONT.least_asymmetric, {"error": 0.05}, {"error": [*POSITIVE, 1e-3]}
    ),
    "Embedding.coordinates": Row(
        EMBEDDING.coordinates, {"latent": np.ones((3, 2))}, {"latent": STATES, "unwrap": FLAG}
    ),
    "matching_errors": Row(
        dm.matching_errors, {"system": SDE, "network": NETWORK, "states": STATES_OF_IT},
        {"system": OBJECT, "network": OBJECT, "states": ARRAY, "private_noise": NON_NEGATIVE,
         "key": optional(KEY)},
    ),
    "robustness_front": Row(
        dm.robustness_front, {"system": SDE, "num_neurons": 64, "key": K},
        {"system": OBJECT, "num_neurons": [*COUNT, 2, 9000], "key": KEY,
         "private_noise": [*OBJECT, 0.1, (), [0.0, 0.1], [0.1, 0.1], [0.1, 0.01], [NAN], [[0.1]]],
         "method": [*CHOICE, "backprop"], "meter": METER,
         **SAMPLES},
        runs=False,
    ),
}  # fmt: skip

SYSTEMS = {
    "SDE": Row(
        dm.SDE, {"drift": lambda z: -z, "diffusion": 0.1, "dim": 2},
        {"drift": [*OBJECT, lambda: 0, lambda z: 1j * z, lambda z: z[:1], lambda z: "x"],
         "diffusion": [*NUMBERS, NAN, 1e300, [NAN, 1.0], lambda z: z, lambda z: 1j * jnp.eye(2)],
         "dim": COUNT, "input_dim": [*NOT_FROM_0, 1],
         "interpretation": CHOICE, "start": optional(ARRAY),
         "time_scale": optional(POSITIVE), "name": TEXT, "description": TEXT, "equation": TEXT,
         "parameters": MAPPING, "lower": [object(), "x", NAN, [1.0, NAN], np.zeros(3), 1j],
         "upper": [object(), "x", NAN, [1.0, NAN], np.zeros(3), 1j],
         "periodic": PERIODS, **NAMED},
    ),
    "Network": Row(
        dm.Network, {"gamma": np.eye(3, 2), "readout": np.eye(2, 3), "bias": np.zeros(3)},
        {"gamma": ARRAY, "readout": ARRAY, "bias": ARRAY, "tau": POSITIVE, "activation": CHOICE,
         "shared_noise": [*NUMBERS, NAN, 1e300, [NAN, 1.0]], "private_noise": NON_NEGATIVE,
         "start": optional(ARRAY), "inputs": optional([*OBJECT, RANGE]), "name": TEXT,
         "time_scale": optional(POSITIVE), **NAMED},
    ),
    "Network.at": Row(STEERED.at, {"input": 0.5}, {"input": [*VECTOR, [1.0, 2.0]]}),
    "SDE.at": Row(STEERED_SDE.at, {"input": [0.5]}, {"input": [*VECTOR, [1.0, 2.0]]}),
    "InputRange": Row(
        dm.InputRange, {"lower": 0.0, "upper": 1.0},
        {"lower": [*NUMBERS, NAN, 2.0, [0.0, 0.0]], "upper": [*NUMBERS, NAN, -1.0, [1.0, 1.0]],
         "names": optional([*OBJECT, ["a", "b"]]), "units": optional([*OBJECT, ["a", "b"]])},
    ),
    "Network.from_connectivity": Row(
        dm.Network.from_connectivity, {"W": LOW_RANK},
        {"W": [*ARRAY, np.ones((5, 4)), np.zeros((5, 5))], "m": optional(ARRAY),
         "n": optional(ARRAY), "bias": optional(ARRAY), "tau": [*POSITIVE, np.ones(5)],
         "activation": CHOICE,
         "rank": optional([*COUNT, 3, 6])},
        exempt={"options": "Network refuses them"},
    ),
    "Network.from_torch": Row(
        dm.Network.from_torch, {"source": {"W": LOW_RANK}, "tau": 1.0},
        {"source": [*MAPPING, {}], "recurrent": optional([*OBJECT, "V", ("a", "b", "c"), ()]),
         "bias": optional([*[bad for bad in OBJECT if not isinstance(bad, list)], "V", ("W",)]),
         "tau": [*POSITIVE, np.ones(5)], "dt": optional(POSITIVE), "alpha": optional(POSITIVE),
         "activation": optional(CHOICE), "rank": optional([*COUNT, 3, 6])},
        exempt={"options": "Network refuses them"},
    ),
    "Network.from_nengo": Row(
        dm.Network.from_nengo, {"source": None},
        {"source": OBJECT},
        exempt={"connection": "tested beside Nengo", "rank": "from_connectivity refuses it",
                "options": "Network refuses them"},
        runs=False,
    ),
    "Network.latent": Row(NETWORK.latent, {}, {"input": INPUT}),
    "Network.neural": Row(NETWORK.neural, {}, {"input": INPUT}),
    "Affine.__call__": Row(NETWORK.lift, {"z": np.ones(2)}, {"z": STATES}),
    "Affine.project": Row(NETWORK.lift.project, {"x": np.ones(5)}, {"x": STATES}),
    "Affine.push": Row(NETWORK.lift.push, {"v": np.ones(2)}, {"v": STATES}),
    "Affine.components": Row(NETWORK.lift.components, {"w": np.ones(5)}, {"w": STATES}),
    "Affine.pull": Row(NETWORK.lift.pull, {"w": np.ones(5)}, {"w": STATES}),
    "Network.split": Row(NETWORK.split, {"copies": 2}, {"copies": COUNT}),
    "Network.project": Row(NETWORK.project, {"x": np.ones(5)}, {"x": STATES}),
    "Network.with_private_noise": Row(
        NETWORK.with_private_noise, {"private_noise": 0.1}, {"private_noise": NON_NEGATIVE}
    ),
    "Grid": Row(
        dm.Grid, {"lower": [0, 0], "upper": [1, 1], "shape": 8},
        {"lower": ARRAY, "upper": ARRAY, "shape": [*GRID, [8]],
         "wraps": [*optional(OBJECT), "x", 1, [True], [0, 1]], **NAMED},
    ),
    "Grid.onto": Row(CELLS.onto, {"axes": [1]}, {"axes": AXES}),
    "Recording.of": Row(
        dm.Recording.of, {"data": np.ones((9, 2)), "dt": 0.1},
        {"data": [*DATA, np.full((64, 2), 1j)], "dt": POSITIVE, "times": optional(OBJECT), **NAMED,
         "periodic": PERIODS, "name": optional(TEXT)},
    ),
    "infer": Row(
        dm.infer, {"recording": RNG.normal(size=(99, 2)), "dt": 0.1, "key": K},
        {"recording": [*DATA, np.full((64, 2), 1j), np.ones((99, 2)), np.ones((9, 2))],
         "key": KEY, "dt": POSITIVE, "times": optional(OBJECT),
         "components": optional([*COUNT, 3]), "lag": optional([*COUNT, 99]),
         "measurement_noise": optional(FLAG), "features": OBJECT, "meter": METER},
        runs=False,
    ),
    "Inference.drift_errors": Row(
        INFERENCE.drift_errors, {"states": np.ones((3, 2))}, {"states": PLACES}
    ),
    "Inference.diffusion_errors": Row(
        INFERENCE.diffusion_errors, {"states": np.ones((3, 2))}, {"states": PLACES}
    ),
    "Recording.delayed": Row(
        dm.Recording.of(np.ones((9, 2)), dt=0.1).delayed, {"number": 2, "lag": 3},
        {"number": COUNT, "lag": COUNT},
    ),
    "read_recording": Row(
        dm.read_recording, {"source": dm.Recording.of(np.ones((9, 2)), dt=0.1).to_dataframe()},
        {"source": [*OBJECT, "cell.csv", "cell.pkl", "\0"],
         "columns": [*COLUMN, ["z1", "z1"], [1.5]], "time": COLUMN, "segment": COLUMN,
         "dt": [*optional(POSITIVE), 0.1], "units": WORDS, "periodic": PERIODS,
         "name": optional(TEXT), "in_memory": FLAG},
    ),
    "simulate": Row(
        dm.simulate, {"system": NETWORK, "duration": 0.2, "dt": 0.1, "key": K},
        {**TIMED, "system": OBJECT, "num_trajectories": COUNT, **START, "save_every": [*COUNT, 99],
         "input": INPUT, "method": CHOICE, "throw": FLAG},
    ),
    "inputs.pulse": Row(
        inputs.pulse, {"value": [1.0, 0.0], "begin": 0, "end": 1},
        {"value": VECTOR, "begin": NUMBER,
         "end": [bad for bad in NUMBER if not (isinstance(bad, float) and bad == INF)]},
    ),
    "inputs.pulses": Row(
        inputs.pulses, {"sequence": [([1.0], 0, 1)]},
        {"sequence": [*OBJECT, [1], [([1.0], 0)], [(None, 0, 1)],
                      [([1.0], 0, 1), ([1.0, 2.0], 0, 1)]]},
    ),
    "inputs.ramp": Row(
        inputs.ramp, {"first": [0.0, 0.0], "last": [1.0, 0.0], "begin": 0, "end": 1},
        {"first": VECTOR, "last": VECTOR, "begin": NUMBER, "end": NUMBER},
    ),
    "inputs.step": Row(inputs.step, {"value": [1.0]}, {"value": VECTOR, "begin": NUMBER}),
    "systems.blend": Row(
        systems.blend, {"sdes": [SDE, SDE], "centres": [[0, 0], [9, 0]]},
        {"sdes": [*OBJECT, [SDE], [SDE, 1]], "centres": ARRAY, "radius": POSITIVE,
         "time_scale": POSITIVE, **WITH_NOISE},
        runs=False,
    ),
    "systems.dadras": Row(systems.dadras, {}, {**dict.fromkeys("porce", NUMBER), **WITH_NOISE}),
    "systems.double_well": Row(systems.double_well, {}, WITH_NOISE),
    "systems.fitzhugh_nagumo": Row(
        systems.fitzhugh_nagumo, {},
        {"epsilon": POSITIVE, "a": NUMBER, "b": NUMBER, "current": NUMBER, **WITH_NOISE},
    ),
    "systems.from_dysts": Row(
        systems.from_dysts, {"name": "Rossler"},
        {"name": CHOICE, "noise": [*NUMBERS, -1, NAN, [NAN, 1.0]],
         "parameters": [*MAPPING, {"a": "x"}, {"q": 1.0}]},
        runs=False,
    ),
    "systems.kubo_oscillator": Row(
        systems.kubo_oscillator, {}, {"omega": NUMBER, "jitter": NON_NEGATIVE, **WITH_NOISE}
    ),
    "systems.limit_cycle": Row(systems.limit_cycle, {}, {"omega": NUMBER, **WITH_NOISE}),
    "systems.lorenz": Row(
        systems.lorenz, {}, {"sigma": NUMBER, "rho": NUMBER, "beta": NUMBER, **WITH_NOISE}
    ),
    "systems.ornstein_uhlenbeck": Row(
        systems.ornstein_uhlenbeck, {}, {"B": ARRAY, "D": [*NUMBERS, -1, NAN, 1e300]}
    ),
    "systems.on_manifold": Row(
        systems.on_manifold, {"project": lambda z: z / jnp.sqrt(z @ z), "dim": 2},
        {"project": [*OBJECT, lambda z: z[:1], lambda z: 2 * z, lambda z: jnp.stack([z[0], z[0]])],
         "dim": COUNT, "drift": optional([*OBJECT, lambda z: z[:1]]), "diffusivity": NON_NEGATIVE,
         "pull": POSITIVE, "input_dim": [*NOT_FROM_0, 1],
         "start": optional(ARRAY), "time_scale": optional(POSITIVE), "name": TEXT,
         "coordinates": NAMED["coordinates"]},
    ),
    "systems.resolve": Row(
        systems.resolve, {"spec": "lorenz"},
        {"spec": CHOICE, "noise": optional(NON_NEGATIVE),
         "parameters": [*MAPPING, {"rho": "x"}, {"q": 1.0}]},
    ),
    **{
        f"systems.{name}": Row(
            getattr(systems, name), {}, {"diffusivity": NON_NEGATIVE, "pull": POSITIVE}
        )
        for name in ("ring_attractor", "sphere_diffusion", "torus_diffusion")
    },
    "systems.ring_of_wells": Row(
        systems.ring_of_wells, {},
        {"num_wells": [*[bad for bad in COUNT if type(bad) is not float or bad != 2.0], 1],
         "torque": NUMBER, **WITH_NOISE, "barrier": POSITIVE, "radius": POSITIVE,
         "stiffness": POSITIVE, "keep_density": FLAG},
    ),
    "systems.van_der_pol": Row(systems.van_der_pol, {}, {"mu": NUMBER, **WITH_NOISE}),
    "systems.wells": Row(
        systems.wells, {},
        {"centres": PLACES, "depths": [*NUMBERS, -1, 0, NAN, 1e300],
         "width": optional(POSITIVE), **WITH_NOISE},
    ),
}  # fmt: skip

EXPORT = {
    f"export.{name}": Row(getattr(export, name), {"network": NETWORK}, {"network": OBJECT},
                          runs=False)
    for name in ("torch", "nengo", "brian2")
} | {
    "export.numpy": Row(
        export.numpy, {"path": "net.npz", "network": NETWORK},
        {"path": [*TEXT, "net.txt"], "network": OBJECT, "overwrite": FLAG},
        runs=False,
    ),
    "export.script": Row(
        export.script, {"path": "run.py", "framework": "numpy"},
        {"path": [*TEXT, "run.txt"], "framework": CHOICE, "weights": [*TEXT, "a/b.npz", "w.txt"],
         "overwrite": FLAG},
        runs=False,
    ),
}  # fmt: skip

ANALYSIS = {
    "sample": Row(
        dm.sample, {"system": SDE, "key": K}, {"system": OBJECT, "key": KEY, "meter": METER},
        runs=False,
    ),
    "Alignment.latent": Row(FOUND.align(NETWORK).latent, {"x": np.ones(5)}, {"x": STATES}),
    "GridRoute": Row(dm.GridRoute, {}, {"grid": optional(GRID[:-1])}),
    "Irreversibility.score": Row(
        dm.Irreversibility(0.0, 0.0, "linear", dm.Outcome.SUCCESS, SDE, _score=lambda z: -z).score,
        {"z": np.ones(2)}, {"z": STATES},
    ),
    "Irreversibility.irreversible": Row(
        dm.Irreversibility(
            0.0, 0.0, "linear", dm.Outcome.SUCCESS, SDE, _score=lambda z: -z
        ).irreversible,
        {"z": np.ones(2)}, {"z": STATES},
    ),
    "Irreversibility.reversible": Row(
        dm.Irreversibility(
            0.0, 0.0, "linear", dm.Outcome.SUCCESS, SDE, _score=lambda z: -z
        ).reversible,
        {"z": np.ones(2)}, {"z": STATES},
    ),
    "LinearRoute": Row(dm.LinearRoute, {}, {}),
    "NetworkTrajectory.to_xarray": Row(RUN.to_xarray, {}, {"neurons": FLAG}),
    "NetworkTrajectory.neurons_at": Row(
        RUN.neurons_at, {}, {"times": [*OBJECT, [999]], "neurons": [*OBJECT, [9], [True]]}
    ),
    "PathRoute": Row(dm.PathRoute, {}, OF_ROUTE),
    "ScoreRoute": Row(
        dm.ScoreRoute, {},
        {"num_features": COUNT, "slope": POSITIVE, "num_samples": COUNT, **OF_ROUTE},
    ),
    "StationaryDensity.marginal": Row(DENSITY.marginal, {"axes": [0]}, {"axes": AXES}),
    "StationaryDensity.mean": Row(
        DENSITY.mean, {"values": np.ones((8, 8))}, {"values": [*NUMBERS, -1, 0, NAN]}
    ),
    "Subspace.align": Row(
        FOUND.align, {"network": NETWORK, "neurons": np.ones((3, 5)) + np.arange(3)[:, None]},
        {"network": OBJECT, "neurons": optional(ARRAY), "latent": optional(ARRAY)},
    ),
    "Subspace.project": Row(FOUND.project, {"x": np.ones(5)}, {"x": STATES}),
    "Subspace.scores": Row(FOUND.scores, {"x": np.ones(5)}, {"x": STATES}),
    "analyse": Row(
        dm.analyse, {"system": SDE, "key": K},
        {"system": OBJECT, "key": KEY, **DURATION, **STEP, "method": OBJECT,
         "skip": [*[bad for bad in OBJECT if not isinstance(bad, list | dict)], ["x"], [3]],
         "meter": METER,
         **SAMPLES},
        runs=False,
    ),
    "basins": Row(
        dm.basins, {"system": NETWORK, "target": SDE, "states": STATES_OF_IT, "key": K},
        {"system": OBJECT, "target": OBJECT, "states": FINITE_STATES, "key": KEY,
         "num_starts": COUNT, "num_paths": COUNT, "paths": optional(STATES),
         "time_scale": optional(POSITIVE), **STEP, "meter": METER,
         **SAMPLES},
        runs=False,
    ),
    "compare": Row(
        dm.compare, {"system": SDE, "network": NETWORK, "key": K},
        {"system": OBJECT, "network": OBJECT, "key": KEY, **DURATION, **STEP,
         "num_trajectories": COUNT, "num_starts": COUNT, "meter": METER,
         "inputs": optional([*ARRAY, [0.5]]),
         **SAMPLES},
        runs=False,
    ),
    "bifurcation": Row(
        dm.bifurcation, {"system": STEERED_SDE, "inputs": [0.0, 0.1], "key": K},
        {"system": [*OBJECT, SDE, NETWORK], "inputs": [*ARRAY, np.zeros((2, 2))],
         "box": optional(BOX), "key": KEY, "num_starts": COUNT, "meter": METER},
        runs=False,
    ),
    "fixed_points": Row(
        dm.fixed_points, {"system": SDE, "key": K},
        {"system": OBJECT, "box": optional(BOX), "key": KEY, "num_starts": COUNT,
         "time": optional(NON_NEGATIVE),
         **SAMPLES},
        runs=False,
    ),
    "helmholtz_hodge": Row(
        dm.helmholtz_hodge, {"system": SDE, "grid": CELLS},
        {"system": OBJECT, "grid": [*optional(GRID), [8]]},
    ),
    "irreversibility": Row(
        dm.irreversibility, {"system": systems.ornstein_uhlenbeck(), "method": "linear"},
        {"system": OBJECT, "key": optional(KEY), "method": CHOICE, "trajectory": optional(OBJECT),
         "meter": METER, **SAMPLES},
    ),
    "lyapunov": Row(
        dm.lyapunov, {"system": SDE, "duration": 9.0, "dt": 0.1, "key": K},
        {**TIMED, "system": OBJECT, "num_exponents": optional([*COUNT, 3]),
         "num_trajectories": COUNT,
         "burn_in": optional(NON_NEGATIVE), **START, "noise": FLAG, "qr_every": COUNT,
         "throw": FLAG,
         **SAMPLES},
        runs=False,
    ),
    "manifold_report": Row(
        dm.manifold_report,
        {"system": systems.ring_attractor(), "project": lambda z: z / jnp.sqrt(z @ z), "key": K},
        {"system": OBJECT, "project": [*OBJECT, lambda z: z[:1]], "key": KEY,
         "points": optional(ARRAY), "num_points": COUNT, **DURATION,
         "inputs": optional([*ARRAY, [0.0, 1.0]])},
        runs=False,
    ),
    "neural_lyapunov": Row(
        dm.neural_lyapunov, {"network": NETWORK, "duration": 9.0, "dt": 0.1, "key": K},
        {**TIMED, "network": OBJECT, "num_trajectories": COUNT, "burn_in": optional(NON_NEGATIVE),
         **START, "noise": FLAG, "qr_every": COUNT, "throw": FLAG,
         **SAMPLES},
        runs=False,
    ),
    "sliced_wasserstein": Row(
        dm.sliced_wasserstein, {"reference": STATES_OF_IT, "other": STATES_OF_IT},
        {"reference": FINITE_STATES, "other": STATES, "num_directions": COUNT,
         "key": optional(KEY)},
    ),
    "spectrum_distance": Row(
        dm.spectrum_distance, {"reference": STATES_OF_IT, "other": STATES_OF_IT},
        {"reference": ARRAY, "other": ARRAY, "smoothing": NON_NEGATIVE},
    ),
    "state_space_divergence": Row(
        dm.state_space_divergence, {"reference": STATES_OF_IT, "other": STATES_OF_IT},
        {"reference": FINITE_STATES, "other": STATES, "num_bins": COUNT, "key": optional(KEY)},
    ),
    "stationary": Row(
        dm.stationary, {"system": SDE, "grid": CELLS},
        {"system": OBJECT, "grid": [*optional(GRID), [8]], "meter": METER, **SAMPLES}
    ),
    "subspace": Row(
        dm.subspace, {"neurons": RNG.normal(size=(64, 5))},
        {"neurons": [*OBJECT, *NUMBERS, [NAN, 1.0]], "num_components": optional([*COUNT, 6])},
    ),
    "truncation": Row(
        dm.truncation, {"W": LOW_RANK, "rank": 1},
        {"W": [*ARRAY, np.ones((5, 4)), np.zeros((5, 5))], "rank": [*COUNT, 3, 6],
         "bias": optional(ARRAY), "tau": POSITIVE, "activation": CHOICE, "key": optional(KEY)},
    ),
    "symmetry": Row(dm.symmetry, {"network": NETWORK}, {"network": OBJECT}),
    "symmetry_roles": Row(
        dm.symmetry_roles, {"decomposition": DECOMPOSITION, "states": STATES_OF_IT},
        {"decomposition": OBJECT, "states": STATES},
    ),
} | {
    f"SymmetryDecomposition.{name}": Row(
        getattr(DECOMPOSITION, name), {what: np.ones(5 if name == "energy" else 2)}, {what: STATES}
    )
    for name, what in (
        ("symmetric", "z"), ("asymmetric", "z"), ("divergences", "z"), ("energy", "x"),
        ("latent_energy", "z"), ("latent_gradient", "z"), ("descends", "z"),
        ("descending_fraction", "states"),
    )
}  # fmt: skip

CUE = {"cue": [*NUMBERS, -1, NAN, [NAN, 1.0]], "duration": POSITIVE, "onset": NON_NEGATIVE}
LEVEL = [*OBJECT, lambda z: z, lambda z: "x", memory.Regions([[0.0]], 0.1)]
MEMORY = {
    "memory.Dwell.dwell_times": Row(DWELL.dwell_times, {}, {"region": optional(INDEX)}),
    "memory.Dwell.duration_of": Row(DWELL.duration_of, {"jumps": 3.0}, {"jumps": POSITIVE}),
    "memory.Dwell.leaving_rate": Row(DWELL.leaving_rate, {}, {"region": optional(INDEX)}),
    "memory.Dwell.rate": Row(
        DWELL.rate, {"source": 0, "target": 1}, {"source": INDEX, "target": INDEX}
    ),
    "memory.Dwell.survival": Row(DWELL.survival, {}, {"region": optional(INDEX)}),
    "memory.Dwell.transition_interval": Row(
        DWELL.transition_interval, {"source": 0, "target": 1}, {"source": INDEX, "target": INDEX}
    ),
    "memory.GridFunction.__call__": Row(
        memory.GridFunction(CELLS, np.ones((8, 8)), 0.0, dm.Outcome.SUCCESS, "flat"),
        {"z": np.ones(2)}, {"z": [*STATES, [NAN, 1.0], [3.0, 0.0]]},
    ),
    "memory.HopfieldNetwork": Row(
        memory.HopfieldNetwork, {"patterns": np.eye(3)},
        {"patterns": ARRAY},
    ),
    "memory.HopfieldNetwork.energy": Row(
        HOPFIELD.energy, {"states": np.ones(3)}, {"states": STATES, "field": optional(ARRAY)}
    ),
    "memory.HopfieldNetwork.recall": Row(
        HOPFIELD.recall, {"target": 0, "key": K},
        {"target": INDEX, "key": KEY, "num_trials": COUNT, **START, "cue": NUMBER,
         "cue_sweeps": [bad for bad in WHOLE if bad is not None], "sweeps": WHOLE},
    ),
    "memory.Landscape.basins": Row(LANDSCAPE.basins, {"states": np.ones(2)}, {"states": STATES}),
    "memory.Landscape.potential": Row(
        LANDSCAPE.potential, {"states": np.ones(2)}, {"states": STATES}
    ),
    "memory.Regions": Row(
        memory.Regions, {"centres": [[0.0], [1.0]]},
        {"centres": PLACES, "radius": optional([*NUMBERS, -1, 0, NAN, 1e300])},
    ),
    "memory.Regions.labels": Row(REGIONS.labels, {"states": np.ones(2)}, {"states": STATES}),
    "memory.Tilt.input_for": Row(
        memory.Tilt(0, PATH, LANDSCAPE).input_for, {"system": SDE}, {"system": OBJECT}
    ),
    "memory.associative_memory": Row(
        memory.associative_memory, {"system": WELLS, "network": NETWORK, "key": K},
        {"system": OBJECT, "network": OBJECT, "key": KEY, "num_trials": COUNT,
         "margin": optional(POSITIVE), "cue_duration": optional(POSITIVE),
         "hold_duration": optional(POSITIVE), "meter": METER},
        runs=False,
    ),
    "memory.capacity": Row(
        memory.capacity, {"num_wells": [2], "key": K},
        {"num_wells": [*OBJECT, 3, [1], [2.0]], "key": KEY, "num_neurons": COUNT,
         "arrangement": CHOICE, "dim": optional([*COUNT, 3]), **WITH_NOISE, "num_trials": COUNT,
         "meter": METER},
        exempt={"options": "embed refuses them"},
        runs=False,
    ),
    "memory.committor": Row(
        memory.committor,
        {"system": WELLS, "source": REGIONS[:1], "target": REGIONS[1:], "grid": 8},
        {"system": OBJECT, "source": LEVEL, "target": LEVEL, "grid": [*optional(GRID), [8]]},
        runs=False,
    ),
    "memory.cores": Row(memory.cores, {"centres": [[0.0], [1.0]]}, {"centres": PLACES}),
    "memory.corrupt": Row(
        memory.corrupt, {"patterns": np.eye(3), "target": 0, "key": K},
        {"patterns": PLACES, "target": INDEX, "key": KEY,
         "fraction": FRACTION, "noise": NON_NEGATIVE, "num_trials": COUNT},
    ),
    "memory.dwell": Row(
        memory.dwell, {"trajectory": RUN, "regions": [[-0.5, 0.0], [0.5, 0.0]]},
        {"trajectory": OBJECT, "regions": ARRAY},
    ),
    "memory.follow_minima": Row(
        memory.follow_minima, {"wells": LANDSCAPE, "direction": [0.1, 0.0]},
        {"wells": OBJECT, "direction": ARRAY, "largest": POSITIVE, "steps": COUNT},
        runs=False,
    ),
    "memory.landscape": Row(
        memory.landscape, {"system": WELLS}, {"system": OBJECT, "starts": optional(ARRAY)},
        runs=False,
    ),
    "memory.mean_first_passage": Row(
        memory.mean_first_passage, {"system": WELLS, "target": REGIONS[:1], "grid": 8},
        {"system": OBJECT, "target": LEVEL, "grid": [*optional(GRID), [8]]},
        runs=False,
    ),
    "memory.passage_times": Row(
        memory.passage_times,
        {"system": WELLS, "start": [0.0, 0.0], "target": REGIONS, "duration": 1.0, "dt": 0.1,
         "key": K},
        {**TIMED, "system": OBJECT, "start": ARRAY, "target": LEVEL, "num_trajectories": COUNT},
        runs=False,
    ),
    "memory.pooled": Row(
        memory.pooled, {"parts": [HOPFIELD.recall(0, key=K, num_trials=2)]},
        {"parts": [*OBJECT, [3]]},
    ),
    "memory.reachable": Row(memory.reachable, {"wells": LANDSCAPE}, {"wells": OBJECT}),
    "memory.recall": Row(
        memory.recall,
        {"system": WELLS, "cue": [1.0, 0.0], "duration": 1.0, "key": K, "target": 0,
         "regions": REGIONS},
        {**CUE, "system": OBJECT, "cue": optional(CUE["cue"]), "key": KEY, "amplitude": NUMBER,
         "release": optional([*POSITIVE, 2.0]), "target": INDEX, "regions": ARRAY,
         "num_trials": optional(COUNT), **START, "box": optional(BOX), **STEP, "meter": METER},
        runs=False,
    ),
    "memory.recall_curve": Row(
        memory.recall_curve,
        {"system": WELLS, "cue": [1.0, 0.0], "duration": 1.0, "release": 0.5, "key": K, "target": 0,
         "regions": REGIONS, "amplitudes": [1.0]},
        {**CUE, "system": OBJECT, "key": KEY, "release": [*POSITIVE, 2.0],
         "cue": optional(CUE["cue"]), "amplitudes": optional([*ARRAY, [[1.0]]]),
         "cue_times": optional(ARRAY), "noises": optional(ARRAY), **STEP},
        exempt={"options": "recall refuses them"},
        runs=False,
    ),
    "memory.recall_experiment": Row(
        memory.recall_experiment, {"key": K},
        {"num_wells": [*COUNT, 1], "key": KEY, **WITH_NOISE, "num_neurons": COUNT,
         "num_trials": [*COUNT, 3], "curves": FLAG, "meter": METER},
        runs=False,
    ),
    "surroundings": Row(
        dm.surroundings, {"system": WELLS, "key": K},
        {"system": OBJECT, "key": KEY, "number": COUNT, "share": FRACTION, "margin": NON_NEGATIVE},
        runs=False,
    ),
    "memory.switch": Row(
        memory.switch, {"system": WELLS, "regions": REGIONS, "commands": [0, 1], "key": K},
        {"system": OBJECT, "regions": ARRAY, "commands": [*OBJECT, [9], [0.5], [True]], "key": KEY,
         "strength": optional(NON_NEGATIVE), "pulse": optional(POSITIVE),
         "period": optional(POSITIVE), **STEP, "num_trials": COUNT, "meter": METER},
        runs=False,
    ),
    "memory.switching_experiment": Row(
        memory.switching_experiment, {"key": K},
        {"key": KEY, "num_neurons": COUNT, "num_trials": COUNT,
         "commands": [*OBJECT, [9], [0.5], [True]], "meter": METER},
        runs=False,
    ),
    "memory.tilt_toward": Row(
        memory.tilt_toward, {"system": LANDSCAPE, "target": 0},
        {"system": OBJECT, "target": INDEX, "margin": optional(POSITIVE)},
        runs=False,
    ),
    "memory.walk": Row(
        memory.walk, {"system": WELLS, "key": K},
        {"system": OBJECT, "regions": optional(ARRAY), "key": KEY, **DURATION, **STEP,
         "num_trajectories": COUNT, "meter": METER},
        runs=False,
    ),
    "memory.walk_curve": Row(
        memory.walk_curve,
        {"make": lambda torque: systems.ring_of_wells(torque=torque), "values": [0.1], "key": K},
        {"make": [bad for bad in OBJECT if not callable(bad)], "values": [*NUMBERS, NAN, -1],
         "key": KEY, "parameter": TEXT, "num_neurons": COUNT, "meter": METER},
        exempt={"options": "walk refuses them"},
        runs=False,
    ),
    "memory.walk_experiment": Row(
        memory.walk_experiment, {"key": K},
        {"num_wells": [*COUNT, 2], "key": KEY, "torque": NUMBER, "noise": POSITIVE,
         "num_neurons": COUNT, "curves": FLAG, "meter": METER},
        runs=False,
    ),
    "with_noise": Row(
        dm.with_noise, {"system": SDE, "factor": 2.0},
        {"system": OBJECT, "factor": NON_NEGATIVE},
    ),
}  # fmt: skip

ROWS: dict[str, Row] = FITTING | SYSTEMS | EXPORT | ANALYSIS | MEMORY

# Of what has no row, why
RECORD = "a record that the library fills"
INTERFACES = (
    "AbstractConnectivity",
    "AbstractFeatures",
    "AbstractFit",
    "AbstractLift",
    "AbstractMeter",
    "AbstractReadouts",
    "AbstractWiring",
    "AbstractRoute",
    "AbstractSDE",
)
TRACED = "called with traced arrays, in the innermost loop"
EXEMPT = {
    **{name: "an interface" for name in INTERFACES},
    "Affine": "checked by Network",
    "LowRank": "checked by Network",
    "Features": "what a fit makes",
    "Features.arguments": "called by the fits",
    "Features.__getitem__": "called by the fits",
    "MatchingProblem.subset": "called by the fits",
    "RandomFeatures.draw": "called by the fits",
    "Fitted": "what a fit returns",
    "MatchingProblem": "what a fit is given",
    "InferredSDE": "made by infer",
    "InferredSDE.of": "called by infer",
    "InferredSDE.scaled": TRACED,
    "NeuralSDE": "made by Network.neural",
    "SharedNoise": "a pair that Network checks",
    "InputError": "an exception",
    "ComputationError": "an exception",
    "TruncationWarning": "a warning",
    "ExtrapolationWarning": "a warning",
    "InputRange.contains": "called by Network.at and simulate",
    "InputRange.spread": "called by embed",
    "AsymmetryFront": RECORD,
    **{
        f"{wiring}.{method}": "called by embed"
        for wiring in ("Dale", "Sparse", "Symmetric")
        for method in ("check", "guards", "network", "tau")
    },
    "InferredSDE.at": "refuses all",
    "NeuralSDE.at": "refuses all",
    "Outcome": "an enumeration",
    "TerminalMeter.start": "told by the library",
    "TerminalMeter.advance": "told by the library",
    "load": "tested in tests/storage",
    "load_trajectory": "tested in tests/storage",
    "save": "tested in tests/storage",
    "save_trajectory": "tested in tests/storage",
    "Activation.__call__": TRACED,
    "SharedNoise.__call__": TRACED,
    "SharedNoise.split": "called by Network.split",
    "LowRank.split": "called by Network.split",
    "memory.AbstractTrials": "an interface",
    "Network.spread": TRACED,
    "Samples.halves": "called by embed",
    "Samples.pick": "called by the analyses",
    "memory.Regions.__getitem__": "indexed as arrays are",
}
EXEMPT |= {f"Affine.{method}": TRACED for method in ("spread", "side_by_side", "of")}
EXEMPT |= {f"LowRank.{method}": TRACED for method in ("__call__", "transposed", "step", "block")}
EXEMPT |= {
    f"{name}.{method}": TRACED
    for name in ("AbstractSDE", "SDE", "Network", "NeuralSDE", "InferredSDE")
    for method in ("drift", "diffusion", "noise", "forcing", "at_time")
}
EXEMPT |= {
    f"{fit}.{method}": "called by embed"
    for fit in ("Refined", "LeastSquares", "Backprop")
    for method in ("num_states", "fit")
}
EXEMPT |= {
    f"{route}.__call__": "called by irreversibility"
    for route in ("GridRoute", "LinearRoute", "PathRoute", "ScoreRoute")
}
EXEMPT |= {
    f"{interface.__name__}.{method}": "of an interface"
    for interface in (getattr(dm, name) for name in INTERFACES)
    for method, value in vars(interface).items()
    if callable(value)
}
RECORDS = """
Alignment Analysis BasinCheck Bifurcation ClosedLoop Embedding EmbeddingReport FixedPoints
HelmholtzHodge Inference Irreversibility ManifoldReport
LyapunovSpectrum NetworkTrajectory NeuralEigenvalues
NeuralSpectrum RobustnessFront Recording Samples Scorecard Scorecards StationaryDensity Subspace
SymmetryDecomposition SymmetryRoles Trajectory Truncation memory.AssociativeMemory memory.Capacity
memory.Dwell memory.GridFunction memory.HopfieldRecall memory.Landscape memory.PassageTimes
memory.Pooled memory.Rate memory.Recall memory.RecallCurve memory.RecallExperiment
memory.Switching memory.SwitchingExperiment memory.Tilt memory.TiltedMinima memory.Walk
memory.WalkCurve memory.WalkExperiment
"""
EXEMPT |= dict.fromkeys(RECORDS.split(), RECORD)

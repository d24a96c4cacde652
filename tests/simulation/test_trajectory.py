import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.trajectory import NetworkTrajectory

RNG = np.random.default_rng(0)
NET = dm.Network(RNG.normal(size=(7, 2)), RNG.normal(size=(2, 7)), RNG.normal(size=7))
LATENT = RNG.normal(size=(3, 5, 2))
NEURONS = LATENT @ NET.gamma.T + NET.bias


def record(stored=None):
    return NetworkTrajectory(
        np.arange(5.0), LATENT, dm.Outcome.SUCCESS, NET, 0.1, stored_neurons=stored
    )


@pytest.mark.parametrize("stored", [None, NEURONS])
def test_neurons_are_the_same_whether_stored_or_computed(stored):
    run = record(stored)
    assert run.states is run.latent
    assert np.allclose(run.neurons, NEURONS)
    assert np.allclose(run.neurons_at(slice(None, None, 2)), NEURONS[:, ::2])
    some = np.array([0, 6])
    assert np.allclose(run.neurons_at(slice(1, 4), some), NEURONS[:, 1:4][..., some])


def test_neurons_have_the_precision_of_the_run():
    run = NetworkTrajectory(np.arange(5.0), LATENT.astype(np.float32), dm.Outcome.SUCCESS, NET, 0.1)
    assert run.neurons.dtype == np.float32
    assert np.allclose(run.neurons, NEURONS, atol=1e-5)


@pytest.mark.parametrize(
    ("run", "columns"),
    [
        (record(), ("z1", "z2")),
        (dm.Trajectory(np.arange(5.0), LATENT, dm.Outcome.SUCCESS, "a", 0.1), ("z1", "z2")),
        (dm.Trajectory(np.arange(5.0), LATENT, dm.Outcome.SUCCESS, "a", 0.1,
                       coordinates=("V", "w")), ("V", "w")),
        (dm.Trajectory(np.arange(5.0), LATENT[..., :1], dm.Outcome.SUCCESS, "a", 0.1), ("z",)),
    ],
)  # fmt: skip
def test_runs_as_tables(run, columns):
    table = run.to_dataframe()
    assert tuple(table.columns) == columns
    assert table.index.names == ["trajectory", "time"]
    for m, states in enumerate(run.states):
        np.testing.assert_array_equal(table.loc[m].to_numpy(), states)
        np.testing.assert_array_equal(table.loc[m].index, run.times)
    assert table.loc[(1, 3.0), columns[0]] == run.states[1, 3, 0]


@pytest.mark.parametrize(
    "run", [record(), dm.Trajectory(np.arange(5.0), LATENT, dm.Outcome.SUCCESS, "a", 0.1)]
)
def test_runs_by_time(run):
    times, states = zip(*run, strict=True)
    assert times == tuple(range(5))
    assert all(type(t) is float for t in times)
    np.testing.assert_array_equal(states, np.swapaxes(LATENT, 0, 1))

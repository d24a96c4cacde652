"""Axes carry the names and units that an SDE gave its coordinates."""

import numpy as np
import pytest
from drawing import network_run, target_run

import driftmatch as dm
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import coordinate_names

NAMES = {"coordinates": ("V", "w"), "units": ("mV", "")}
SDE = dm.SDE(lambda z: -z, 0.5, 2, start=np.zeros(2), **NAMES)
NETWORK = dm.Network(
    np.eye(3, 2), 0.1 * np.eye(2, 3), np.zeros(3), shared_noise=0.3, start=np.zeros(2), **NAMES
)
GRID = dm.Grid([-2, -2], [2, 2], 24)


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ({}, ["$z_{1}$", "$z_{2}$"]),
        ({"coordinates": ("V", "w")}, ["V", "w"]),
        ({"units": ("mV", "")}, ["$z_{1}$ (mV)", "$z_{2}$"]),
        (NAMES, ["V (mV)", "w"]),
    ],
)
def test_names_and_units(given, labels):
    grid = dm.Grid([0, 0], [1, 1], 8, **given)
    assert coordinate_names(2, grid) == labels
    assert coordinate_names(2) == ["$z_{1}$", "$z_{2}$"]
    assert coordinate_names(1) == ["$z$"]
    short = [label.removesuffix(" (mV)") for label in labels]
    assert coordinate_names(2, grid, units=False) == short


def axis_labels(drawn):
    """Of all axes, those that are not empty."""
    axes = drawn.axes if hasattr(drawn, "axes") and isinstance(drawn.axes, list) else [drawn]
    return {label for ax in axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label}


def records():
    of_sde = target_run(2)
    of_sde = dm.Trajectory(of_sde.times, of_sde.states, of_sde.outcome, "target", 0.1, **NAMES)
    decomposition = dm.irreversibility(SDE, method="linear")
    return {
        "run": lambda: dm.figures.attractor(of_sde),
        "network's run": lambda: dm.figures.attractor(network_run(2, NETWORK)),
        "density": lambda: dm.figures.stationary(dm.stationary(SDE, GRID)),
        "potential": lambda: dm.figures.potential(dm.stationary(NETWORK, GRID)),
        "Helmholtz-Hodge": lambda: dm.figures.helmholtz_hodge(dm.helmholtz_hodge(SDE, GRID)),
        "irreversibility": lambda: dm.figures.irreversibility(decomposition),
    }


@pytest.mark.parametrize("name", records())
def test_figures_name_their_axes(name):
    labels = axis_labels(records()[name]())
    assert {"V (mV)", "w"} <= labels
    assert not [label for label in labels if "z_" in label]


def test_densities_and_spectra_have_names_without_units():
    """Their values are no longer in these units."""
    run = target_run(2)
    run = dm.Trajectory(run.times, run.states, run.outcome, "target", 0.1, **NAMES)
    for draw in (dm.figures.densities, dm.figures.spectra):
        ax = draw(run, network_run(2))
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["V", "w"]


def test_a_view_has_names_up_to_three_dimensions():
    assert View.of(np.eye(2), named=SDE).names == ("V (mV)", "w")
    assert View.of(np.eye(2)).names == ("$z_{1}$", "$z_{2}$")
    many = dm.SDE(lambda z: -z, 0.5, 4, coordinates=list("abcd"))
    assert View.of(np.random.default_rng(0).normal(size=(9, 4)), named=many).names[0] == "PC 1"

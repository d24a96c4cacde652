"""Systems of wells that several files need: what is compiled for them is compiled once."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.landscape import landscape
from driftmatch.memory.tilt import tilt_toward

BOX = np.full(2, -2.2), np.full(2, 2.2)


@pytest.fixture(scope="session")
def square_sde():
    """Four equal wells at the corners of a square."""
    return dm.systems.wells(noise=0.35)


@pytest.fixture(scope="session")
def square(square_sde):
    """Its landscape."""
    return landscape(square_sde)


@pytest.fixture(scope="session")
def square_tilts(square):
    """Toward each of its wells."""
    return [tilt_toward(square, j) for j in range(4)]


@pytest.fixture(scope="session")
def square_network(square_sde):
    """A network that was matched to it in a box, between the wells too."""
    return dm.embed(square_sde, 64, key=jax.random.key(0), box=BOX).network


@pytest.fixture(scope="session")
def uneven_square():
    """The landscape of four wells of different depths, a network that was matched to it in a box,
    and the network's own landscape."""
    sde = dm.systems.wells(depths=(1.0, 1.25, 0.875, 0.875), noise=0.35)
    network = dm.embed(sde, 64, key=jax.random.key(0), box=BOX).network
    return landscape(sde), network, landscape(network)

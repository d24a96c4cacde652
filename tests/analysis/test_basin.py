import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.analysis.basin import _Attractor, basins
from driftmatch.analysis.intervals import wilson_interval
from driftmatch.analysis.settling import NoiseFreeFlow
from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.sampling.whitening import Whitening
from driftmatch.sde import SDE
from driftmatch.simulation.simulate import simulate
from driftmatch.systems.chaos import lorenz
from driftmatch.systems.oscillators import limit_cycle
from driftmatch.systems.wells import double_well

KEY = jax.random.key(0)
SETTINGS = {"key": KEY, "num_starts": 256, "num_paths": 64}


def visited(sde, duration=100.0, number=64):
    scale = sde.time_scale
    run = simulate(
        sde, duration=duration * scale, dt=scale / 25, key=jax.random.key(1), save_every=10,
        num_trajectories=number,
    )  # fmt: skip
    return run.states[:, run.states.shape[1] // 5 :].astype(float)


def turning(radial, noise=0.3):
    """A system in the plane with dr/dt = radial(r) that turns once in 2π."""

    def drift(z):
        r = jnp.sqrt(z @ z + 1e-12)
        return z / r * radial(r) + jnp.stack([-z[1], z[0]])

    return SDE(drift, noise, 2, start=[1.0, 0.0], time_scale=1.0)


@pytest.mark.parametrize("build", [limit_cycle, lorenz, double_well])
def test_a_target_is_faithful_to_itself(build):
    """Starts beside the unstable points of the Lorenz flow take long to leave them, and the double
    well ends in points within the noisy cloud: neither is a fault."""
    sde = build()
    check = basins(sde, sde, visited(sde), **SETTINGS)
    assert check.spurious_fraction == 0
    assert check.escaped_fraction == 0
    assert check.spurious_interval == wilson_interval(0, 256)
    assert check.escaped_interval == wilson_interval(0, 64)
    assert check.spurious_fraction_box is None


@pytest.mark.parametrize("number", [3, pytest.param(6, marks=pytest.mark.slow)])
def test_all_of_many_attractors_are_known(number):
    """Coupled double wells have 2^N attractors, of which a run visits some: none is spurious."""

    def drift(z):
        return z - z**3 + 0.05 * (jnp.roll(z, 1) + jnp.roll(z, -1) - 2 * z)

    sde = SDE(drift, 0.3, number, start=np.ones(number), time_scale=0.7)
    check = basins(sde, sde, visited(sde), **SETTINGS)
    assert check.spurious_fraction == 0
    # The control: with half of them missing in the other, what it holds there is spurious.
    half = SDE(lambda z: drift(z).at[0].set(1 - z[0]), 0.3, number, time_scale=0.7)
    assert basins(sde, half, visited(half), **SETTINGS).spurious_fraction > 0.3


def test_starts_from_which_the_target_diverges_do_not_count():
    """x′ = x³ − x leaves for ever beyond |x| = 1; a network that comes home from there may."""
    target = SDE(lambda z: z**3 - z, 0.05, 1, time_scale=1.0)
    home = SDE(lambda z: -z, 0.05, 1, time_scale=1.0)
    states = visited(target)
    assert basins(home, target, states, **SETTINGS).spurious_fraction in (0, None)
    away = SDE(lambda z: 0.1 - z, 0.05, 1, time_scale=1.0)  # two standard deviations off
    assert basins(away, target, 0.1 * states, **SETTINGS).spurious_fraction == 1


def test_a_second_attractor_far_out_is_found():
    """r = 1 and r = 4 attract, r = 3 parts them: the starts beyond 3 are spurious."""
    target = limit_cycle(noise=0.3)
    states = visited(target)
    system = turning(lambda r: -(r - 1) * (r - 3) * (r - 4) / (1 + r * r))
    check = basins(system, target, states, **SETTINGS)
    # the fraction of the ball, an ellipse in the plane, beyond r = 3
    whitening = Whitening.of(states.reshape(-1, 2))
    radius = 10 * np.linalg.norm(whitening.whiten(states.reshape(-1, 2)), axis=1).max()
    expected = 1 - 3**2 / (radius**2 * np.linalg.det(whitening.factor))
    assert abs(check.spurious_fraction - expected) < 0.05  # over 4 standard deviations
    assert check.escaped_fraction == 0  # noise does not carry a path from 1 to 3


def test_what_the_noise_drives_out_is_found():
    """A system that agrees with the target up to r = 1.5 and pushes outward beyond, to r = 6."""
    target = limit_cycle(noise=0.3)
    system = turning(lambda r: jnp.where(r < 1.2, r * (1 - r * r), (r - 1.2) * (6 - r)))
    check = basins(system, target, visited(target), **SETTINGS)
    assert check.escaped_fraction == 1
    assert check.spurious_fraction > 0.5


@pytest.mark.slow
def test_fixed_points_inside_of_what_moves_are_found():
    """Inside of a limit cycle, and within the cloud of a chaotic attractor, where the distance to
    the target's states alone shows nothing."""
    cycle = limit_cycle()
    assert basins(turning(lambda r: -r), cycle, visited(cycle), **SETTINGS).spurious_fraction == 1
    flow = lorenz(noise=0.0)
    states = visited(flow)
    at = states[3, -1]
    sink = SDE(lambda z: 5 * (jnp.asarray(at, z.dtype) - z), 0.1, 3)
    assert basins(sink, flow, states, **SETTINGS).spurious_fraction == 1
    whitening = Whitening.of(states.reshape(-1, 3))
    cloud = whitening.whiten(states.reshape(-1, 3))
    rng = np.random.default_rng(0)
    attractor = _Attractor(NoiseFreeFlow(flow, whitening, flow.time_scale), cloud, rng)
    still = np.repeat(cloud[rng.integers(len(cloud), size=100), None], 200, axis=1)
    assert attractor._strange_point(still).mean() < 0.1
    assert not attractor.holds(still).any()


@pytest.mark.parametrize("rho", [20.0, pytest.param(160.0, marks=pytest.mark.slow)])
def test_other_attractors_in_place_of_a_chaotic_one_are_found(rho):
    """The Lorenz flow ends in one of two points at ρ = 20, and on a large cycle at ρ = 160."""
    flow = lorenz()
    assert basins(lorenz(rho=rho), flow, visited(flow), **SETTINGS).spurious_fraction == 1


@pytest.mark.slow
def test_wells():
    """Ending in one of the target's two wells is right; ending on the barrier between them, which
    the noisy target visits too, is not."""
    target = double_well()
    states = visited(target, duration=1000.0)
    for place, expected in ((1.0, 0), (-1.05, 0), (0.0, 1), (1.8, 1)):
        single = SDE(lambda x, place=place: place - x, 0.5, 1, time_scale=1.0)
        assert basins(single, target, states, **SETTINGS).spurious_fraction == expected


def test_divergence_is_spurious_and_escapes():
    target = double_well()
    growing = SDE(lambda x: x, 0.5, 1, time_scale=1.0)
    check = basins(growing, target, visited(target), **SETTINGS)
    assert check.spurious_fraction == 1
    assert check.escaped_fraction > 0.9


def test_a_target_that_diverges_without_noise_leaves_it_open():
    """There is nothing to compare with; escapes are still told."""
    target = SDE(lambda x: jnp.sin(x) * 0 + x, 0.5, 1, time_scale=1.0)
    states = np.random.default_rng(0).standard_normal((1000, 1))
    check = basins(double_well(), target, states, **SETTINGS)
    assert check.spurious_fraction is None
    assert check.spurious_interval is None
    assert check.escaped_fraction == 0


@pytest.mark.slow
def test_the_absorbing_box_of_a_network():
    """dz = (−z + 3 tanh z) dt ends at ±2.985 within |z| ≤ 3. With eight more units of readout that
    cancel near by it has the same drift there, and more attractors in its box of ±27."""
    gamma, readout = np.array([[1.0], [0.1], [0.1]]), np.array([[3.0, 0.0, 0.0]])
    network = Network(gamma, readout, np.zeros(3), shared_noise=0.5, time_scale=1.0)
    target = network.latent()
    states = visited(target)
    check = basins(network, target, states, **SETTINGS)
    assert check.spurious_fraction == check.spurious_fraction_box == 0
    wild = Network(
        gamma, np.array([[3.0, 12.0, 12.0]]), np.array([0.0, -1.0, 1.0]), shared_noise=0.5
    )
    check = basins(wild, target, states, **SETTINGS)
    assert check.spurious_fraction_box == 1
    linear = Network(gamma[:1], [[0.5]], np.zeros(1), activation="identity", shared_noise=0.5)
    check = basins(linear, target, states, **SETTINGS)
    assert check.spurious_fraction_box is None
    assert check.spurious_fraction == 1


def test_bad_input():
    with pytest.raises(InputError, match="one dimension, got 1, 2 and 2"):
        basins(double_well(), limit_cycle(), np.zeros((5, 2)), key=KEY)

import json
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.analysis.compare import compare
from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.precision import in_this_precision
from driftmatch.sde import SDE
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.oscillators import limit_cycle

KEY = jax.random.key(0)
KEYS = {
    "drift_error",
    "noisy_drift_error",
    "diffusion_error",
    "state_space_divergence",
    "state_space_divergence_floor",
    "spectrum_distance",
    "spectrum_distance_floor",
    "lyapunov_target",
    "lyapunov_network",
    "spurious_fraction",
    "escaped_fraction",
}
DISTANCES = ("state_space_divergence", "spectrum_distance", "sliced_wasserstein")


def linear_network(B, noise, tau=0.5):
    """With identity rates the network is dz = −Bz dt + noise dB exactly."""
    B = np.array(B)
    k = len(B)
    return Network(
        np.eye(k), np.eye(k) - tau * B, np.zeros(k), tau=tau, activation="identity",
        shared_noise=noise,
    )  # fmt: skip


def ratios(card):
    return {name: getattr(card, name) / getattr(card, f"{name}_floor") for name in DISTANCES}


B = ((1.0, -1.0), (1.0, 1.0))


@pytest.fixture(scope="module")
def faithful():
    """The target is the network itself."""
    return compare(ornstein_uhlenbeck(B), linear_network(B, 2**0.5), key=KEY, duration=300.0)


def test_a_faithful_network(faithful):
    """Distances as large as their floors; the scatter of the ratios is 2–5 % here."""
    assert faithful.drift_error < 1e-12
    assert faithful.diffusion_error < 1e-12
    assert faithful.noisy_drift_error < 0.1
    for name, ratio in ratios(faithful).items():
        assert ratio == pytest.approx(1, abs=0.2), name
    for name in ("target", "network"):
        found, error = (getattr(faithful, f"lyapunov_{name}{what}") for what in ("", "_error"))
        np.testing.assert_allclose(found, [-1, -1], atol=0.01)
        assert np.all(error < 0.01)
        assert getattr(faithful, f"kaplan_yorke_{name}") == 0
    assert faithful.spurious_fraction == 0
    assert faithful.spurious_fraction_box is None
    assert faithful.escaped_fraction == 0


@pytest.mark.parametrize(
    ("network", "seen"),
    [
        (linear_network(B, 0.85 * 2**0.5), {"state_space_divergence", "sliced_wasserstein"}),
        (linear_network(((1.0, -1.6), (1.6, 1.0)), 2**0.5), {"spectrum_distance"}),
    ],
)
def test_unfaithful_networks(network, seen):
    """The negative twin: 15 % less noise shows in the density and not in the spectrum, a faster
    rotation in the spectrum and not in the density."""
    card = compare(ornstein_uhlenbeck(B), network, key=KEY, duration=300.0, num_starts=64)
    for name, ratio in ratios(card).items():
        assert ratio > 1.5 if name in seen else ratio == pytest.approx(1, abs=0.2), name
    assert max(card.drift_error, card.diffusion_error) > 0.2


def test_as_json(faithful):
    record = json.loads(json.dumps(faithful.to_dict(), allow_nan=False))
    assert set(record) >= KEYS
    assert len(record["lyapunov_target"]) == 2
    assert record["spurious_fraction_box"] is None
    assert record["spurious_interval"] == list(faithful.spurious_interval)


@pytest.mark.slow
def test_many_dimensions_and_odd_numbers():
    B = np.diag([1.0, 1.5, 2.0, 2.5])
    card = compare(
        ornstein_uhlenbeck(B), linear_network(B, 2**0.5), key=KEY, duration=30.0,
        num_trajectories=33, num_starts=65,
    )  # fmt: skip
    assert card.num_trajectories == card.num_paths == 64
    assert card.num_starts == 65
    assert ratios(card)["state_space_divergence"] == pytest.approx(1, abs=0.2)


class CountingMeter(AbstractMeter):
    def __init__(self):
        self.events = []

    def start(self, description, total):
        self.events.append(("start", total))

    def advance(self, steps, note=""):
        self.events.append(("advance", steps))

    def stop(self):
        self.events.append(("stop",))


@pytest.mark.slow
def test_same_key_same_numbers():
    settings = {"key": KEY, "duration": 20.0, "num_trajectories": 32, "num_starts": 16}
    meter = CountingMeter()
    first, second = (
        compare(ornstein_uhlenbeck(B), linear_network(B, 1.0), meter=m, **settings).to_dict()
        for m in (meter, SILENT)
    )
    assert first == second
    sampled = meter.events.index(("stop",)) + 1
    assert meter.events[0] == ("start", 1)
    assert set(meter.events[1 : sampled - 1]) == {("advance", 0)}
    assert meter.events[sampled:] == [("start", 6), *[("advance", 1)] * 6, ("stop",)]


@pytest.mark.parametrize("x64", [False, True])
def test_the_second_thread_has_the_precision_of_the_first(x64):
    with jax.enable_x64(x64), ThreadPoolExecutor(1) as pool:
        dtype = pool.submit(in_this_precision(lambda: jnp.ones(1).dtype)).result()
    assert dtype == (jnp.float64 if x64 else jnp.float32)


@pytest.mark.slow
def test_a_target_or_a_network_that_diverges():
    sde = SDE(lambda z: z**3, 0.1, 2, start=np.ones(2), time_scale=1.0)
    meter = CountingMeter()
    with pytest.raises(ComputationError, match="of sde run away from its start"):
        compare(sde, linear_network(B, 1.0), key=KEY, meter=meter)
    assert not meter.events or meter.events[-1] == ("stop",)
    growing = linear_network(-5 * np.eye(2), 1.0)
    with pytest.raises(ComputationError, match="of network became non-finite"):
        compare(ornstein_uhlenbeck(B), growing, key=KEY, duration=100.0, num_trajectories=32)


@pytest.mark.parametrize(
    ("arguments", "change", "message"),
    [
        ((limit_cycle(), linear_network(np.eye(3), 1.0)), {}, "2 dimensions and the network 3"),
        ((linear_network(B, 1.0), limit_cycle()), {}, "an SDE and a Network"),
        ((limit_cycle(), linear_network(B, 1.0)), {"dt": -1.0}, "dt must be"),
        ((limit_cycle(), linear_network(B, 1.0)), {"duration": 0.0}, "duration must be"),
        ((limit_cycle(), linear_network(B, 1.0)), {"duration": 0.1}, "duration"),
        ((limit_cycle(), linear_network(B, 1.0)), {"num_trajectories": 0}, "num_trajectories"),
        ((limit_cycle(), linear_network(B, 1.0)), {"num_starts": 0}, "num_starts"),
        ((limit_cycle(), linear_network(B, 1.0)), {"key": 3}, "key"),
    ],
)
def test_bad_input(arguments, change, message):
    with pytest.raises(InputError, match=message):
        compare(*arguments, **{"key": KEY} | change)


@pytest.mark.slow
def test_a_noise_free_target():
    """Its runs start apart, or else the floor would be that of copies."""
    sde = SDE(lambda z: z * (1 - z @ z) + jnp.stack([-z[1], z[0]]), 0.0, 2, start=[1.0, 0.0])
    card = compare(
        sde, linear_network(B, 1.0), key=KEY, duration=50.0, num_trajectories=32, num_starts=16
    )
    assert card.state_space_divergence_floor > 0
    assert ratios(card)["state_space_divergence"] > 1.5
    assert card.kaplan_yorke_target == pytest.approx(1, abs=0.02)
    assert card.spurious_fraction == 1

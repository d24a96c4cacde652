"""`infer`: units, order, offsets and clocks change nothing but names; nor do cuts."""

import dataclasses

import jax
import numpy as np
import pytest
from paths import KEY, fields, linear

import driftmatch as dm

A, D = np.array([[-2.0, 1.0], [-1.0, -2.0]]), np.array([[1.0, 0.3], [0.3, 0.6]])
DT = 0.05
TIMES = DT * np.arange(3001)
STATES = linear(A, D, TIMES)
SOME = STATES[::30]


@pytest.fixture(scope="module")
def found():
    return dm.infer(STATES, dt=DT, key=KEY)


def test_it_is_found(found):
    """Within four standard errors, which hold for each number 99.99 % of the time."""
    f, G = fields(found.sde, SOME)
    # Of the drift's errors there are six independent ones, at all states together.
    assert np.mean(((f - SOME @ A.T) / found.drift_errors(SOME)) ** 2) < 16 / 3
    assert np.all(np.abs(G - D) < 4 * found.diffusion_errors(SOME))
    assert found.outcome is dm.Outcome.SUCCESS, found.reason
    assert found.num_functions == (3, 1)
    assert found.sampling == "coarse"
    assert not found.has_measurement_noise
    assert found.drift_error < 0.2
    assert "SUCCESS" in repr(found)


def test_units_offset_and_clock_are_but_names(found):
    """To rounding: one coordinate in units of 10⁻⁹, the other of 10⁶, milliseconds for seconds."""
    scale, offset = np.array([1e-9, 1e6]), np.array([1.0, 1e6])
    other = dm.infer(STATES * scale + offset * scale, dt=DT * 1e3, key=KEY)
    (f, G), (g, H) = fields(found.sde, SOME), fields(other.sde, (SOME + offset) * scale)
    np.testing.assert_allclose(g * 1e3 / scale, f, atol=1e-4)
    np.testing.assert_allclose(H * 1e3 / np.outer(scale, scale), G, atol=1e-4)
    assert other.outcome is found.outcome
    assert other.entropy_production * 1e3 == pytest.approx(found.entropy_production, rel=1e-3)
    assert other.stiffness == pytest.approx(found.stiffness, rel=1e-3)


def test_order_of_coordinates_and_precision(found):
    """To the rounding of float32, in which the states are given here."""
    other = dm.infer(STATES[:, ::-1].astype(np.float32), dt=DT, key=KEY)
    (f, G), (g, H) = fields(found.sde, SOME), fields(other.sde, SOME[:, ::-1])
    np.testing.assert_allclose(g[:, ::-1], f, atol=1e-3)
    np.testing.assert_allclose(H[:, ::-1, ::-1], G, atol=1e-3)


def test_cuts_cost_the_steps_that_are_cut(found):
    """Three segments, one of them with a gap of NaN: of 3000 steps 5 are gone, so that the drift
    moves by a tenth of its standard error."""
    states = STATES.copy()
    states[1500:1502, 1] = np.nan
    segments = states[:1000], states[1000:2000], states[2000:]
    other = dm.infer(list(segments), dt=DT, key=KEY)
    (f, G), (g, H) = fields(found.sde, SOME), fields(other.sde, SOME)
    assert np.all(np.abs(g - f) < 0.5 * found.drift_errors(SOME))
    assert np.all(np.abs(H - G) < 0.5 * found.diffusion_errors(SOME))
    assert len(other.sde.starts) == 4
    assert other.lag == 1


def test_the_same_key_gives_the_same(found):
    again = dm.infer(dm.Recording.of(STATES, times=TIMES), key=KEY)
    (f, G), (g, H) = fields(found.sde, SOME), fields(again.sde, SOME)
    np.testing.assert_allclose(g, f, rtol=1e-6)
    np.testing.assert_allclose(H, G, rtol=1e-6)


def test_it_is_saved_whole(found, tmp_path):
    dm.save(tmp_path / "found.safetensors", found)
    again = dm.load(tmp_path / "found.safetensors")
    assert again == found
    run = dm.simulate(again.sde, duration=1.0, dt=0.01, key=KEY)
    assert run.outcome.ok
    np.testing.assert_array_equal(again.drift_errors(SOME), found.drift_errors(SOME))


def test_errors_are_those_of_the_replicates(found):
    """Drift and diffusion with each replicate added: their scatter is the error."""
    estimate = found.sde.estimate
    with jax.enable_x64(True):
        moved = [
            fields(
                dataclasses.replace(
                    found.sde,
                    estimate=dataclasses.replace(
                        estimate,
                        coefficients=estimate.coefficients + c,
                        diffusion_coefficients=estimate.diffusion_coefficients + d,
                    ),
                ),
                SOME[:5],
            )
            for c, d in zip(
                found.drift_replicates[:100], found.diffusion_replicates[:100], strict=True
            )
        ]
    f, G = (np.array(part) for part in zip(*moved, strict=True))
    np.testing.assert_allclose(f.std(axis=0), found.drift_errors(SOME[:5]), rtol=0.3)
    np.testing.assert_allclose(G.std(axis=0), found.diffusion_errors(SOME[:5]), rtol=0.3)


@pytest.mark.slow
def test_uneven_times():
    """Within the bars, as at even ones; the control takes the times for even."""
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([0.02, 0.05, 0.11], 4001))
    states = linear(A, D, times)
    found = dm.infer(states, times=times, key=KEY)
    f, G = fields(found.sde, SOME)
    assert np.mean(((f - SOME @ A.T) / found.drift_errors(SOME)) ** 2) < 16 / 3
    assert np.all(np.abs(G - D) < 4 * found.diffusion_errors(SOME))
    wrong = dm.infer(states, dt=0.05, key=KEY)
    assert np.any(np.abs(fields(wrong.sde, SOME)[1] - D) > 4 * wrong.diffusion_errors(SOME))


@pytest.mark.slow
def test_whole_numbers():
    """A recorder's steps of a hundredth of the standard deviation."""
    unit = 0.01 * STATES.std()
    counts = dm.infer(np.round(STATES / unit).astype(np.int64), dt=DT, key=KEY)
    found = dm.infer(STATES, dt=DT, key=KEY)
    (f, G), (g, H) = fields(found.sde, SOME), fields(counts.sde, SOME / unit)
    assert np.all(np.abs(g * unit - f) < found.drift_errors(SOME))
    assert np.all(np.abs(H * unit**2 - G) < found.diffusion_errors(SOME))


@pytest.mark.slow
@pytest.mark.parametrize("turn", [2 * np.pi, 360.0])
def test_angles_come_round(turn):
    """dθ = (1 + 0.7 cos θ) dt + 0.6 dB, recorded within one turn: found all around, though it turns
    some hundred times."""
    import jax.numpy as jnp

    sde = dm.SDE(lambda z: 1 + 0.7 * jnp.cos(z), 0.6, 1, periodic=2 * np.pi)
    run = dm.simulate(sde, duration=1000.0, dt=0.01, save_every=10, key=KEY)
    theta = np.asarray(run.states[0], float)
    wrapped = (theta % (2 * np.pi)) * turn / (2 * np.pi)
    found = dm.infer(dm.Recording.of(wrapped, dt=0.1, periodic=turn), key=KEY)
    assert found.sde.periodic == (turn,)
    around = np.linspace(0, 2 * np.pi, 50)[:, None]
    unit = turn / (2 * np.pi)
    f, G = fields(found.sde, around * unit)
    bars = found.drift_errors(around * unit) / unit
    wanted = 1 + 0.7 * np.cos(around)
    assert np.mean(((f / unit - wanted) / bars) ** 2) < 4
    assert np.abs(f / unit - wanted).max() < 0.15
    np.testing.assert_allclose(G / unit**2, 0.18, rtol=0.05)
    np.testing.assert_allclose(fields(found.sde, around[:1] * unit + 7 * turn)[0], f[:1], rtol=1e-4)
    assert found.outcome is dm.Outcome.SUCCESS, found.reason

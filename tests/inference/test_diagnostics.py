"""What is left over, the halves, the twin; and verdicts, one cause at a time."""

import dataclasses

import numpy as np
import pytest
from inferred import INFERENCE

import driftmatch as dm
from driftmatch.inference.diagnostics import halves, memory, residuals
from driftmatch.inference.noise import is_anticorrelated
from driftmatch.inference.verdict import Evidence, verdict
from driftmatch.outcomes import Outcome

N = 5000
ONE = np.ones((1, 2))
ALL = np.arange(N) > 0  # each step follows the one before it


def white(seed=0, number=N):
    return np.random.default_rng(seed).standard_normal((number, 2))


def moving(noise, weight):
    """Neighbours of which have a correlation of weight / (1 + weight²)."""
    return np.concatenate([noise[:1], noise[1:] + weight * noise[:-1]])


def staying(length, number=N):
    """Of variance 1, correlated over so many steps."""
    found, kept = white(7, number), np.exp(-1 / length)
    for i in range(1, number):
        found[i] = kept * found[i - 1] + np.sqrt(1 - kept**2) * found[i]
    return found


def test_white_and_normal_is_neither_of_the_others():
    """100 times: 4 standard errors of 40 numbers are passed 0.3 % of the time."""
    for seed in range(100):
        left = residuals(white(seed, 1000), ALL[:1000], 0.1 * ONE)
        assert left.is_white
        assert left.is_normal
        assert left.is_steady
        assert left.is_stationary
        assert left.is_free_of_slow_forces
        assert not is_anticorrelated(white(seed, 1000), ALL[:1000])
    assert left.error == pytest.approx(1000**-0.5)
    np.testing.assert_allclose(left.variance, 1, atol=0.25)


def test_each_defect_is_seen_and_no_other():
    rng = np.random.default_rng(1)
    slow = np.repeat(rng.choice([0.5, 1.4], (N // 50, 1)), 50, axis=0)
    outliers = np.where(rng.random((N, 1)) < 0.005, 8.0, 1.0)
    pushed = 0.1 * np.sign(np.arange(N) - N / 2)[:, None]
    cases = {
        "is_white": moving(white(), 0.3),
        "is_normal": white() * outliers,
        "is_steady": white() * slow,
        "is_stationary": white() + pushed,
        "is_free_of_slow_forces": white() + 0.12 * staying(100),
    }
    # Noise that is now large, now small is not normal, taken together; what stays adds up.
    adds_up = {"is_free_of_slow_forces"}
    implied = {"is_steady": {"is_normal"}, "is_white": adds_up, "is_stationary": adds_up}
    for name, left in cases.items():
        found = residuals(left, ALL, 0.2 * ONE)
        seen = {other for other in cases if not getattr(found, other)}
        assert seen == {name} | implied.get(name, set())
    assert residuals(cases["is_stationary"], ALL, 2 * ONE).is_stationary, "little beside the drift"
    assert is_anticorrelated(moving(white(), -0.3), ALL)
    assert not is_anticorrelated(moving(white(), 0.3), ALL)


def test_only_steps_that_follow_one_another_are_compared():
    """Pairs of the same number twice, cut in the middle: uncorrelated within a piece."""
    twice = np.repeat(white(number=N // 2), 2, axis=0)
    cut = np.arange(N) % 2 == 1
    whole, apart = residuals(twice, ALL, ONE), residuals(twice, ~cut & ALL, ONE)
    assert whole.autocorrelation[0].min() > 0.4
    assert np.abs(apart.autocorrelation[0]).max() < 0.1
    assert np.all(apart.autocorrelation[1:] == 0), "there are no pieces of three steps"
    assert not is_anticorrelated(-twice, ~cut & ALL)


def autoregressive(number, correlation, seed):
    noise = white(seed, number)
    z = np.zeros_like(noise)
    for t in range(1, number):
        z[t] = correlation * z[t - 1] + noise[t]
    return z


def test_halves():
    """Their shift is within three standard errors in 94 % of recordings at least."""
    shifts = []
    for seed in range(100):
        both = halves([autoregressive(1000, 0.9, seed)[200:]], (False, False))
        shifts.append(both.shift / both.error)
        assert both.are_alike or np.abs(both.shift).max() < 0.9
    assert np.mean(np.abs(shifts) < 3) > 0.94
    trend = autoregressive(1000, 0.9, 0) + np.linspace(0, 40, 1000)[:, None]
    assert np.all(halves([trend], (False, False)).shift > 1)
    jump = autoregressive(N, 0.5, 0) + 3 * (np.arange(N) > N / 2)[:, None]
    assert not halves([jump], (False, True)).independent[0] > N / 2
    assert halves([jump], (True, True)).are_alike, "angles need not come back"


def test_memory_of_samples():
    """By how much neighbours correlate, along the direction that remembers longest."""
    z = autoregressive(20_000, 0.5, 0)
    z[:, 1] = white(3, 20_000)[:, 1]
    z /= z.std(axis=0)
    assert memory([z], (False, False)) == pytest.approx(0.5, abs=0.03)
    assert memory([white()], (False, False)) < 0.1
    assert memory([white()], (True, True)) == 1.0
    assert memory([z[:1000], z[5000:]], (False, True)) == pytest.approx(0.5, abs=0.03)


GOOD = Evidence(
    memory=0.9, stiffness=0.01, change=0.0, drift_error=0.1, diffusion_error=0.05, forced=0.0,
    noise_share=0.0, failed_noise=False, blur=0.0, residuals=residuals(white(), ALL, ONE),
    twin=INFERENCE.twin, halves=INFERENCE.halves,
)  # fmt: skip
TWIN = INFERENCE.twin
BAD = {
    Outcome.COARSE_RECORDING: [{"memory": 0.1}, {"stiffness": 1.1},
                               {"stiffness": 0.3, "change": 0.1}],
    Outcome.MEASUREMENT_NOISE: [{"noise_share": 0.8}, {"failed_noise": True}, {"blur": 2.0}],
    Outcome.NOT_MARKOV: [{"residuals": residuals(moving(white(), 0.3), ALL, ONE)},
                         {"residuals": residuals(white() + 0.12 * staying(100), ALL, ONE)}],
    Outcome.NOT_NORMAL: [{"residuals": residuals(white() ** 3, ALL, ONE)}],
    Outcome.TRANSIENT: [{"residuals": residuals(np.sort(white(), axis=0) + 9 * white(1), ALL, ONE)},
                        {"halves": dataclasses.replace(INFERENCE.halves, shift=9 * ONE[0])}],
    Outcome.UNCERTAIN_DRIFT: [{"drift_error": 0.3}, {"drift_error": np.nan}],
    Outcome.UNCERTAIN_DIFFUSION: [{"diffusion_error": 0.3}, {"diffusion_error": np.inf}],
    Outcome.MODEL_LEAVES: [{"twin": dataclasses.replace(TWIN, left=0.1)}],
    Outcome.FORCED_DIFFUSION: [{"forced": 0.1}],
    Outcome.OTHER_STATES: [{"twin": dataclasses.replace(TWIN, density=0.3, density_floor=0.1)}],
}  # fmt: skip


@pytest.mark.parametrize("outcome", BAD)
def test_every_defect_has_its_outcome(outcome):
    for change in BAD[outcome]:
        found, reason, findings = verdict(GOOD._replace(**change))
        assert found is outcome
        assert reason is not None
        assert reason.startswith(str(outcome))
        assert findings[0] in reason
        assert not found.ok


def test_nothing_found_is_success():
    assert verdict(GOOD) == (Outcome.SUCCESS, None, ())
    noted = verdict(GOOD._replace(stiffness=0.1, noise_share=0.1))
    assert noted[0] is Outcome.SUCCESS
    assert len(noted[2]) == 2


def test_causes_come_before_what_they_lead_to():
    """Whoever has correlated residuals and few data is not told to record for longer."""
    everything = GOOD._replace(
        **{
            name: value
            for changes in list(BAD.values())[::-1]
            for name, value in changes[0].items()
        }
    )
    assert verdict(everything)[0] is Outcome.COARSE_RECORDING
    assert len(verdict(everything)[2]) >= 7
    slow = residuals(white() * np.tile(np.repeat([[0.3], [1.5]], 50, axis=0), (50, 1)), ALL, ONE)
    assert verdict(GOOD._replace(residuals=slow))[0] is Outcome.NOT_MARKOV
    uncertain = BAD[Outcome.NOT_MARKOV][0] | {"drift_error": 0.9}
    assert verdict(GOOD._replace(**uncertain))[0] is Outcome.NOT_MARKOV


def refused(data, match, **options):
    import jax

    with pytest.raises(dm.InputError, match=match):
        dm.infer(data, **{"dt": 0.1, "key": jax.random.key(0)} | options)


def test_what_is_no_recording():
    z = white(number=200)
    constant = z * (1, 0)
    refused(constant, "z2 never did")
    refused(np.where(np.arange(200)[:, None] % 2, np.nan, z), "at least 50 steps.*got 0")
    refused(z[:50], "at least 50 steps.*got 49")
    refused(z, "at least 500 steps.*lag of 10, got 190", lag=10)
    refused(z, "over one sample", lag=2, measurement_noise=True)
    refused(np.c_[z, z[:, :1]], "z1 and z3 depend on each other")
    refused(1e-160 * z, "other units")
    refused(z.astype(str), "number")
    refused("cell.csv", ".")
    refused(z, "components must be at most", components=3)
    refused(z, "dt", dt=None)

"""Words that were typed wrongly are answered with the right ones."""

import inspect
import pickle

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.storage.models import read_header
from driftmatch.words import spelled

KEY = jax.random.key(0)
SDE = dm.systems.lorenz()


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: dm.embed(SDE, 64, seed=0), "key"),
        (lambda: dm.embed(SDE, neurons=64, key=KEY), "num_neurons"),
        (lambda: dm.simulate(SDE, T=1.0, dt=0.01, key=KEY), "duration"),
        (lambda: dm.simulate(SDE, duration=1.0, dt=0.01, key=KEY, x0=0.0), "start"),
        (lambda: dm.systems.lorenz(rh=3.0), "rho"),
        (lambda: dm.systems.van_der_pol(sigma=0.1), "noise"),
        (lambda: dm.memory.recall(SDE, trials=3), "num_trials"),
        (lambda: dm.inputs.pulse(1.0, 0.0, ennd=1.0), "end"),
    ],
)
def test_an_unknown_keyword_is_answered_with_what_was_meant(call, meant):
    with pytest.raises(TypeError, match=f"has no argument .* did you mean '{meant}'"):
        call()


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        (lambda: dm.simulte, "simulate"),
        (lambda: dm.lyapunow, "lyapunov"),
        (lambda: dm.systems.lorentz, "lorenz"),
        (lambda: dm.memory.recal, "recall"),
        (lambda: dm.figures.atractor, "attractor"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(read, meant):
    with pytest.raises(AttributeError, match=f"did you mean '{meant}'"):
        read()


def test_names_that_python_asks_for_are_not_guessed():
    with pytest.raises(AttributeError) as raised:
        _ = dm.systems.__wrapped__
    assert "did you mean" not in str(raised.value)
    assert not hasattr(dm, "__path_of_nothing__")


def test_functions_keep_their_signature_and_pickle():
    for function in (dm.embed, dm.systems.lorenz, dm.memory.walk):
        assert "key" in inspect.signature(function).parameters or function is dm.systems.lorenz
        assert function.__doc__
        assert pickle.loads(pickle.dumps(function)) is function


def test_functions_that_take_any_keyword_still_do(tmp_path):
    net = dm.Network(np.ones((4, 1)), np.ones((1, 4)), np.zeros(4))
    dm.save(tmp_path / "net.safetensors", net, seed=3)
    assert read_header(tmp_path / "net.safetensors")["seed"] == 3


def test_known_keywords_pass_and_other_errors_stay():
    @spelled
    def power(base, /, exponent=2):
        return base**exponent

    assert power(3, exponent=3) == 27
    with pytest.raises(TypeError, match="missing 1 required positional"):
        power()
    with pytest.raises(TypeError, match="has no argument 'base'"):  # it has no name to be given by
        power(base=3)

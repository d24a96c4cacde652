"""The smallest network that comes to an error: found, told, and refused where there is none."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.embedding.size import smallest

KEY = jax.random.key(0)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("wanted", [9e-1, 3e-1, 2e-2, 1e-3])
def test_of_a_power_law(power, wanted):
    """To within a factor 2^¼ of what the law says, or one neuron, in few trials."""
    asked = []

    def error_at(number):
        asked.append(number)
        return 3.0 * number**-power

    exact = (3.0 / wanted) ** (1 / power)
    if exact > 4096:
        with pytest.raises(dm.ComputationError, match="in sight of an error"):
            smallest(error_at, wanted, 2)
        return
    sizes = smallest(error_at, wanted, 2)
    number = next(number for number, error in sizes if error <= wanted)
    assert exact <= number
    assert number <= max(1.01 * 2**0.25 * exact, np.ceil(exact), 4)
    assert sorted(asked) == [number for number, _ in sizes]
    assert len(asked) <= 12


def test_what_falls_no_more_is_not_waited_for():
    asked = []

    def error_at(number):
        asked.append(number)
        return 0.01 + 1.0 / number

    with pytest.raises(dm.ComputationError, match=r"128 come to 0\.018"):
        smallest(error_at, 1e-3, 1)
    assert asked[-1] == 128


def test_errors_that_do_not_fall_evenly():
    """47 come to it though 48 and 57 do not: 45 are tried, and 30."""
    sizes = smallest(lambda n: 1.0 if n < 44 or 47 < n < 60 else 0.1, 0.5, 3)
    assert dict(sizes) == {24: 1.0, 30: 1.0, 45: 0.1, 48: 1.0, 57: 1.0, 68: 0.1, 96: 0.1}


def test_fewer_neurons_than_can_be_had_are_none_that_come_to_it():
    """As under Dale's law."""

    def error_at(number):
        if number < 8:
            raise dm.InputError("use more neurons")
        return 0.1 / number

    assert smallest(error_at, 0.1, 1) == ((8, 0.0125), (16, 0.00625))  # 4, 6, 7: none


def test_what_is_refused_at_any_size_is_said():
    asked = []

    def error_at(number):
        asked.append(number)
        raise dm.InputError("no such method")

    with pytest.raises(dm.InputError, match="no such method"):
        smallest(error_at, 0.1, 1)
    assert asked == [16, 32]


def test_sizes_that_are_too_small_at_first():
    """As for an in-degree of 40: each is refused in words of its own."""

    def error_at(number):
        if number <= 40:
            raise dm.InputError(f"in_degree must be below the {number} neurons")
        return 1.0 / number

    sizes = smallest(error_at, 0.5, 2)
    assert [size for size, _ in sizes] == [45, 64]


def test_what_no_size_can_do_is_refused_in_the_end():
    def error_at(number):
        raise dm.InputError(f"mask must have 100 rows, not {number}")

    with pytest.raises(dm.InputError, match="not 4096"):
        smallest(error_at, 0.5, 2)


def test_an_embedding_of_an_error():
    sde = dm.systems.van_der_pol()
    samples = dm.sample(sde, key=KEY)
    found = dm.embed(sde, error=1e-2, key=KEY, samples=samples, check=False)
    assert found.report.drift_error <= 1e-2
    sizes = dict(found.report.sizes)
    number = found.network.num_neurons
    assert sizes[number] == found.report.drift_error
    assert all(error > 1e-2 for size, error in sizes.items() if size < number)
    same = dm.embed(sde, number, key=KEY, samples=samples, check=False)
    assert same.report.drift_error == found.report.drift_error
    assert same.report.sizes == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give num_neurons, such as 256, or the error"),
        ({"num_neurons": 64, "error": 0.1}, "give either num_neurons, or the error"),
        ({"error": 0.0}, "error must be a positive number, got 0"),
        ({"error": "small"}, "error must be a positive number"),
    ],
)
def test_what_is_no_size(options, words):
    with pytest.raises(dm.InputError, match=words):
        dm.embed(dm.systems.van_der_pol(), key=KEY, **options)

"""Annotations of arrays are held to while the tests run."""

import jaxtyping
import numpy as np
import pytest
from jaxtyping import ArrayLike, Float, jaxtyped
from shape_checks import checked, says_shape

import driftmatch as dm
from driftmatch.matching.problem import Features
from driftmatch.sampling.whitening import Whitening

WHITENING = Whitening(np.zeros(2), np.eye(2))


@pytest.mark.parametrize(
    "states", [np.ones(2), np.ones((1, 1, 2)), np.ones((1, 2), int)], ids=["1", "3", "int"]
)
def test_a_wrong_array_into_a_function(states, request):
    """Which would have returned something."""
    with pytest.raises(jaxtyping.TypeCheckError, match=r"Whitening\.unwhiten"):
        WHITENING.unwhiten(states)
    assert WHITENING.unwhiten(np.ones((3, 2))).shape == (3, 2)
    request.getfixturevalue("shapes_unchecked")
    assert WHITENING.unwhiten(states).shape[-1] == 2


def test_a_wrong_array_into_a_record(request):
    """Sizes agree between fields, too."""
    for gamma, bias in ((np.ones(3), np.ones(3)), (np.ones((3, 2)), np.ones(4))):
        with pytest.raises(jaxtyping.TypeCheckError, match="Features"):
            Features(gamma, bias)
    request.getfixturevalue("shapes_unchecked")
    assert len(Features(np.ones(3), np.ones(3))) == 3


Vector = Float[np.ndarray, " n"]


@jaxtyped(typechecker=checked)
def halved(x: Vector, *, keep: bool = True) -> Vector:
    if x.size == 0:
        raise dm.InputError("x must have numbers, got none: give some")
    return x if keep else x[::2]


def test_a_wrong_result():
    assert halved(np.ones(4)).shape == (4,)
    with pytest.raises(jaxtyping.TypeCheckError, match="return value"):
        halved(np.ones(4), keep=False)


def test_the_door_speaks_first():
    """Of what it refuses; what it lets in must be as annotated."""
    with pytest.raises(dm.InputError, match="x must have numbers"):
        halved(np.ones((0, 2)))
    with pytest.raises(jaxtyping.TypeCheckError):
        halved(np.ones((1, 2)))


def test_only_arrays_are_checked():
    assert says_shape(Vector | None)
    assert says_shape(tuple[Vector, int])
    assert not says_shape(tuple[np.ndarray, int] | None)


@jaxtyped(typechecker=checked)
def total(x: Float[ArrayLike, " n"]) -> float:
    return float(np.sum(x))


def test_what_is_like_an_array_may_be_a_list():
    assert total([1.0, 2.0]) == total(np.array([1.0, 2.0])) == 3
    with pytest.raises(jaxtyping.TypeCheckError):
        total(np.ones((2, 2)))


def test_other_annotations_are_left_to_pyright():
    assert halved(np.ones(4), keep=1) is not None

"""The smallest network that comes to the error wanted, by fits of a few sizes."""

from collections.abc import Callable

from driftmatch.errors import ComputationError

_FIRST, _PER_DIMENSION, _MOST = 16, 8, 4096  # neurons
_TELLING = 128  # neurons from which on the pace says where it leads
_PROMISING = 2.0  # times the error wanted

Curve = tuple[tuple[int, float], ...]


def smallest(error_at: Callable[[int], float], wanted: float, dim: int) -> Curve:
    """Sizes that were tried and their errors, in ascending order, of which the first that comes to
    the error wanted is the smallest that does, to within a factor √2.

    Sizes double until one does; then one between it and the last is tried. Raises
    `ComputationError` if none does up to 4096 neurons, or at the pace of the last two never would.
    """
    n, tried = max(_FIRST, _PER_DIMENSION * dim), {}
    while True:
        tried[n] = error_at(n)
        if tried[n] <= wanted:
            break
        _check_pace(n, tried, wanted)
        n *= 2
    if n // 2 in tried:
        between = round(n / 2**0.5)
        tried[between] = error_at(between)
    return tuple(sorted(tried.items()))


def _check_pace(n: int, tried: dict[int, float], wanted: float) -> None:
    """Raises `ComputationError` where twice as many neurons, and twice as many again, as far as
    there is any sense in it, would not come to the error wanted."""
    falls = min(tried[n] / tried[n // 2], 1.0) if n // 2 in tried else 0.0
    end = n
    reached = tried[n]
    while 2 * end <= _MOST:
        end, reached = 2 * end, falls * reached
    if 2 * n > _MOST or (n >= _TELLING and reached > _PROMISING * wanted):
        would = "" if end == n else f", and at this pace {end} would come to {reached:.2g}"
        raise ComputationError(
            f"no number of neurons is in sight of an error of {wanted:g}: {n} come to "
            f"{tried[n]:.2g}{would}; ask for no less, or withstand less private_noise"
        )

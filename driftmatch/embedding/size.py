"""The smallest network that comes to the error wanted, by fits of a few sizes."""

from collections.abc import Callable

from driftmatch.errors import ComputationError, InputError

_FIRST, _PER_DIMENSION, _MOST = 16, 8, 4096  # neurons
_HALVINGS = 2  # of a step between sizes, from a factor 2 to one of 2^¼
_FEWER = 1.5
_TELLING = 128  # neurons from which on the pace says where it leads
_PROMISING = 2.0  # times the error wanted

Curve = tuple[tuple[int, float], ...]


def smallest(error_at: Callable[[int], float], wanted: float, dim: int) -> Curve:
    """Sizes that were tried and their errors, in ascending order, of which the first that comes to
    the error wanted is the smallest that does, to within a factor 2^¼.

    Sizes double until one does, or halve until one does not; then the step is halved twice, and
    it is made sure that two thirds of the neurons do not.

    A size that is refused (`InputError`), as too small a one is for Dale's law, does not come to
    it; what is refused in the same words at twice the size is wrong at any.

    Raises `ComputationError` if none does up to 4096 neurons, or at the pace of the last two never
    would.
    """
    least, n = dim + 2, max(_FIRST, _PER_DIMENSION * dim)
    tried: dict[int, float] = {}
    refusals: dict[int, InputError] = {}

    def comes_to_it(number: int) -> bool:
        try:
            tried[number] = error_at(number)
        except InputError as refusal:
            refusals[number] = refusal
            return False
        return tried[number] <= wanted

    if comes_to_it(n):
        below = max(n // 2, least)
        while below < n and comes_to_it(below):
            n, below = below, max(below // 2, least)
    else:
        below = n
        _check_pace(n, tried, refusals, wanted)
        while not comes_to_it(2 * below):
            below *= 2
            _check_pace(below, tried, refusals, wanted)
        n = 2 * below
    for _ in range(_HALVINGS):
        between = round((below * n) ** 0.5)
        if not below < between < n:
            break
        if comes_to_it(between):
            n = between
        else:
            below = between
    # Errors do not fall evenly: two thirds of the neurons are tried, and if they do, again.
    while (fewer := round(n / _FEWER)) >= least and fewer not in tried:
        if not comes_to_it(fewer):
            break
        n = fewer
    return tuple(sorted(tried.items()))


def _check_pace(
    n: int, tried: dict[int, float], refusals: dict[int, InputError], wanted: float
) -> None:
    """Raises `ComputationError` where twice as many neurons, and twice as many again, as far as
    there is any sense in it, would not come to the error wanted; what was refused if it always is.
    """
    if n in refusals:
        half = refusals.get(n // 2)
        if 2 * n > _MOST or (half is not None and str(half) == str(refusals[n])):
            raise refusals[n]
        return
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

r"""Anderson's acceleration of a slow iteration x ← g(x) that makes something likelier.

With f = g(x) − x of this and earlier rounds, the next x is the combination of their g whose f is
smallest, unless that turns out less likely than what was known before: then the iteration starts
afresh from the best, without a past. So expectation and maximisation, slow where two parameters
trade places, converge in tens of rounds and not in thousands.

Source: H. F. Walker, P. Ni, SIAM J. Numer. Anal. 49, 1715 (2011); for the safeguard,
N. C. Henderson, R. Varadhan, J. Comput. Graph. Stat. 28, 834 (2019).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

Matrix = np.ndarray

_DEPTH = 8  # rounds that are combined
_WORSE = 1.0  # a log likelihood that may be lost in a round
_ROUNDING = 1e-10
_PATIENCE = 2  # rounds that gain nothing


class Step(NamedTuple):
    """One iteration from x.

    - `start`, `end`: x and g(x), shape (n,). - `value`: the log likelihood of x. - `result`: what
      g(x) was made of.
    """

    start: Float[Matrix, " n"]
    end: Float[Matrix, " n"]
    value: float
    result: Any


def accelerated(
    step: Callable[[Any], Step | None],
    moved: Callable[[Any, Float[Matrix, " n"]], Any],
    inner: Callable[[Matrix, Matrix], Matrix],
    start: Any,
    *,
    rounds: int,
    gain: float,
) -> Any | None:
    """The likeliest result, once `_PATIENCE` rounds gain less than `gain`; None if the first fails.

    - `step`: one iteration from a result; None if it diverges.
    - `moved`: a result with other parameters.
    - `inner`: of two matrices of differences, shapes (a, n) and (b, n), the inner products, (a, b).
    """
    point, best, past, idle = start, None, [], 0
    for _ in range(rounds):
        now = step(point)
        if now is None or (best is not None and now.value < best.value - _WORSE):
            if best is None or len(past) == 0:
                break
            # Once more from the best, by an iteration alone.
            point, past = best.result, []
            continue
        gained = np.inf if best is None else now.value - best.value
        if gained > 0:
            best = now
        idle = idle + 1 if gained < gain else 0
        if idle >= _PATIENCE:
            break
        past = [*past, now][-_DEPTH:]
        point = moved(now.result, _combined(past, inner)) if len(past) > 1 else now.result
    return best and best.result


def _combined(past: list[Step], inner) -> Float[Matrix, " n"]:
    ends = np.stack([each.end for each in past])
    forces = ends - np.stack([each.start for each in past])
    changes = np.diff(forces, axis=0)
    gram = inner(changes, changes)
    gram += _ROUNDING * np.trace(gram) * np.eye(len(gram))
    shares = np.linalg.lstsq(gram, inner(changes, forces[-1:])[:, 0], rcond=None)[0]
    return ends[-1] - shares @ np.diff(ends, axis=0)

"""Intervals for fractions."""

import math


def wilson_interval(count: float, total: int, *, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for the probability behind `count` successes in `total` trials.

    `z`: the normal quantile; 1.96 gives 95 %. Unlike the textbook interval it stays honest when
    the count is 0 or `total`.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    p = count / total
    centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(p * (1 - p) / total + (z / (2 * total)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)

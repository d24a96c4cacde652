import numpy as np
import pytest
import scipy.stats

from driftmatch.analysis.intervals import wilson_interval


def test_known_values():
    """Of Newcombe, Stat. Med. 17, 857 (1998), table I."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@pytest.mark.parametrize(("count", "total"), [(0, 512), (3, 128), (128, 128)])
def test_ends_are_where_the_count_becomes_unlikely(count, total):
    """The ends are the p at which the count lies 1.96 standard deviations from the expected one."""
    for p in wilson_interval(count, total):
        off = 1.96 * np.sqrt(total * p * (1 - p))
        assert abs(count - total * p) == pytest.approx(off, abs=1e-6)


def test_coverage():
    """Of all outcomes at p = 0.02, those whose interval holds p have a probability of about 95 %;
    twice as narrow intervals would fall short."""
    p, total = 0.02, 200

    def covered(z):
        counts = np.arange(total + 1)
        ends = np.array([wilson_interval(int(c), total, z=z) for c in counts])
        inside = (ends[:, 0] <= p) & (p <= ends[:, 1])
        return scipy.stats.binom.pmf(counts[inside], total, p).sum()

    assert 0.93 < covered(1.96) < 0.99
    assert covered(0.98) < 0.85

"""Sums over blocks: each state once, in an order that does not depend on the threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from driftmatch.matching.blocks import SHARES, Blocks, blocks, one_blas_thread


@pytest.mark.parametrize(("number", "size"), [(1, 256), (3, 1), (256, 256), (257, 256), (5000, 64)])
def test_every_state_is_taken_once(number, size):
    def counts(share):
        taken = np.zeros(number, int)
        for s in share:
            taken[s] += 1
        return taken, len(share)

    with blocks(number, size) as shared:
        taken, parts = shared.sum(counts)
    assert np.all(taken == 1)
    assert parts == -(-number // size)


def test_the_number_of_threads_changes_no_bit():
    """Numbers of all sizes, whose sum depends on the order; any other order is the control."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(4000) * 10.0 ** rng.integers(-8, 8, 4000)

    def total(share):
        return (sum(x[s].sum() for s in share),)

    found = set()
    for threads in (1, 2, SHARES):
        with ThreadPoolExecutor(threads) as executor:
            found.add(Blocks(4000, 16, executor).sum(total))
    assert len(found) == 1
    assert (sum(x),) not in found


def test_errors_come_out_of_the_threads():
    def fails(share):
        raise ZeroDivisionError("in a block")

    with blocks(1000) as shared, pytest.raises(ZeroDivisionError, match="in a block"):
        shared.sum(fails)


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_is_held_to_one_thread_and_let_go():
    before = blas_threads()
    assert before
    with one_blas_thread():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before

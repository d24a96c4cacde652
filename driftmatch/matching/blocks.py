"""Sums over many states, taken block by block in two or more threads.

Blocks keep the feature matrix's temporaries in cache. Each thread calls a BLAS held to one thread:
NumPy and SciPy bring a BLAS each, and their two thread pools slow each other down severalfold.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

# The sums are taken share by share in this order whatever the number of threads, so that the same
# key gives the same network on one core and on many.
SHARES = 4


class Blocks:
    """The blocks of N states, and the threads that sum over them; made by `blocks`."""

    def __init__(self, number: int, size: int, executor: ThreadPoolExecutor):
        slices = [slice(i, min(i + size, number)) for i in range(0, number, size)]
        self._shares = [share for share in (slices[w::SHARES] for w in range(SHARES)) if share]
        self._executor = executor

    def sum(self, share_sums: Callable[[list[slice]], tuple]) -> tuple:
        """Add up what `share_sums` returns for each share of the blocks."""
        parts = list(self._executor.map(share_sums, self._shares))
        return tuple(sum(terms[1:], terms[0]) for terms in zip(*parts, strict=True))


@contextmanager
def blocks(number: int, size: int = 256) -> Iterator[Blocks]:
    """Blocks of `size` among `number` states, with one thread a core."""
    with one_blas_thread(), ThreadPoolExecutor(min(SHARES, cores())) as executor:
        yield Blocks(number, size, executor)


def cores() -> int:
    """How many this process may use."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return own or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread; process-wide, so embeddings in several threads should take turns."""
    with threadpool_limits(1, user_api="blas"):
        yield

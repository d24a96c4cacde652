"""Parts that cannot spoil each other."""

import pytest

import driftmatch as dm
from driftmatch.analysis.summary_parts import LEFT_OUT, PARTS, Work
from driftmatch.meters import SILENT


def failing(error):
    def compute(*arguments):
        raise error

    return compute


def test_parts_are_fields_of_the_analysis():
    assert set(PARTS) <= set(dm.Analysis.__dataclass_fields__)


def test_a_part_is_given_what_it_needs():
    work = Work("x", (), SILENT)
    work.part("run", lambda: 2)
    work.part("lyapunov", lambda run: run + 1, "run")
    work.part("alignment", lambda run, lyapunov: (run, lyapunov), "run", "lyapunov")
    assert work.done == {"run": 2, "lyapunov": 3, "alignment": (2, 3)}
    assert work.skipped == {}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (dm.InputError("not so"), "not so"),
        (dm.ComputationError("in vain"), "in vain"),
        (ZeroDivisionError("by zero"), "failed (ZeroDivisionError: by zero)"),
    ],
)
def test_what_fails_takes_along_what_needs_it(error, reason):
    work = Work("x", (), SILENT)
    work.part("run", failing(error))
    work.part("subspace", lambda run: run, "run")
    work.part("alignment", lambda found: found, "subspace")
    work.part("symmetry", lambda: 1)
    assert work.skipped == dict.fromkeys(("run", "subspace", "alignment"), reason)
    assert work.done == {"symmetry": 1}


def test_what_is_left_out_is_not_computed():
    work = Work("x", ("run",), SILENT)
    work.part("run", failing(AssertionError("computed")))
    work.part("subspace", lambda run: run, "run")
    assert work.skipped == {"run": LEFT_OUT, "subspace": "needs run, which is left out"}


def test_what_was_asked_for_stays_the_reason():
    work = Work("x", ("stationary",), SILENT)
    work.leave(("stationary", "symmetry"), "does not apply")
    assert work.skipped == {"stationary": LEFT_OUT, "symmetry": "does not apply"}


def test_interrupts_pass():
    with pytest.raises(KeyboardInterrupt):
        Work("x", (), SILENT).part("run", failing(KeyboardInterrupt()))

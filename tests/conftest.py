"""Before anything is imported, shapes are checked; before anything compiles, the compiler hurries.

Half of the suite's time is spent compiling. With these options XLA takes half as long; what it
compiles is nearly as fast, or three times slower with many neurons, of which tests have few. The
slow proofs, ``-m slow``, are compiled as users' programs are, and do not check shapes again. What
one worker has compiled serves the other and the commands that tests start, for as long as the tests
run.
"""

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile

import jaxtyping
import pytest

HURRY = "--xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false"
AS_USERS = "--xla_backend_optimization_level=3"  # XLA's own default


def _is_known(flags: str) -> bool:
    """XLA stops the process that names an option it does not have."""
    command = [sys.executable, "-c", "import jax; jax.devices()"]
    environment = os.environ | {"XLA_FLAGS": flags}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


# A core for each worker: their threads would be in each other's way.
number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if number and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(number) % len(cores)]})

given = os.environ.get("XLA_FLAGS", "")  # whoever gives options chooses; workers inherit ours
if "slow" in sys.argv:
    os.environ.setdefault("JAXTYPING_DISABLE", "1")
flags = AS_USERS if "slow" in sys.argv else HURRY
if not given and _is_known(flags):
    os.environ["XLA_FLAGS"] = flags

if os.environ.get("JAXTYPING_DISABLE", "0") != "1":
    jaxtyping.install_import_hook("driftmatch", "shape_checks.checked")

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # workers inherit this, too
    folder = tempfile.mkdtemp(prefix="driftmatch-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


@pytest.fixture(autouse=True, scope="module")
def what_stays_is_not_looked_through_again():
    """Programs are kept, and the collector of garbage would take seconds to pass over them all."""
    yield
    gc.freeze()


@pytest.fixture
def compilations():
    """The names of events, one for each program that is compiled while the test runs."""
    import jax

    events, listening = [], [True]

    def listen(event, seconds, **options):
        if listening and event == "/jax/core/compile/backend_compile_duration":
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield events
    listening.clear()  # there is no way to take it back


@pytest.fixture
def shapes_unchecked(monkeypatch):
    """For records that a user has put together wrongly, and for what stands in for arrays."""
    monkeypatch.setitem(jaxtyping.config.__dict__, "jaxtyping_disable", True)

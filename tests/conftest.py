"""Before anything compiles: a compiler that hurries.

Two thirds of the suite's time are spent compiling. With these options XLA takes half as long; what
it compiles is nearly as fast, or three times slower with many neurons, of which tests have few.
Commands that tests start inherit them.
"""

import os
import subprocess
import sys

import pytest

HURRY = "--xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false"


def _is_known(flags: str) -> bool:
    """XLA stops the process that names an option it does not have."""
    command = [sys.executable, "-c", "import jax; jax.devices()"]
    environment = os.environ | {"XLA_FLAGS": flags}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


given = os.environ.get("XLA_FLAGS", "")  # whoever gives options chooses; workers inherit ours
if not given and _is_known(HURRY):
    os.environ["XLA_FLAGS"] = HURRY


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

"""Before anything imports JAX: a compiler that hurries.

Two thirds of the suite's time are spent compiling. At optimisation level 1 XLA takes half as long,
and what it compiles runs nearly as fast. Commands that tests start inherit it.
"""

import os

LEVEL = "--xla_backend_optimization_level"
if LEVEL not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {LEVEL}=1".strip()

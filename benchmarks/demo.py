"""How long does `driftmatch demo` take, and `driftmatch --help`, as whole processes?"""

import subprocess
import sys
import tempfile
import time

from benchmarks.tables import Result


def run(quick: bool = False) -> Result:
    """Time the commands from outside."""
    result = Result("How long do `driftmatch demo` and `driftmatch --help` take?")
    with tempfile.TemporaryDirectory() as folder:
        demo = ["demo", "--out", f"{folder}/demo", *(["--quick"] if quick else [])]
        for words, repeats, limit in ((["--help"], 5, 0.5), (demo, 1, 90)):
            seconds = []
            for _ in range(repeats):
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "driftmatch", *words],
                    check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                seconds.append(time.perf_counter() - began)
            command = f"driftmatch {words[0]}"
            result.rows.append({"command": command, "seconds": min(seconds)})
            result.require(f"{command}, seconds", min(seconds), limit)
    return result

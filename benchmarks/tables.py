"""Tables on the terminal, the same rows as JSON, and the machine that they were measured on."""

import datetime
import os
import platform
from dataclasses import dataclass, field

import jax
import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass
class Result:
    """One question, the rows that answer it, and the requirements that were met or missed."""

    question: str
    rows: list[dict] = field(default_factory=list)
    verdicts: list[dict] = field(default_factory=list)

    def require(self, what: str, value: float, bound: float, *, at_least: bool = False) -> None:
        """Note whether a measured number keeps its bound."""
        met = value >= bound if at_least else value <= bound
        self.verdicts.append(
            {"requirement": what, "measured": value, "bound": bound, "met": bool(met)}
        )

    def show(self, console: Console) -> None:
        console.rule(self.question)
        for rows in (self.rows, self.verdicts):
            if not rows:
                continue
            table = Table(*rows[0])
            for row in rows:
                table.add_row(*(_words(row.get(column, "")) for column in rows[0]))
            console.print(table)


def _words(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple, np.ndarray)):
        return ", ".join(_words(v) for v in value)
    return str(value)


def peak_memory() -> float:
    """The largest resident memory of this process so far, in MB; getrusage would tell its parent's
    if that was larger."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def machine() -> dict:
    """What the numbers were measured on, and when."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((x.split(":")[1].strip() for x in file if "model name" in x), model)
    return {
        "date": datetime.date.today().isoformat(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
    }

"""Whether a run that is to be saved fits into memory and onto the disk, asked before it is made."""

import os
import shutil
from pathlib import Path

from driftmatch.atomic import nearest_folder
from driftmatch.errors import InputError

_COPIES = {".nc": 3, ".zarr": 2}  # of a run, in memory: itself, and as it is written


def check_room(out: Path, samples: float, values: int, itemsize: int) -> None:
    """Raises `InputError` if a run of so many samples of so many values is too large to be saved.

    Where the system does not say how much memory it has, that is not asked.
    """
    size = samples * values * itemsize
    _compare(_COPIES[out.suffix] * size, available_memory(), "memory", "this run and its file need")
    _compare(size, shutil.disk_usage(nearest_folder(out)).free, "room on the disk", f"{out} needs")


def _compare(needed: float, there: int | None, what: str, who: str) -> None:
    if there is not None and needed > there:
        raise InputError(
            f"{who} some {_gigabytes(needed)} of {what}, and there are {_gigabytes(there)}: raise "
            "--save-every, or lower --duration or --trajectories"
        )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.3g} GB"


def available_memory() -> int | None:
    """Bytes that a process can have without swapping, or None if the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None

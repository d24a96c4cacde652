"""What the shell offers where a system, a model or a part of an analysis is named.

Loading JAX takes a second, which a shell cannot wait for: names are read, not imported.
"""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

from driftmatch.cli.targets import MODEL

# Of `driftmatch.systems.CATALOGUE` and of the parts that `analyse` can skip.
SYSTEMS = (
    "van-der-pol", "limit-cycle", "kubo-oscillator", "fitzhugh-nagumo", "lorenz", "dadras",
    "double-well", "wells", "ring-of-wells", "ornstein-uhlenbeck",
)  # fmt: skip
PARTS = (
    "run", "fixed-points", "lyapunov", "neural-lyapunov", "irreversibility",
    "grid-irreversibility", "stationary", "symmetry", "symmetry-roles", "subspace", "alignment",
)  # fmt: skip
# Of files that `read_recording` reads.
RECORDINGS = (
    ".csv", ".dat", ".nc", ".npy", ".npz", ".nwb", ".parquet", ".tsv", ".txt", ".zarr"
)  # fmt: skip
_FLOWS = "dysts:"


def models(incomplete: str) -> list[str]:
    """Saved models, and folders on the way to them."""
    return list(_files(incomplete, (MODEL,)))


def recordings(incomplete: str) -> list[str]:
    """Files of recordings, and folders on the way to them."""
    return list(_files(incomplete, RECORDINGS))


def systems(incomplete: str) -> list[str]:
    """The catalogue, flows of dysts once they are asked for, and Python files."""
    if incomplete.startswith(_FLOWS):
        return [name for name in map(_FLOWS.__add__, _flows()) if name.startswith(incomplete)]
    flows = (_FLOWS,) if importlib.util.find_spec("dysts") else ()
    named = [name for name in (*SYSTEMS, *flows) if name.startswith(incomplete.replace("_", "-"))]
    return [*named, *_files(incomplete, (".py",))]


def models_and_systems(incomplete: str) -> list[str]:
    return [*systems(incomplete), *models(incomplete)]


def parts(incomplete: str) -> list[str]:
    return [name for name in PARTS if name.startswith(incomplete.replace("_", "-"))]


def _files(incomplete: str, endings: tuple[str, ...]) -> Iterator[str]:
    folder, _, start = incomplete.rpartition("/")
    place = Path(f"{folder}/" if "/" in incomplete else ".").expanduser()
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if path.name.startswith(start) and not (path.name.startswith(".") and not start):
            name = f"{folder}/{path.name}" if "/" in incomplete else path.name
            if path.is_dir():
                yield f"{name}/"
            elif path.suffix in endings:
                yield name


def _flows() -> Iterator[str]:
    """Those that `flow_names` gives, from dysts' own table."""
    spec = importlib.util.find_spec("dysts")
    for folder in (spec and spec.submodule_search_locations) or ():
        table = json.loads((Path(folder) / "data" / "chaotic_attractors.json").read_text("utf-8"))
        for name, flow in sorted(table.items()):
            if not (flow["delay"] or flow["nonautonomous"]):
                yield name

"""What a user called the target, kept so that it can be built again from a model's file alone."""

import difflib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftmatch.errors import InputError

if TYPE_CHECKING:
    from driftmatch.sde import AbstractSDE

MODEL = ".safetensors"
_FILE = re.compile(r"(?P<path>.+\.py)(?P<attribute>:[^:/\\]*)?", re.DOTALL)


@dataclass(frozen=True)
class Target:
    """A system as the command line names it.

    - `system`: a catalogue name, ``dysts:Flow`` or ``file.py:attribute``.
    - `noise`: σ of additive noise, or None for the system's own.
    - `parameters`: those that differ from the system's own.
    """

    system: str
    noise: float | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def given(
        cls, system: str, noise: float | None = None, settings: list[str] | None = None
    ) -> "Target":
        """From command-line arguments."""
        return cls(system, noise, dict(map(_setting, settings or [])))

    @classmethod
    def recorded(cls, header: dict[str, Any], model: Path) -> "Target":
        """From a model's header; raises `InputError` if it does not say."""
        try:
            return cls(**header["target"])
        except (KeyError, TypeError):
            raise InputError(f"{model} does not say what it embeds: add --system") from None

    def to_dict(self) -> dict[str, Any]:
        """For a model's header; a file by its absolute path."""
        file = _FILE.fullmatch(self.system)
        if file is None:
            return asdict(self)
        path = Path(file["path"]).expanduser().absolute()
        return asdict(self) | {"system": f"{path}{file['attribute'] or ''}"}

    @property
    def stem(self) -> str:
        """A name for files: ``van_der_pol``, ``Rossler``, ``my_model``."""
        if file := _FILE.fullmatch(self.system):
            return Path(file["path"]).stem
        return re.sub(r"\W+", "_", self.system.rpartition(":")[2].strip())

    def build(self) -> "AbstractSDE":
        """The SDE; raises `InputError` for an unknown system or parameter."""
        from driftmatch.systems import resolve

        return resolve(self.system, self.noise, self.parameters)


def is_model(text: str) -> bool:
    """Whether an argument means a model's file rather than a system."""
    path = Path(text)
    return path.suffix == MODEL or (path.is_file() and path.suffix != ".py")


def check_model(path: Path) -> Path:
    """A model's file that exists; raises `InputError` with the nearest one there is."""
    if not path.is_file():
        there = {p.stem: p for p in path.parent.glob(f"*{MODEL}")}
        near = difflib.get_close_matches(path.stem, there, n=1)
        remedy = f"did you mean {there[near[0]]}?" if near else "make one with driftmatch embed"
        raise InputError(f"there is no file {path}; {remedy}")
    return path


def check_settings(text: str, noise: float | None, settings: list[str] | None) -> bool:
    """Whether an argument means a model's file, which --noise and --set must not change."""
    if not is_model(text):
        return False
    if noise is not None or settings:
        raise InputError("--noise and --set are for systems: a model's were set when it was made")
    return True


def _setting(text: str) -> tuple[str, Any]:
    """``rho=28``, or ``B=[[2,-1],[1,2]]``."""
    name, _, value = (part.strip() for part in text.partition("="))
    try:
        if not name:
            raise ValueError
        return name, json.loads(value)
    except ValueError:
        raise InputError(
            f"--set takes name=number, or name=[[...],[...]] for a matrix, got {text!r}"
        ) from None

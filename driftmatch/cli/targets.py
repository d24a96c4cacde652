"""What a user called the target, kept so that it can be built again from a model's file alone."""

import inspect
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftmatch.errors import InputError
from driftmatch.words import did_you_mean

if TYPE_CHECKING:
    from driftmatch.sde import AbstractSDE

MODEL_SUFFIX = ".safetensors"


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
    def given(cls, system: str, noise: float | None, settings: list[str]) -> "Target":
        """From command-line arguments; a file is remembered by its absolute path."""
        file, colon, attribute = system.rpartition(":")
        if colon and file.endswith(".py"):
            system = f"{Path(file).absolute()}:{attribute}"
        return cls(system, noise, dict(map(_setting, settings)))

    @classmethod
    def recorded(cls, header: dict[str, Any]) -> "Target | None":
        """From a model's header, or None if the header does not say."""
        target = header.get("target")
        return None if target is None else cls(**target)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def stem(self) -> str:
        """A name for files: ``lorenz``, ``Rossler``, ``my_model``."""
        head, _, tail = self.system.rpartition(":")
        return Path(head).stem if head.endswith(".py") else tail.lower().replace("-", "_")

    def build(self) -> "AbstractSDE":
        """The SDE; raises `InputError` for an unknown system or parameter."""
        from driftmatch.systems.catalogue import CATALOGUE
        from driftmatch.systems.resolve import resolve

        if not self.parameters:
            return resolve(self.system, self.noise)
        kind, _, name = self.system.rpartition(":")
        if kind.lower() == "dysts":
            from driftmatch.systems.dysts import from_dysts

            return from_dysts(name, self.noise or 0.0, self.parameters)
        if kind:
            raise InputError("--set is for catalogue systems and dysts flows: edit the file instead")
        resolve(self.system)
        function = CATALOGUE[self.system.lower().replace("-", "_")]
        known = inspect.signature(function).parameters
        settings = self.parameters | ({} if self.noise is None else {"noise": self.noise})
        for parameter in settings:
            if parameter not in known:
                raise InputError(
                    f"{self.system} has no parameter {parameter!r}{did_you_mean(parameter, known)}"
                )
        return function(**settings)


def is_model(text: str) -> bool:
    """Whether an argument means a model's file rather than a system."""
    path = Path(text)
    return path.suffix == MODEL_SUFFIX or path.is_file()


def _setting(text: str) -> tuple[str, Any]:
    """``rho=28``, or ``B=[[2,-1],[1,2]]``."""
    name, equals, value = (part.strip() for part in text.partition("="))
    try:
        if not (name and equals):
            raise ValueError
        return name, json.loads(value)
    except ValueError:
        raise InputError(
            f"--set takes name=number (or name=[[...],[...]] for a matrix), got {text!r}"
        ) from None

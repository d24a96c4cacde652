"""What a user called the target, kept so that it can be built again from a model's file alone."""

import difflib
import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftmatch.errors import InputError

if TYPE_CHECKING:
    from driftmatch.abstract_sde import AbstractSDE

MODEL = ".safetensors"
_DEEPEST = 4  # lists in lists, of a parameter in a file
_FILE = re.compile(r"(?P<path>.+\.py)(?P<attribute>:[^:/\\]*)?", re.DOTALL)


@dataclass(frozen=True)
class Target:
    """A system as the command line names it.

    - `system`: a catalogue name, ``dysts:Flow`` or ``file.py:attribute``.
    - `noise`: σ of additive noise, or None for the system's own.
    - `parameters`: those that differ from the system's own.
    - `trusted`: whether a person named it. A model's file may come from anywhere, so what it names
      is looked up in tables of names and nothing of it is run.
    """

    system: str
    noise: float | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    trusted: bool = True

    @classmethod
    def given(
        cls, system: str, noise: float | None = None, settings: list[str] | None = None
    ) -> "Target":
        """From command-line arguments."""
        return cls(system, noise, dict(map(_setting, settings or [])))

    @classmethod
    def recorded(cls, header: dict[str, Any], model: Path) -> "Target":
        """From a model's header; raises `InputError` if it does not say, or names a file to run."""
        target = header.get("target")
        known = {"system", "noise", "parameters"}
        if not (
            isinstance(target, dict)
            and set(target) <= known
            and isinstance(target.get("system"), str)
            and isinstance(target.get("parameters", {}), dict)
        ):
            raise InputError(f"{model} does not say what it embeds: add --target")
        system, noise = target["system"], target.get("noise")
        parameters = target.get("parameters", {})
        for value in (*parameters.values(), *(() if noise is None else (noise,))):
            if not _is_numeric(value):
                raise InputError(
                    f"the parameters of the target that {model} names must be numbers or lists of "
                    f"numbers, got {str(value)[:40]!r}: name the target with --target"
                )
        found = cls(system, noise, parameters, trusted=False)
        if _FILE.fullmatch(system):
            spec = shlex.quote(found._recorded_name)
            raise InputError(
                f"{model}: it embeds {spec}; name it with --target {spec}{found._options}, "
                "which runs that file"
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """For a model's header; a file by its name only, as what is in other places concerns
        nobody else."""
        return {
            "system": self._recorded_name,
            "noise": self.noise,
            "parameters": self.parameters,
        }

    @property
    def _recorded_name(self) -> str:
        file = _FILE.fullmatch(self.system)
        return self.system if file is None else Path(self.system).name

    @property
    def _options(self) -> str:
        """The options that repeat noise and parameters."""
        options = [] if self.noise is None else ["--noise", str(self.noise)]
        for name, value in self.parameters.items():
            options += ["--set", f"{name}={json.dumps(value, separators=(',', ':'))}"]
        return "".join(f" {shlex.quote(option)}" for option in options)

    @property
    def stem(self) -> str:
        """A name for files: ``van_der_pol``, ``Rossler``, ``my_model``."""
        if file := _FILE.fullmatch(self.system):
            return Path(file["path"]).stem
        return re.sub(r"\W+", "_", self.system.rpartition(":")[2].strip())

    def build(self) -> "AbstractSDE":
        """The SDE; raises `InputError` for an unknown system or parameter."""
        from driftmatch.systems.resolve import resolve, resolve_name

        if self.trusted:
            return resolve(self.system, self.noise, self.parameters)
        try:
            return resolve_name(self.system, self.noise, self.parameters)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"the target that the file names cannot be built: {error}") from error


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


def check_target(
    model: bool, target: str | None, noise: float | None, settings: list[str] | None
) -> None:
    """That a target is named for a model only, and --noise and --set for whatever is named."""
    if target is not None and not model:
        raise InputError("--target is for saved models: a system is its own target")
    if model and target is None and (noise is not None or settings):
        raise InputError(
            "--noise and --set are for systems: a model's were set when it was made; "
            "name its target with --target to give them to that"
        )


def _is_numeric(value: object, depth: int = 0) -> bool:
    """Whether a value from a file is a number, a switch or nested lists of them."""
    if isinstance(value, list):
        return depth < _DEEPEST and all(_is_numeric(v, depth + 1) for v in value)
    return isinstance(value, (bool, int, float))


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

"""What `help` says of the public names: what they do, what they take, and nothing unreadable."""

import inspect
import types
from typing import Any, NamedTuple

import pytest

import driftmatch as dm
from driftmatch import export, figures, inputs, memory, systems


class Name(NamedTuple):
    """A public function, class, method or property; `owners`: the classes that may explain it."""

    name: str
    value: Any
    owners: tuple[type, ...] = ()


def exported():
    """Every public function and class, by the name that users write."""
    for prefix, module, names in (
        ("", dm, dm.__all__),
        ("export.", export, export.__all__),
        ("memory.", memory, memory.__all__),
        ("systems.", systems, systems.__all__),
        ("inputs.", inputs, ["pulse", "pulses", "ramp", "step"]),
        ("figures.", figures, [name for name in vars(figures) if name[0] != "_"]),
    ):
        for name in names:
            value = getattr(module, name)
            if getattr(value, "__module__", "").startswith("driftmatch"):
                yield Name(prefix + name, value)


def members(of: Name):
    """The public methods and properties of a class that the package defines."""
    ours = tuple(each for each in of.value.__mro__ if each.__module__.startswith("driftmatch"))
    for owner in ours:
        for name, value in vars(owner).items():
            if name[0] != "_" and isinstance(value, MEMBERS):
                plain = getattr(value, "__func__", value)
                yield Name(f"{of.name}.{name}", plain, ours)


MEMBERS = types.FunctionType, property, classmethod, staticmethod
EXPORTED = [name for name in exported() if callable(name.value)]
CLASSES = [name for name in EXPORTED if inspect.isclass(name.value)]
PUBLIC = [*EXPORTED, *(member for each in CLASSES for member in members(each))]
TAKING = [
    name
    for name in PUBLIC
    if not isinstance(name.value, property)
    # Enumerations and exceptions are made by nobody, or with a sentence.
    and not (inspect.isclass(name.value) and issubclass(name.value, dm.Outcome | Exception))
]


def same_name(name: Name) -> list[Any]:
    """What this member overrides, itself first."""
    last = name.name.rpartition(".")[2]
    return [vars(owner)[last] for owner in name.owners if last in vars(owner)] or [name.value]


def is_explained(name: Name) -> bool:
    """By itself, by what it overrides, or among the fields in the docstring of its class."""
    fields = [owner.__doc__ or "" for owner in name.owners]
    last = f"`{name.name.rpartition('.')[2]}`"
    return any(each.__doc__ for each in same_name(name)) or (
        isinstance(name.value, property) and any(last in text for text in fields)
    )


def unannotated(name: Name) -> set[str]:
    """Parameters without a type, here and in what is overridden; "return" of a function."""
    missing = []
    for each in same_name(name):
        signature = inspect.signature(getattr(each, "__func__", each))
        bare = {
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
        }
        if not inspect.isclass(each) and signature.return_annotation is signature.empty:
            bare.add("return")
        missing.append(bare)
    return set.intersection(*missing)


def readable(text: str) -> bool:
    """Whether a signature shows values, not where objects lie in memory."""
    return " at 0x" not in text and "<function" not in text


def test_there_is_something_to_explain():
    assert len(EXPORTED) > 100
    assert len(PUBLIC) > 2 * len(CLASSES)


@pytest.mark.parametrize("name", PUBLIC, ids=lambda name: name.name)
def test_everything_is_explained(name):
    assert is_explained(name)


@pytest.mark.parametrize("name", TAKING, ids=lambda name: name.name)
def test_every_parameter_has_a_type_and_a_default_that_can_be_read(name):
    assert unannotated(name) == set()
    assert readable(str(inspect.signature(name.value)))


def test_help_says_it():
    """As a user sees it."""
    text = inspect.getdoc(dm.embed)
    assert text is not None
    assert text.startswith("Embed an SDE in a low-rank network")
    assert "meter: " in str(inspect.signature(dm.embed))
    assert "= SILENT" in str(inspect.signature(dm.embed))


class Bare:
    """The control: `listed`."""

    @property
    def listed(self) -> int:
        return 1

    @property
    def unlisted(self) -> int:
        return 1

    def method(self, typed: int, untyped, default=lambda: 0) -> int:
        return 1


def test_what_is_missing_is_found():
    listed, unlisted, method = (
        Name(f"Bare.{name}", vars(Bare)[name], (Bare,)) for name in ("listed", "unlisted", "method")
    )
    assert is_explained(listed)
    assert not is_explained(unlisted)
    assert not is_explained(method)
    assert unannotated(method) == {"untyped", "default"}
    assert not readable(str(inspect.signature(Bare.method)))
    assert not readable(f"(meter={object()!r})")

"""Packages that only some calls need."""

import importlib
from types import ModuleType

from driftmatch.errors import InputError


def optional(package: str) -> ModuleType:
    """The package, of the extra of the same name; raises `InputError` if it cannot be imported."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise _unusable(package, error) from error
        raise InputError(
            f"{package} is not installed; install it with: pip install 'driftmatch[{package}]'"
        ) from None
    except Exception as error:
        raise _unusable(package, error) from error


def _unusable(package: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())
    return InputError(
        f"{package} is installed but cannot be imported ({type(error).__name__}: {said[:120]}); "
        f"it and NumPy must fit each other: pip install -U {package}, or an older NumPy"
    )

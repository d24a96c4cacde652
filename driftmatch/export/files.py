"""Weights as a file of NumPy, and programs beside them that need driftmatch no more."""

import importlib.resources
import os

import numpy as np

from driftmatch.activations import check_named
from driftmatch.arguments import check_choice, check_flag, check_text
from driftmatch.atomic import as_path, atomic
from driftmatch.errors import InputError
from driftmatch.export.weights import weights_of
from driftmatch.network import Network
from driftmatch.words import spelled

SCRIPTS = ("numpy", "torch", "nengo", "brian2")
_WEIGHTS = "weights.npz"  # as the scripts call their file


@spelled
def numpy(path: str | os.PathLike[str], network: Network, *, overwrite: bool = True) -> None:
    """Write the weights of a network to an ``.npz`` file, which NumPy alone reads.

    ``np.load(path)`` has `gamma` (n, k), `readout` (k, n), `bias` (n,), `tau`, `activation` (its
    name), `noise_constant` (k, m), `private_noise`, `name` and, if the network has some,
    `noise_readout` (k, m, n), `start` (A, k), `coordinates` and `units`, so that

        τ dx = [−x + Γ W_s φ(x) + b] dt + τ Γ S(x) dB + s√(2τ) dξ

    can be written again in a few lines.

    - `path`: where to, ending in .npz; a file there is replaced by a complete one.
    - `overwrite`: whether a file that is there may be replaced.

    Raises `InputError` for an activation that has no name in `ACTIVATIONS`, and as `save` does.
    """
    weights, place = weights_of(network), as_path(path)
    check_named(network.activation)
    check_flag("overwrite", overwrite)
    if place.suffix != ".npz":
        raise InputError(f"path must end in .npz, which NumPy reads, got {place}")
    with atomic(place, overwrite=overwrite) as new:
        np.savez(new, **weights)  # pyright: ignore[reportArgumentType]


@spelled
def script(
    path: str | os.PathLike[str],
    framework: str,
    *,
    weights: str = _WEIGHTS,
    overwrite: bool = True,
) -> None:
    """Write a program that runs a network in another framework, from weights beside it.

    It needs NumPy and that framework, not driftmatch, and is made to be read and changed:
    ``python run.py --duration 100 --dt 0.01`` prints where the latent coordinates went.

    - `path`: where to, ending in .py. - `framework`: numpy, torch, nengo or brian2.
    - `weights`: name of the file, in the same folder, that `numpy` wrote.
    - `overwrite`: whether a file that is there may be replaced.

    Raises `InputError` for any other framework, and as `save` does.
    """
    place, framework = as_path(path), check_choice("framework", framework, SCRIPTS)
    check_flag("overwrite", overwrite)
    if place.suffix != ".py":
        raise InputError(f"path must end in .py, a program of Python, got {place}")
    if as_path(check_text("weights", weights)).name != weights or not weights.endswith(".npz"):
        raise InputError(
            f"weights must be the name of an .npz file in the same folder, got {weights!r}"
        )
    folder = importlib.resources.files("driftmatch.export") / "scripts"
    text = (folder / f"{framework}_script.py").read_text(encoding="utf-8")
    text = text.replace(f'with_name("{_WEIGHTS}")', f"with_name({weights!r})")
    with atomic(place, overwrite=overwrite) as new:
        new.write_text(text, encoding="utf-8")

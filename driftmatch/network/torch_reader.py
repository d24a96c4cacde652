"""Recurrent weights, by name, in what PyTorch has or saved.

Which of the tensors are connectivity and biases is told by names in use; where these leave a doubt
the user is asked, never guessed at.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from driftmatch.arguments import check_positive, shown
from driftmatch.errors import InputError
from driftmatch.network.shared_noise import SharedNoise
from driftmatch.optional import optional
from driftmatch.words import did_you_mean

Tensors = dict[str, np.ndarray]
Fields = dict[str, Any]

_NAMES = r"W|J|w_?rec|w_?hh|h2h|hh|rec|recurrent"
_RECURRENT = re.compile(
    rf"(?:.*\.)?(?:(?:{_NAMES})(?:\.weight)?|weight_hh(?:_l\d+)?|recurrent_weights?)", re.IGNORECASE
)
_OF_MAPS = re.compile(r"(?P<before>.*\.|)weight_hh(?P<layer>_l\d+|)")  # nn.RNN, nn.RNNCell
_REVERSE = re.compile(r"(?:.*\.)?weight_hh(?:_l\d+)?_reverse")
_FACTORS = (("gamma", "readout"), ("m", "n"))
_BIAS = re.compile(r"b|bias(?:es)?|b_?(?:rec|hh|h)|bias_\w+|(?:rec|recurrent)_bias", re.IGNORECASE)
_STATE = "_extra_state"  # of a module, beside its tensors


def read_torch(
    source: Any, recurrent: Any, bias: Any, tau: Any, dt: Any, alpha: Any, activation: Any
) -> Fields:
    """What `Network.from_connectivity` takes, by name; raises `InputError` for what is not clear.

    What a module of `export.torch` adds, noise, starts and its activation, is read too.
    """
    tensors, words = _read(source)
    names = _recurrent_names(tensors, recurrent)
    arrays = [_taken(tensors, "recurrent", name) for name in names]
    before = names[0].rpartition(".")[0] + "." if "." in names[0] else ""
    own = _own(tensors, words, before) if names[0].endswith("gamma") else {}
    kind = _torch_rnn(source)
    if tau is None and dt is None and alpha is None and "tau" in own:
        tau = own["tau"]
    fields = own | {"tau": _time_constant(names[0], tau, dt, alpha, kind is not None)}
    said = own.get("activation", kind or "tanh")
    fields["activation"] = said if activation is None else activation
    if len(arrays) == 1:
        fields["W"] = arrays[0]
    else:
        fields |= {"m": arrays[0], "n": _second_factor(*arrays)}
    fields["bias"] = _bias(tensors, names, len(arrays[0]), bias)
    return fields


def _read(source: Any) -> tuple[Tensors, dict[str, str]]:
    """The tensors and the words of a module, of a mapping or of a file, by dotted names."""
    if isinstance(source, str | os.PathLike):
        source = _load(Path(os.fspath(source)))
    elif isinstance(state_dict := getattr(source, "state_dict", None), Callable):
        source = state_dict()
    if not isinstance(source, Mapping):
        raise InputError(
            "source must be a module of PyTorch, a state dict or the path to a file with one, got "
            f"{shown(source)}"
        )
    leaves = dict(_leaves(source))
    tensors = {name: _array(v) for name, v in leaves.items() if not isinstance(v, str)}
    words = {name: value for name, value in leaves.items() if isinstance(value, str)}
    return {name: array for name, array in tensors.items() if array is not None}, words


def _load(path: Path) -> Any:
    """The content of a file, of which nothing is run."""
    if not path.is_file():
        raise InputError(f"there is no file {path}: check the path")
    try:
        if path.suffix == ".safetensors":
            import safetensors.numpy

            return safetensors.numpy.load_file(path)
        return optional("torch").load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as a state dict without running code from it "
            f"({type(error).__name__}): save module.state_dict() by torch.save, or as safetensors"
        ) from error


def _leaves(state: Mapping, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in state.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _array(value: Any) -> np.ndarray | None:
    """A tensor in its own precision; None for what is none."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "detach"):
        return None
    value = value.detach().cpu()
    try:
        return value.numpy()
    except TypeError:  # bfloat16
        return value.float().numpy().astype(jnp.bfloat16)


def _recurrent_names(tensors: Tensors, given: Any) -> list[str]:
    """One name, of W, or two, of its factors."""
    if given is not None:
        names = [given] if isinstance(given, str) else given
        if not _are_words(names) or len(names) not in (1, 2):
            raise InputError(
                "recurrent must be the name of a tensor, or of the two factors of W, got "
                f"{shown(given)}"
            )
        return list(names)
    squares = [[n] for n, a in tensors.items() if _RECURRENT.fullmatch(n) and _is_square(a)]
    pairs = [
        [name, name[: -len(m)] + n]
        for m, n in _FACTORS
        for name, array in tensors.items()
        if name.split(".")[-1] == m and array.ndim == 2 and name[: -len(m)] + n in tensors
    ]
    found = squares or pairs
    reverse = [name for name in tensors if _REVERSE.fullmatch(name)]
    if found and reverse:
        raise InputError(
            f"{reverse[0]} runs backwards in time: a network of two directions is no network of "
            "this kind; name the weights of one by recurrent="
        )
    if len(found) == 1:
        return found[0]
    if found:
        several = " or ".join(", ".join(names) for names in found)
        raise InputError(f"which are the recurrent weights? name one of {several} by recurrent=")
    gates = [n for n, a in tensors.items() if _OF_MAPS.fullmatch(n) and not _is_square(a)]
    hint = "; gates of an LSTM or a GRU are no network of this kind" if gates else ""
    raise InputError(
        f"no square matrix has a name that says that it is recurrent: name it by recurrent=, "
        f"there are {_listed(tensors)}{hint}"
    )


def _second_factor(m: np.ndarray, n: np.ndarray) -> np.ndarray:
    """n as (k, N); papers and their programs have it as (N, k) and mean W = m nᵀ/N."""
    if m.ndim == n.ndim == 2 and m.shape == n.shape and len(m) != m.shape[1]:
        return n.T / len(n)
    return n


def _bias(tensors: Tensors, names: list[str], size: int, given: Any) -> np.ndarray | None:
    """One vector, the sum of several, or None."""
    if given is not None:
        wanted = [given] if isinstance(given, str) else given
        if not _are_words(wanted):
            raise InputError(f"bias must be a name of a tensor, or several, got {shown(given)}")
        return sum((_taken(tensors, "bias", name) for name in wanted), np.zeros(size))
    if of_map := _OF_MAPS.fullmatch(names[0]):
        before, layer = of_map["before"], of_map["layer"]
        pair = [f"{before}bias_{part}{layer}" for part in ("ih", "hh")]
        return sum(
            (tensors[name].astype(float) for name in pair if name in tensors), np.zeros(size)
        )
    # Of the recurrent weights' own module, or that of the whole, not of a readout.
    own = {name.rpartition(".")[0] for name in names}
    own |= {module.rpartition(".")[0] for module in own}
    found = [
        name
        for name, array in tensors.items()
        if _BIAS.fullmatch(name.split(".")[-1])
        and array.shape == (size,)
        and name.rpartition(".")[0] in own
    ]
    if len(found) > 1:
        raise InputError(
            f"which are the biases? name one or several, which are added, of {', '.join(found)} by "
            "bias=, or pass bias=() for none"
        )
    return tensors[found[0]] if found else None


def _time_constant(name: str, tau: Any, dt: Any, alpha: Any, is_rnn: bool) -> Any:
    """τ, given or as dt/α."""
    is_map = is_rnn or _OF_MAPS.fullmatch(name) is not None
    if (dt is None) != (alpha is None) or (tau is None) == (alpha is None):
        if is_map:
            raise _map(name)
        raise InputError(
            "the time constant is not in the weights: pass tau, or dt and alpha of x ← x + α(−x + "
            "Wφ(x) + b), which make tau = dt/alpha"
        )
    if alpha is None:
        if is_map:
            raise _map(name)
        return tau
    alpha = check_positive("alpha", alpha)
    if is_rnn and alpha != 1:
        raise _map(name)
    if alpha > 1:
        raise InputError(f"alpha must be at most 1, which is dt = tau, got {alpha:g}")
    return check_positive("dt", dt) / alpha


def _map(name: str) -> InputError:
    return InputError(
        f"{name} is as in nn.RNN, the map h ← φ(Wh + b), which is Euler's step with dt = tau: pass "
        "alpha=1 and dt (or those of a leak of your own); fixed points are the same, but rhythms "
        "and stability are the map's only in Euler steps of dt = tau, not in continuous time"
    )


def _torch_rnn(source: Any) -> str | None:
    """The nonlinearity of PyTorch's own RNN if the module is or has one."""
    modules = source.modules() if isinstance(getattr(source, "modules", None), Callable) else ()
    for module in modules:
        kind = type(module)
        if kind.__name__ in ("RNN", "RNNCell") and kind.__module__.startswith("torch.nn"):
            return module.nonlinearity
    return None


def _own(tensors: Tensors, words: dict[str, str], before: str) -> Fields:
    """What else a module of `export.torch` has."""
    own: Fields = {
        name: tensors[before + name].astype(float)
        for name in ("tau", "private_noise", "start")
        if before + name in tensors
    }
    if before + "noise_constant" in tensors:
        own["shared_noise"] = SharedNoise(
            tensors[before + "noise_constant"], tensors.get(before + "noise_readout")
        )
    if activation := words.get(f"{before}{_STATE}.activation"):
        own["activation"] = activation
    return own


def _taken(tensors: Tensors, what: str, name: str) -> np.ndarray:
    if name not in tensors:
        near = did_you_mean(name, tensors)
        raise InputError(f"{what}: there is no tensor {name!r}{near or f': {_listed(tensors)}'}")
    return tensors[name]


def _is_square(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.shape[0] == array.shape[1]


def _are_words(names: Any) -> bool:
    return (
        isinstance(names, Sequence)
        and not isinstance(names, str)
        and all(isinstance(name, str) for name in names)
    )


def _listed(tensors: Tensors) -> str:
    few = [f"{name} {tuple(map(int, array.shape))}" for name, array in list(tensors.items())[:8]]
    return ", ".join(few) + (", ..." if len(tensors) > 8 else "") if few else "none"

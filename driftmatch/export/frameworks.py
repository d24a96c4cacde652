"""Networks as objects of PyTorch, Nengo and Brian 2.

What they are made by are the programs in `scripts`, so that there is one text of each. That folder
is no package: whoever imports all modules of driftmatch need not have the frameworks.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from driftmatch.activations import ACTIVATIONS, check_named
from driftmatch.export.weights import weights_of
from driftmatch.network import Network
from driftmatch.optional import optional
from driftmatch.words import spelled

if TYPE_CHECKING:
    from driftmatch.export.scripts.brian2_script import Model
    from driftmatch.export.scripts.torch_script import LowRankNetwork


@spelled
def torch(network: Network) -> "LowRankNetwork":
    r"""The network as a module of PyTorch, in float64 (extra ``torch``).

    ``module(x, dt, steps)`` takes neurons from (..., n) to (steps + 1, ..., n) by Euler–Maruyama,

        x ← x + [−x + Γ W_s φ(x) + b] dt/τ + Γ S(x) √dt ε + s √(2dt/τ) η

    with ``noise=False`` without noise, and with ``noise=`` an array of shape (steps, ..., m + n) on
    those standard normals ε, η. `gamma`, `readout` and `bias` are parameters, `tau`,
    `noise_constant`, `noise_readout`, `private_noise` and `start` buffers; ``lift(z)`` and
    ``project(x)`` go between latent states and neurons. `Network.from_torch` reads it back.

    Raises `InputError` if PyTorch is not installed or the activation is none of `ACTIVATIONS`.
    """
    weights = weights_of(network)
    check_named(network.activation)
    return _script("torch").LowRankNetwork(weights)


@spelled
def nengo(network: Network) -> Any:
    r"""The network as a ``nengo.Network`` (extra ``nengo``), in which one second is a unit of time.

    Its `ensemble` has encoders Γ, gains 1, biases b and, as input, z; `recurrent` is its
    connection to itself, decoded by W_s, through ``Lowpass(tau)``, which begins at the first of
    the network's starts. Nengo solves the leak exactly over a step, so that with steps of dt it
    takes those of Euler with dt' = τ(1 − e^(−dt/τ)). Noise, shared and private, is white noise of
    nodes through filters of the same τ. tanh, logistic and relu are Nengo's own types of neurons.

    Feed an input u(t) by ``nengo.Connection(node, net.ensemble, synapse=tau)``, and probe z by
    ``nengo.Probe(net.ensemble, "input")``. `Network.from_nengo` reads it back, without noise.

    Raises `InputError` if Nengo, which is under the GPL, is not installed.
    """
    return _build("nengo", network)


@spelled
def brian2(network: Network) -> "Model":
    r"""The network as a model of Brian 2 (extra ``brian2``), one second being a unit of time.

    Has `equations`, their `namespace`, the group of `neurons` and the `network` to run:
    ``model.network.run(1 * brian2.second)``. The neurons are integrated by Brian's ``euler``,
    Euler–Maruyama with ``brian2.defaultclock.dt``, whose default of 0.1 ms is fine for τ of a few
    ms; what they receive comes, before each step, from an operation in NumPy, so that W is not
    formed. That runs in Brian's runtime mode, not in standalone mode.

    Raises `InputError` if Brian is not installed.
    """
    return _build("brian2", network)


def _build(framework: str, network: Network) -> Any:
    weights = weights_of(network)
    known, own = ACTIVATIONS.get(network.activation.name), network.activation
    if known is not None and known.function is own.function:
        return _script(framework).build(weights)
    return _script(framework).build(weights, lambda x: own.derivatives(np.asarray(x))[0])


def _script(framework: str) -> ModuleType:
    optional(framework)
    return importlib.import_module(f"driftmatch.export.scripts.{framework}_script")

"""A recurrent ensemble of Nengo as connectivity.

    J = gain (e · z)/radius + bias,    τ dz = [−z + decoders · a(J)] dt

are Γ, b and W_s once the rates a(J) are an amplitude times one of our activations.
"""

from typing import Any

from driftmatch.arguments import shown
from driftmatch.errors import InputError
from driftmatch.optional import optional

_RATES = {  # Nengo's neurons, by name: our activation, and the amplitude of theirs
    "Tanh": ("tanh", lambda neurons: 1 / neurons.tau_ref),
    "Sigmoid": ("logistic", lambda neurons: 1 / neurons.tau_ref),
    "RectifiedLinear": ("relu", lambda neurons: neurons.amplitude),
}


def read_nengo(source: Any, connection: Any) -> dict[str, Any]:
    """What `Network.from_connectivity` takes; raises `InputError` for what is not clear."""
    nengo = optional("nengo")
    if isinstance(source, nengo.Network):
        try:
            source = nengo.Simulator(source, progress_bar=False)
        except nengo.exceptions.NengoException as error:
            raise InputError(f"Nengo cannot build this network: {error}") from error
        with source:
            return _read(nengo, source, connection)
    if not isinstance(source, nengo.Simulator):
        raise InputError(
            "source must be a nengo.Simulator, or a nengo.Network to build one of, got "
            f"{shown(source)}"
        )
    return _read(nengo, source, connection)


def _read(nengo: Any, simulator: Any, connection: Any) -> dict[str, Any]:
    connection = _recurrent(simulator, connection)
    ensemble = _ensemble(connection.pre_obj)
    tau = _time_constant(nengo, connection)
    activation, amplitude = _activation(nengo, ensemble.neuron_type)
    built, weights = simulator.data[ensemble], simulator.data[connection].weights
    n = ensemble.n_neurons
    into_neurons = connection.post_obj is not ensemble  # then gains are not in the weights
    folded = connection.pre_obj is ensemble and connection.solver.weights  # with the encoders
    decoded = not (into_neurons or folded)
    shape = (ensemble.dimensions if decoded else n, n)
    if getattr(weights, "shape", None) != shape:
        raise InputError(
            f"the recurrent connection must have a dense transform, whose weights are of shape "
            f"{shape}, got {shown(weights)}"
        )
    weights = amplitude * weights
    fields = {"tau": tau, "activation": activation, "bias": built.bias}
    if decoded:
        fields |= {"m": built.scaled_encoders, "n": weights}
        begin = getattr(connection.synapse, "begin", None)  # of `export.nengo`
        return fields | ({} if begin is None else {"start": begin})
    return fields | {"W": built.gain[:, None] * weights if into_neurons else weights}


def _recurrent(simulator: Any, given: Any) -> Any:
    """The connection of an ensemble to itself."""
    everything = simulator.model.toplevel.all_connections
    found = [c for c in everything if _ensemble(c.pre_obj) is _ensemble(c.post_obj)]
    if given is not None:
        if not any(given is c for c in found):
            raise InputError(
                "connection must be one of the network's, from an ensemble to itself, got "
                f"{shown(given)}"
            )
        found = [given]
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} connections lead from an ensemble to itself"
            f"{': pass the one that is meant as connection=' if found else ', so nothing recurs'}"
        )
    (connection,) = found
    if connection.learning_rule_type is not None:
        raise InputError("the recurrent connection learns: take the rule away, as W is constant")
    everything = slice(None)
    if connection.pre_slice != everything or connection.post_slice != everything:
        raise InputError("the recurrent connection must take and give whole states, not slices")
    return connection


def _ensemble(end: Any) -> Any:
    """An end of a connection, or the ensemble of which it is the neurons."""
    return getattr(end, "ensemble", end)


def _time_constant(nengo: Any, connection: Any) -> float:
    synapse = connection.synapse
    if not isinstance(synapse, nengo.Lowpass) or synapse.tau == 0:
        raise InputError(
            "the synapse of the recurrent connection must be a nengo.Lowpass, whose tau is that of "
            f"the network, got {synapse!r:.80}"
        )
    return synapse.tau


def _activation(nengo: Any, neurons: Any) -> tuple[str, float]:
    if rule := getattr(type(neurons), "rule", None):  # of `export.nengo`
        return rule, 1.0
    for name, (activation, amplitude) in _RATES.items():
        if type(neurons) is getattr(nengo, name):
            return activation, amplitude(neurons)
    raise InputError(
        f"neurons must have one of the rates {', '.join(_RATES)} of Nengo, got "
        f"{type(neurons).__name__}: spikes and refractory rates are none of our activations"
    )

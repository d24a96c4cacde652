"""The chaotic flows of the dysts package, by name (extra ``dysts``).

Source of the flows: W. Gilpin, "Chaos as an interpretable benchmark for forecasting and data-driven
modelling", NeurIPS Datasets and Benchmarks (2021).
"""

import functools
import importlib.resources
import importlib.util
import inspect
import json
import warnings
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import numpy as np
import scipy.integrate
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array, check_text, shown
from driftmatch.errors import InputError
from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers, named
from driftmatch.systems.tracing import trace_numpy
from driftmatch.words import did_you_mean

Changes = tuple[tuple[str, float], ...]


def from_dysts(
    name: str,
    noise: ArrayLike | Sequence[float] = 0.0,
    parameters: Mapping[str, object] | None = None,
) -> SDE:
    """A flow of the dysts package with additive noise:  dx = f(x) dt + σ dB.

    The drift is dysts' own code, traced, in dysts' own coordinates and unit of time; the start is
    its initial condition, and the time scale comes from a run of a few of its periods. Angles,
    which some flows have, are left to grow as they do in dysts before its postprocessing.

    - `name`: as dysts spells it, in any case; see `flow_names`.
    - `noise`: σ in units of the state per square root of time, so that D = σ²/2: one number for all
      coordinates or one for each. 0 gives the ODE.
    - `parameters`: numbers to put in place of dysts' own.

    Raises `InputError` for a flow that is unknown, driven (its drift depends on time) or delayed
    (its state is a function), and when dysts is not installed.
    """
    name = _check_name(check_text("name", name))
    changes = tuple(check_numbers(named(parameters), nonnegative=()).items())
    flow = _flow(name, changes)
    if flow.nonautonomous or _depends_on_time(flow):
        raise InputError(
            f"dysts' {name} is driven: its drift depends on time; choose an autonomous flow"
        )
    sigma = _check_noise(noise, flow.dimension)
    parameters = dict(flow.params) | {"noise": sigma}
    return SDE(
        _checked_drift(name, changes),
        sigma,
        flow.dimension,
        start=flow.ic.copy(),
        time_scale=_time_scale(name, changes),
        name=f"dysts:{name}",
        description=flow.description,
        parameters=parameters,
    )


def flow_names() -> list[str]:
    """The flows that dysts holds to be autonomous; empty if it is not installed."""
    return [k for k, v in _metadata().items() if not (v["delay"] or v["nonautonomous"])]


class DystsDrift(eqx.Module):
    """The right-hand side of a dysts flow, held by name so that equal flows compile once."""

    flow: str = eqx.field(static=True)
    changes: Changes = eqx.field(static=True, default=())

    def __call__(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        flow = _flow(self.flow, self.changes)
        return trace_numpy(lambda state: flow.rhs(state, 0.0), x)


@functools.cache
def _checked_drift(name: str, changes: Changes) -> DystsDrift:
    """The drift, once it has been seen to trace and to agree with dysts' own number."""
    drift, flow = DystsDrift(name, changes), _flow(name, changes)
    try:
        with jax.enable_x64(True):
            traced = np.asarray(jax.jit(drift)(flow.ic))
    except Exception as error:
        raise InputError(
            f"dysts' {name} cannot be traced by JAX ({type(error).__name__}: {error}); "
            "write its drift with jax.numpy"
        ) from error
    if not np.allclose(traced, np.asarray(flow.rhs(flow.ic, 0.0), float), rtol=1e-6):
        raise InputError(
            f"dysts' {name} gives other numbers when JAX traces it; write its drift with jax.numpy"
        )
    return drift


@functools.cache
def _metadata() -> dict[str, dict]:
    """dysts' table of its flows, read without importing its code."""
    if importlib.util.find_spec("dysts") is None:
        return {}
    table = importlib.resources.files("dysts") / "data" / "chaotic_attractors.json"
    return dict(sorted(json.loads(table.read_text(encoding="utf-8")).items()))


def _check_name(name: str) -> str:
    metadata = _metadata()
    if not metadata:
        raise InputError("dysts is not installed; install it with: pip install 'driftmatch[dysts]'")
    spelling = {k.lower(): k for k in metadata}.get(str(name).lower())
    if spelling is None:
        raise InputError(f"dysts has no flow {name!r}{did_you_mean(name, metadata)}")
    if metadata[spelling]["delay"]:
        raise InputError(
            f"dysts' {spelling} has a delay: its state is a function, not a vector; "
            "choose a flow without delay"
        )
    return spelling


def _check_noise(noise: ArrayLike | Sequence[float], dim: int) -> np.ndarray:
    sigma = check_array("noise", noise, (), (dim,))
    if not np.all(sigma >= 0):
        raise InputError(f"noise must not be negative, got {shown(noise)}")
    return sigma.copy()


@functools.cache
def _flow(name: str, changes: Changes):
    """dysts' object for a flow, with its functions as plain Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dysts warns on import if Numba is missing
        import dysts.flows

    flow_class = getattr(dysts.flows, name)
    flow = type(name, (flow_class,), _uncompiled(flow_class))()
    for parameter, _ in changes:
        if parameter not in flow.params:
            raise InputError(
                f"dysts' {name} has no parameter {parameter!r}"
                f"{did_you_mean(parameter, flow.params)}"
            )
        if np.ndim(flow.params[parameter]) > 0:
            raise InputError(f"the parameter {parameter} of dysts' {name} is an array; it is fixed")
    if changes:
        flow = type(flow)(parameters=flow.params | dict(changes))
    return flow


def _uncompiled(flow_class: type) -> dict[str, staticmethod]:
    """The functions that Numba has compiled, as they were in Python."""
    members = {name: inspect.getattr_static(flow_class, name) for name in dir(flow_class)}
    return {
        name: staticmethod(member.__func__.py_func)
        for name, member in members.items()
        if isinstance(member, staticmethod) and hasattr(member.__func__, "py_func")
    }


@functools.cache
def _time_scale(name: str, changes: Changes) -> float:
    """(rms drift)⁻¹ in standard deviations of the state. The period alone can be 20 times that."""
    flow = _flow(name, changes)

    def drift(t, x):
        return np.asarray(flow.rhs(x, t), float)

    times = np.linspace(0, 5 * flow.period, 500)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        states = scipy.integrate.solve_ivp(
            drift, (0, times[-1]), flow.ic, "LSODA", times, rtol=1e-6, atol=1e-8
        ).y.T
        drifts = np.array([drift(0.0, x) for x in states])
        scale = 1 / np.sqrt(np.mean((drifts / states.std(axis=0)) ** 2))
    return float(scale) if np.isfinite(scale) else flow.period / 10


def _depends_on_time(flow) -> bool:
    """A few flows are driven though their metadata do not say so."""
    times = np.array([0.0, 0.123, 0.456]) * flow.period
    values = np.array([np.asarray(flow.rhs(flow.ic, t), float) for t in times])
    return not np.array_equal(values[0], values[1]) or not np.array_equal(values[0], values[2])

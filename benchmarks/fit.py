"""Does the default fit beat back-propagation and the NEF's decoders, and how fast?

Every method gets the same target, the same number of neurons and states from the same design; the
seconds are those of the fit itself, compilation included. ε_f and ε_f(0.01) are read on the same
held-out trajectories.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

import driftmatch as dm
from benchmarks.tables import Result
from driftmatch.matching.fits import AbstractFit, Backprop, Fitted, LeastSquares, Refined
from driftmatch.matching.problem import Features

SYSTEMS = (("van_der_pol", 64), ("lorenz", 512), ("dadras", 1024))


@dataclass(frozen=True)
class NengoFit(AbstractFit):
    """Nengo's decoders: an ensemble of Tanh neurons and `LstsqL2`, on the same states."""

    reg: float = 0.1  # Nengo's default
    name: ClassVar[str] = "nengo"
    confined: ClassVar[bool] = False

    def num_states(self, num_neurons, latent_dim):
        return max(16 * num_neurons, 4096)

    def fit(self, problem, num_neurons, rng, meter):
        import nengo

        # Nengo has no weights: the states are drawn by them instead.
        chosen = rng.choice(len(problem.states), len(problem.states), p=problem.weights)
        states, outputs = problem.states[chosen], problem.outputs[chosen]
        with nengo.Network(seed=int(rng.integers(2**31))) as model:
            ensemble = nengo.Ensemble(
                num_neurons,
                states.shape[1],
                neuron_type=nengo.Tanh(tau_ref=1.0),
                max_rates=nengo.dists.Uniform(0.5, 0.99),
                radius=float(np.quantile(np.linalg.norm(states, axis=1), 0.99)),
            )
            target = nengo.Node(size_in=outputs.shape[1])
            connection = nengo.Connection(
                ensemble,
                target,
                eval_points=states,
                function=outputs,
                scale_eval_points=False,
                solver=nengo.solvers.LstsqL2(reg=self.reg),
            )
        with nengo.Simulator(model, progress_bar=False) as simulator:
            built, decoders = simulator.data[ensemble], simulator.data[connection].weights
        # Nengo's scaled encoders carry the gain and the radius already.
        features = Features(np.array(built.scaled_encoders), np.array(built.bias))
        fitted = np.tanh(features.arguments(states)) @ decoders.T
        assert np.mean((fitted - outputs) ** 2) < np.mean(outputs**2), "decoders misread"
        return Fitted(features, decoders.T)


def methods() -> dict[str, AbstractFit]:
    """The fits, by the name that the table shows."""
    fits: dict[str, AbstractFit] = {
        "refined": Refined(),
        "backprop": Backprop(steps=20_000, batch_size=1024),
        "backprop, annealed": Backprop(steps=20_000, learning_rate=5e-3, decay=True),
        "least-squares": LeastSquares(),
    }
    try:
        import nengo  # noqa: F401
    except ImportError:
        return fits
    return fits | {
        "Nengo LstsqL2 (reg 0.1)": NengoFit(),
        "Nengo LstsqL2, reg 0.001": NengoFit(reg=0.001),
    }


def run(quick: bool = False) -> Result:
    """Compare the fits on the three systems of the paper."""
    result = Result("Does the default fit beat back-propagation, and how fast?")
    for name, neurons in SYSTEMS[: 1 if quick else 3]:
        sde = getattr(dm.systems, name)()
        reports = {}
        for label, fit in methods().items():
            report = dm.embed(sde, neurons, key=jax.random.key(0), method=fit, check=False).report
            reports[label] = report
            _add(result, name, neurons, label, report)
        plain = dm.embed(
            sde,
            neurons,
            key=jax.random.key(0),
            method="least-squares",
            private_noise=0,
            confine=False,
        ).report
        _add(result, name, neurons, "least-squares, no ridge", plain)
        limit = {"van_der_pol": 5e-5, "lorenz": 1e-8}.get(name)
        if limit is not None:
            result.require(f"{name} {neurons}: ε_f of least squares without ridge",
                           plain.drift_error, limit)  # fmt: skip
        if name == "lorenz":
            result.require("lorenz 512: its seconds", plain.fit_seconds, 2.0)
        ours, adam = reports["refined"], reports["backprop"]
        share, hurry = (1.0, 5) if name == "dadras" else (1 / 3, 10)
        what = f"{name} {neurons}: refined over backprop"
        result.require(f"{what}, ε_f", ours.drift_error / adam.drift_error, share)
        result.require(f"{what}, ε_f(0.01)",
                       ours.noisy_drift_error / adam.noisy_drift_error, share)  # fmt: skip
        result.require(f"{what}, seconds", ours.fit_seconds / adam.fit_seconds, 1 / hurry)
        best = min((r for label, r in reports.items() if "backprop" in label),
                   key=lambda r: r.noisy_drift_error)  # fmt: skip
        result.rows.append({"system": name, "neurons": neurons, "fit": "refined / best backprop",
                            "ε_f": ours.drift_error / best.drift_error,
                            "ε_f(0.01)": ours.noisy_drift_error / best.noisy_drift_error,
                            "fit seconds": ours.fit_seconds / best.fit_seconds,
                            "all seconds": ours.seconds / best.seconds})  # fmt: skip
    return result


def _add(result, name, neurons, fit, report):
    result.rows.append({
        "system": name,
        "neurons": neurons,
        "fit": fit,
        "ε_f": report.drift_error,
        "ε_f(0.01)": report.noisy_drift_error,
        "fit seconds": report.fit_seconds,
        "all seconds": report.seconds,
    })  # fmt: skip

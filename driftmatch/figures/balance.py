"""Excitation against inhibition: eigenvalues of the connectivity, and currents."""

import numpy as np

from driftmatch.errors import InputError
from driftmatch.figures.parts.style import GREY, INK, Sheet, page, style
from driftmatch.network import Network
from driftmatch.simulation.trajectory import NetworkTrajectory

_MOST = 4096  # neurons, whose W is formed
_SHOWN = 400  # times
_EXCITATION, _INHIBITION = "#B2182B", "#2166AC"


@style()
def balance(network: Network, run: NetworkTrajectory, *, fig: Sheet | None = None) -> Sheet:
    """What a network's neurons receive: left the eigenvalues of W in the complex plane, beside the
    line Re = 1 of the leak; right the excitatory current Σ_j max(W_ij φ_j, 0), the inhibitory one
    and their sum, the mean over the neurons and the range of 80 % of them, along the first path.

    - `network`: of at most 4096 neurons. - `run`: what `simulate` returned of it.

    Returns the figure.
    """
    if not isinstance(network, Network) or not isinstance(run, NetworkTrajectory):
        raise InputError(
            f"pass a Network and a run of it, got {type(network).__name__} and {type(run).__name__}"
        )
    if run.latent.shape[2] != network.latent_dim:
        raise InputError(
            f"the run has {run.latent.shape[2]} latent dimensions and the network "
            f"{network.latent_dim}"
        )
    if network.num_neurons > _MOST:
        raise InputError(f"balance takes at most {_MOST} neurons, got {network.num_neurons}")
    fig = page(fig, 130.0, 55.0)
    left, right = fig.subplots(1, 2, width_ratios=[1.0, 1.5])
    values = np.asarray(network.eigenvalues(), complex)
    left.axvline(1.0, color=GREY, lw=0.6, zorder=0)
    left.axhline(0.0, color=GREY, lw=0.6, zorder=0)
    left.plot(np.real(values), np.imag(values), "o", ms=3, mfc="none", mec=INK, mew=0.7)
    left.set(xlabel="Re λ", ylabel="Im λ")
    left.margins(x=0.12)
    reach = 1.2 * max(np.abs(np.imag(values)).max(), 0.1 * np.abs(values).max(), 0.1)
    left.set_ylim(-reach, reach)
    rows = np.linspace(0, len(run.times) - 1, min(_SHOWN, len(run.times))).astype(int)
    rates = network.activation.derivatives(np.asarray(network.lift(run.latent[0, rows])))[0]
    W = np.asarray(network.W)
    up, down = np.maximum(W, 0.0), np.minimum(W, 0.0)
    positive, negative = np.maximum(rates, 0.0), np.minimum(rates, 0.0)
    excitation = positive @ up.T + negative @ down.T
    inhibition = positive @ down.T + negative @ up.T
    time = run.times[rows]
    for current, colour, label in (
        (excitation, _EXCITATION, "excitation"),
        (inhibition, _INHIBITION, "inhibition"),
        (excitation + inhibition, INK, "both"),
    ):
        low, high = np.quantile(current, [0.1, 0.9], axis=1)
        right.fill_between(time, low, high, color=colour, alpha=0.15, lw=0)
        right.plot(time, current.mean(axis=1), color=colour, lw=0.9, label=label)
    right.set(xlabel="time", ylabel="current into a neuron")
    right.margins(x=0)
    fig.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return fig

"""Accuracy against robustness: errors of the drift, and what they do to a running network."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from driftmatch.embedding.robustness import COMMON_NOISE, RobustnessFront
from driftmatch.errors import InputError
from driftmatch.figures.parts.style import GREY, NETWORK, PALE, Sheet, page, style, wrapped

_ERRORS = 2.0  # standard errors, in bars
_DECADES = 8.0  # a range of distances above which they are drawn in decades
_ROOM = 1.5  # above and below the drift errors
_APART = 1.04  # between the two at one s
_WIDTH, _HEIGHT = 120.0, 52.0
_LOOKS: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("no noise in neurons", {"mfc": NETWORK, "ls": "-"}, 1 / _APART),
    (f"noise {COMMON_NOISE:g} in every neuron", {"mfc": "white", "ls": (0, (3, 2))}, _APART),
)


@style()
def robustness_front(record: RobustnessFront, *, fig: Sheet | None = None) -> Sheet:
    """Drift errors, and the distance between running network and target, against the private noise
    s that the readouts are made to withstand; without noise in the neurons and with 0.01.

    Bars are two standard errors. Grey is the floor, the distance between two runs of the target; an
    arrow stands for a network that diverged, and a pale line at the best s.

    Returns the figure.
    """
    if not isinstance(record, RobustnessFront):
        raise InputError(f"pass what robustness_front returned, got {type(record).__name__}")
    fig = page(fig, _WIDTH, _HEIGHT)
    left, right = fig.subplots(1, 2)
    _drift_errors(left, record)
    _distances(right, record)
    for ax in (left, right):
        _axis_of_noise(ax, record)
    title = f"{record.name.replace('_', ' ')}, {record.num_neurons} neurons"
    handles = left.get_legend_handles_labels()[0] + right.get_legend_handles_labels()[0]
    fig.legend(handles=handles, loc="outside upper center", ncols=3, title=title,
               title_fontsize=7.5, columnspacing=1.6, handlelength=2.4)  # fmt: skip
    return fig


def _drift_errors(ax: Axes, record: RobustnessFront) -> None:
    for (label, look, _), errors in zip(
        _LOOKS, (record.drift_errors, record.noisy_drift_errors), strict=True
    ):
        ax.plot(record.private_noise, errors, marker="o", ms=3.5, color=NETWORK, mew=0.8, **look,
                label=label)  # fmt: skip
    ax.set(yscale="log", ylabel="relative drift error $ε_f$")
    errors = np.concatenate([record.drift_errors, record.noisy_drift_errors])
    errors = errors[np.isfinite(errors) & (errors > 0)]
    low = errors.min(initial=1.0) / _ROOM
    high = errors.max(initial=0.0) * _ROOM
    ax.set_ylim(low, max(high, 12 * low))  # a power of ten is always inside


def _distances(ax: Axes, record: RobustnessFront) -> None:
    s, floor = record.private_noise, record.sliced_wasserstein_floor
    pairs = (
        (record.sliced_wasserstein, record.sliced_wasserstein_errors),
        (record.noisy_sliced_wasserstein, record.noisy_sliced_wasserstein_errors),
    )
    ax.set_ylabel("sliced Wasserstein (s.d.)")
    known = np.concatenate([distance[np.isfinite(distance)] for distance, _ in pairs])
    if len(known) == 0:
        what = (
            "the target comes to rest: there are no densities to compare"
            if np.isnan(record.sliced_wasserstein).any()
            else "all networks diverged"
        )
        ax.text(0.5, 0.5, wrapped(what, 100), transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
        return
    for (_, look, shift), (distance, error) in zip(_LOOKS, pairs, strict=True):
        there = np.isfinite(distance)
        ax.errorbar(s[there] * shift, distance[there], _ERRORS * error[there], fmt="o", ms=3.5,
                    color=NETWORK, lw=0.9, elinewidth=0.7, mew=0.8, **look)  # fmt: skip
        gone = np.isinf(distance)
        ax.plot(s[gone] * shift, np.full(gone.sum(), 0.95), "^", ms=4.5, color=NETWORK, mew=0.8,
                mfc=look["mfc"], transform=ax.get_xaxis_transform())  # fmt: skip
    ax.axhline(floor, color=GREY, lw=0.8, zorder=0, label="floor")
    if max(known.max(), floor) > _DECADES * min(known.min(), floor):
        ax.set_yscale("log")
    else:  # not to take scatter for a finding
        ax.set_ylim(0, 1.15 * max(ax.get_ylim()[1], floor))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _axis_of_noise(ax: Axes, record: RobustnessFront) -> None:
    s = record.private_noise
    ax.set_xscale("log")
    ax.set(xlim=(s[0] / 1.5, s[-1] * 1.5), xlabel="private noise $s$ of the fit")
    if len(s) <= 6 and np.all(s[1:] > 2 * s[:-1]):
        ax.set_xticks(s, [f"{value:g}" for value in s])
    else:
        ax.xaxis.set_major_locator(LogLocator(numticks=6))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.axvline(record.best, color=PALE, lw=0.8, zorder=0)
    ax.annotate("best", (record.best, 1), xytext=(0, 2), xycoords=ax.get_xaxis_transform(),
                textcoords="offset points", ha="center", va="bottom", fontsize=7)  # fmt: skip

"""Lyapunov spectra, the target's beside the network's, and how they settled."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.lyapunov import LyapunovSpectrum
from driftmatch.analysis.neural_lyapunov import NeuralSpectrum
from driftmatch.errors import InputError
from driftmatch.figures.parts.intervals import legend_above
from driftmatch.figures.parts.style import GREY, NETWORK, PALE, TARGET, panel, style

_WRITTEN = 4
_SHOWN = 14  # places on the axis; what the leak fills beyond is cut out
_LEAKS = 3  # how many of the leak's exponents stand for all

Spectrum = LyapunovSpectrum | NeuralSpectrum


@style()
def lyapunov(
    target: Spectrum | None = None,
    network: Spectrum | None = None,
    *,
    errors: float = 2.0,
    ax: Axes | None = None,
) -> Axes:
    """Lyapunov exponents, the largest first: the target's blue, the network's vermilion.

    Either may be left out. Bars are `errors` standard errors long on each side and mostly hide
    behind their points, so the first four exponents stand beside them in figures, rounded to the
    first digit of their error. Of a `NeuralSpectrum` those of the leak are open points on a line at
    −1/τ, and where there are more than three of them, the axis is broken there. When exponents lie
    decades apart the axis is logarithmic away from zero.

    Returns the axes. Raises `InputError` if there is no finite spectrum among them.
    """
    given = [
        (record, color, label)
        for record, color, label in ((target, TARGET, "target"), (network, NETWORK, "network"))
        if record is not None
    ]
    for record, _, label in given:
        _check(record, label)
    if not given:
        raise InputError("pass the spectrum of a target, of a network, or of both")
    ax = panel(ax, 60.0, 50.0)
    ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    places = 0
    leak = max((r.leak for r, _, _ in given if isinstance(r, NeuralSpectrum)), default=-np.inf)
    faster = int(np.sum(given[0][0].exponents > leak)) if np.isfinite(leak) else _WRITTEN
    for i, (record, color, label) in enumerate(given):
        shift = (0.28 * i - 0.14) if len(given) > 1 else 0.0
        # Figures of the first stand above its points and of the second below, but of what decays
        # faster than the leak the other way round, clear of its line.
        sign = 1 if i == 0 else -1
        places = max(places, _draw(ax, record, color, label, shift, sign, errors, faster))
    _axis_of_indices(ax, given, places)
    _axis_of_rates(ax, [record for record, _, _ in given])
    legend = ax.legend(loc="upper right", handletextpad=0.4, frameon=True, framealpha=0.9)
    legend.get_frame().set(facecolor="white", linewidth=0)
    return ax


@style()
def lyapunov_history(
    target: Spectrum | None = None, network: Spectrum | None = None, *, ax: Axes | None = None
) -> Axes:
    """How the estimates settled: each exponent over the time averaged, as it would have been then.

    Drawn as the distance from the last estimate in units of its standard error, so that exponents
    of all sizes share an axis; within the grey band it is two errors at that time, which shrink as
    one over the root of it. Exponents that are exact, the leak's, are left out. Returns the axes.

    Raises `InputError` if there is no finite spectrum among them.
    """
    ax = panel(ax, 60.0, 50.0)
    drawn = False
    for record, color, label in ((target, TARGET, "target"), (network, NETWORK, "network")):
        if record is None:
            continue
        _check(record, label)
        drawn = True
        record = record.within if isinstance(record, NeuralSpectrum) else record
        share = np.arange(1, len(record.history) + 1) / len(record.history)
        error = np.where(record.standard_error > 0, record.standard_error, np.inf)
        off = (record.history - record.exponents) / error
        for i, values in enumerate(off.T):
            ax.plot(share, values, color=color, lw=0.8, alpha=0.9, marker=".", ms=2.5,
                    label=label if i == 0 else None)  # fmt: skip
    if not drawn:
        raise InputError("pass the spectrum of a target, of a network, or of both")
    share = np.linspace(0.05, 1, 100)
    band = 2 * np.sqrt(1 / share - 1)  # of a part about the whole
    ax.fill_between(share, -band, band, color="#EFEFEF", lw=0, zorder=0)
    ax.set(xlim=(0, 1), xlabel="share of the run", ylabel="off the last estimate (s.e.)")
    legend_above(ax)
    return ax


def _check(record, label: str) -> None:
    if not isinstance(record, (LyapunovSpectrum, NeuralSpectrum)):
        raise InputError(
            f"{label} must be a spectrum, which lyapunov and neural_lyapunov return, got "
            f"{type(record).__name__}"
        )
    if not np.isfinite(record.exponents).all():
        raise InputError(f"there is nothing to draw: of the {label}, {record.outcome}")


def _places(record: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """Which exponents are drawn, and at which places: all, or few of the leak's."""
    exponents = record.exponents
    index = np.arange(len(exponents))
    if isinstance(record, NeuralSpectrum) and len(exponents) > _SHOWN:
        leak = np.flatnonzero(exponents == record.leak)
        index = np.delete(index, leak[_LEAKS - 1 : -1])
    return index, np.arange(1, len(index) + 1)


def _draw(
    ax: Axes, record: Spectrum, color, label, shift: float, sign: int, errors: float, faster: int
) -> int:
    index, at = _places(record)
    values, error = record.exponents[index], record.standard_error[index]
    is_leak = np.zeros(len(index), dtype=bool)
    if isinstance(record, NeuralSpectrum) and record.num_leak:
        is_leak = values == record.leak
        ax.axhline(record.leak, color=GREY, lw=0.6, ls=(0, (3, 2)), zorder=0)
        ax.annotate(
            rf"$-1/\tau$ ({record.num_leak}×)", (1, record.leak), xytext=(0, 3), fontsize=7,
            xycoords=("axes fraction", "data"), textcoords="offset points", color=GREY, ha="right",
            va="bottom",
        )  # fmt: skip
        ax.plot(at[is_leak] + shift, values[is_leak], "o", ms=3, mfc="white", mec=color, mew=0.8)
    measured = ~is_leak
    ax.errorbar(at[measured] + shift, values[measured], errors * error[measured], fmt="o", ms=3,
                color=color, lw=0.8, capsize=1.5, capthick=0.6, label=label)  # fmt: skip
    rows = list(zip(at[measured], values[measured], error[measured], strict=True))[:_WRITTEN]
    for i, (x, value, e) in enumerate(rows):
        up = sign if i < faster else -sign
        end = value + up * errors * e
        ax.annotate(rounded(value, e), (x, end), xytext=(0, 5 * up), fontsize=7,
                    textcoords="offset points", color=color, ha="center", zorder=1.5,
                    va="bottom" if up > 0 else "top",
                    bbox={"fc": "white", "ec": "none", "pad": 0.3})  # fmt: skip
    return len(index)


def _axis_of_indices(ax: Axes, given, places: int) -> None:
    """Indices, with a gap where the leak's are left out."""
    longest = max((record for record, _, _ in given), key=lambda record: len(record.exponents))
    index, at = _places(longest)
    cut = np.flatnonzero(np.diff(index) > 1)
    if places <= 8 or len(cut):
        # In place of one of the leak's, dots for all that are left out.
        ax.set_xticks(at, ["…" if i in index[cut] else f"$λ_{{{i + 1}}}$" for i in index])
    else:
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        ax.set_xlabel("index")
    ax.set_xlim(0.4, places + 0.6)


def _axis_of_rates(ax: Axes, records) -> None:
    sizes = np.abs(np.concatenate([record.exponents for record in records]))
    doubtful = max(float(np.max(record.standard_error)) for record in records)
    large = sizes[sizes > max(3 * doubtful, 1e-2 * sizes.max())]
    if len(large) and large.max() > 8 * large.min():
        ax.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(large.min())), linscale=0.8)
    ax.margins(y=0.24)
    ax.set_ylabel("nats per unit time")


def rounded(value: float, error: float) -> str:
    """To the first digit of its standard error, and at most four decimals."""
    if not (np.isfinite(value) and error > 0):
        return f"{value:.3g}".replace("-", "−")
    text = f"{value:.{min(4, max(0, int(-np.floor(np.log10(error)))))}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")

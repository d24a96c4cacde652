"""Does the model hold? A recording, the SDE inferred from it and what that leaves over."""

from collections.abc import Callable

import numpy as np
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.figures.attractors import attractor
from driftmatch.figures.densities import draw_densities
from driftmatch.figures.parts.intervals import band, decades
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.recorded import longest_run, recorded_run, twin_run
from driftmatch.figures.parts.runs import coordinate_names, spoken
from driftmatch.figures.parts.streams import streams
from driftmatch.figures.parts.style import (
    GREY,
    INK,
    PAGE_WIDTH,
    PALE,
    TARGET,
    Look,
    Sheet,
    mix,
    page,
    percent,
    shades,
    style,
    without_y,
    wrapped,
)
from driftmatch.figures.spectra import draw_spectra
from driftmatch.inference.binned import Moments, binned
from driftmatch.inference.diagnostics import NORMAL
from driftmatch.inference.inference import Inference

_LOOKS = Look("recorded", TARGET), Look("model", INK)
_ROW, _TITLE = 46.0, 12.0  # heights in mm
_SHOWN = 3  # coordinates along which moments are drawn
_STACKED = 6
_NINETY = float(scipy.stats.norm.ppf(0.95))
_ENOUGH = 5  # samples beyond a quantile
_FEW = 2000  # states
_LINE = 200

Panel = Callable[[Axes], None]


@style()
def inference(est: Inference, *, fig: Sheet | None = None) -> Sheet:
    """Does the model that `infer` returned hold? One sheet; above it the outcome.

    - The recorded states over the drift: a field in two dimensions, arrows in more.
    - Drift and diffusion along every coordinate, of three at most: the recording's own in bins,
      with standard errors, corrected as `infer` does for the interval and for measurement noise;
      and the model's, averaged over the same states, in the band of its 90 % interval. In one
      dimension the functions themselves.
    - Densities, autocorrelation and power spectra of the recording beside those of runs of the
      model, where samples are even and these runs stay finite.
    - What is left over of every step in its standard deviations: correlations, in a band of two
      standard errors, and quantiles beside those of a normal variable.
    - The diffusion by increments over longer and longer lags, relative to the model's: level where
      the model holds, steep at short lags where there is measurement noise, rising where the noise
      has a memory, falling where the lag is longer than the states' own time.

    Returns the figure.
    """
    if not isinstance(est, Inference):
        raise InputError(f"pass what infer returned, got {type(est).__name__}")
    rows = _rows(est)
    fig = page(fig, PAGE_WIDTH, _ROW * len(rows) + _TITLE)
    grid = fig.add_gridspec(len(rows), 1)
    for i, row in enumerate(rows):
        inner = grid[i].subgridspec(1, len(row))
        for j, draw in enumerate(row):
            draw(fig.add_subplot(inner[j]))
    fig.suptitle(_heading(est, fig.bbox.width * 72 / fig.dpi), x=0.01, ha="left", size="medium")
    return fig


def _rows(est: Inference) -> list[list[Panel]]:
    along, k = binned(est), est.sde.dim
    names = coordinate_names(k, est.sde)
    states: list[Panel] = [lambda ax: _states(ax, est)]
    drift: list[Panel] = [
        lambda ax, i=i: _moments(ax, est, along, i, "drift", names[i])
        for i in range(min(k, _SHOWN))
    ]
    diffusion: list[Panel] = [
        lambda ax, i=i: _moments(ax, est, along, i, "diffusion", names[i])
        for i in range(min(k, _SHOWN))
    ]
    beside, correlations = _beside(est)
    left: list[Panel] = [lambda ax: _residuals(ax, est), lambda ax: _quantiles(ax, est)]
    if est.lags:
        left.append(lambda ax: _signature(ax, est))
    if k == 1:
        rows = [states + drift + diffusion, beside + correlations, left]
    elif k == 2:
        rows = [states + beside + correlations, drift + diffusion, left]
    else:
        rows = [states + beside, drift, diffusion, correlations + left]
    return [row for row in rows if row]


def _beside(est: Inference) -> tuple[list[Panel], list[Panel]]:
    """Densities and spectra, and correlations, as far as there are some."""
    twin = twin_run(est)
    if twin is None:
        return [], []
    whole = recorded_run(est.recording)
    panels: list[Panel] = [lambda ax: draw_densities(ax, whole, twin, _LOOKS)]
    if not np.isfinite(est.twin.spectrum):
        return panels, []
    longest = longest_run(est.recording, len(twin.times))

    def spectrum(ax: Axes) -> None:
        draw_spectra(ax, longest, twin, _LOOKS)
        ax.set_title("power spectra")

    return [*panels, spectrum], [lambda ax: _correlations(ax, est, longest.states, twin.states)]


def _heading(est: Inference, width: float) -> str:
    found = f"{spoken(est.recording.name)}: {est.reason or est.outcome}"
    noise = (
        f"measurement noise {percent(est.measurement_noise_share)} of the s.d."
        if est.has_measurement_noise
        else "no measurement noise seen"
    )
    numbers = (
        f"sampling {est.sampling}, Δt‖∇f‖ = {est.stiffness:.2g}; {noise}; expected errors: drift "
        f"{percent(est.drift_error)}, diffusion {percent(est.diffusion_error)}"
    )
    return "\n".join(wrapped(line, 0.98 * width, 7.5) for line in (found, numbers))


def _states(ax: Axes, est: Inference) -> None:
    run = recorded_run(est.recording)
    if est.sde.dim > 2:
        seen = run.states[0][np.isfinite(run.states[0]).all(axis=1)]
        view = View.of(seen, named=est.sde)
        attractor(run, view=view, color=to_hex(mix(TARGET, "white", 0.5)), ax=ax)
        some = seen[:: 1 + len(seen) // _FEW]
        streams(ax, lambda z: drifts(est.sde, z), view, at=some, color=INK, spacing=0.16)
    else:
        attractor(run, sde=est.sde, color=TARGET, ax=ax)
    ax.set_title("recorded states" + (" and drift" if est.sde.dim > 1 else ""))


def _moments(
    ax: Axes, est: Inference, along: list[Moments], axis: int, what: str, name: str
) -> None:
    """The recording's in bins, and the model's in its band."""
    found = along[axis]._asdict()
    at, own, error = (found[key] for key in ("at", what, f"{what}_error"))
    line, model, off = at, found[f"model_{what}"], found[f"model_{what}_error"]
    if est.sde.dim == 1 and len(at):
        line = np.linspace(at[0], at[-1], _LINE)
        z = line[:, None]
        if what == "drift":
            model, off = drifts(est.sde, z)[:, 0], est.drift_errors(z)[:, 0]
        else:
            model, off = diffusion_matrices(est.sde, z)[:, 0, 0], est.diffusion_errors(z)[:, 0, 0]
    ends = np.column_stack([model - _NINETY * off, model + _NINETY * off])
    band(ax, line, model, ends, color=INK, label="model, 90 %")
    ax.errorbar(at, own, error, fmt="o", ms=2.5, lw=0.8, color=TARGET, label="recorded", zorder=3)
    seen = np.concatenate([own, ends.ravel()])
    if len(seen):
        margin = 0.12 * max(np.ptp(seen), 1e-12 * np.abs(seen).max(), 1e-300)
        ax.set_ylim(seen.min() - margin, seen.max() + margin)
    if what == "drift":
        ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    short = coordinate_names(est.sde.dim, est.sde, units=False)[axis]
    unit = est.sde.units[axis] if est.sde.units is not None else ""
    power = "" if what == "drift" else "²"
    ax.set(xlabel=name, ylabel=f"{unit or short}{power} per unit time", title=f"{what} of {short}")
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    if axis == 0 and what == "drift":
        ax.legend(loc="best", borderaxespad=0.2, handletextpad=0.4)


def _correlations(ax: Axes, est: Inference, recorded, simulated) -> None:
    """Autocorrelation of every coordinate, one above the other."""
    k = min(est.sde.dim, _STACKED)
    periods = est.recording.periodic or (None,) * est.sde.dim
    found = [[_autocorrelation(z[..., i], periods[i]) for i in range(k)]
             for z in (recorded, simulated)]  # fmt: skip
    horizon = max(_settled(one) for one in found[0])
    lags = est.recording.dt * np.arange(horizon)
    broad = {"color": mix(TARGET, "white", 0.5), "lw": 2.4}
    for curves, line in zip(found, (broad, {"color": INK, "lw": 0.8}), strict=True):
        for i, curve in enumerate(curves):
            level = k - 1 - i + 0.4
            ax.axhline(level, color=PALE, lw=0.5, zorder=0)
            ax.plot(lags, 0.45 * curve[:horizon] + level, **line)
    names = coordinate_names(est.sde.dim, est.sde, units=False)[:k]
    ax.set_yticks(np.arange(k)[::-1] + 0.4, names)
    ax.set(xlim=(0, lags[-1]), ylim=(-0.1, k), xlabel="lag", title="autocorrelation")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    without_y(ax)


def _autocorrelation(paths: np.ndarray, period: float | None) -> np.ndarray:
    """Of one coordinate, shape (M, T), from a common mean; of angles that of e^{iz}."""
    z = paths if period is None else np.exp(2j * np.pi * paths / period)
    T = z.shape[1]
    power = np.abs(np.fft.fft(z - z.mean(), 2 * T, axis=1)) ** 2
    product = np.fft.ifft(power, axis=1).real[:, :T].mean(axis=0) / np.arange(T, 0, -1)
    return product / (product[0] or 1.0)


def _settled(correlation: np.ndarray) -> int:
    """Twice the samples until nothing above a tenth is left for twice as long again; a quarter of
    all at most."""
    most = max(2, len(correlation) // 4)
    large = np.flatnonzero(np.abs(correlation[:most]) > 0.1)
    apart = np.append(large[1:], 4 * most) > 3 * large + 16
    return int(np.clip(2 * large[np.argmax(apart)] + 16, 2, most))


def _residuals(ax: Axes, est: Inference) -> None:
    left = est.residuals
    lags = np.arange(1, len(left.autocorrelation) + 1)
    ax.axhspan(-2 * left.error, 2 * left.error, color=PALE, lw=0, alpha=0.6, zorder=0)
    ax.axhline(0, color=GREY, lw=0.5, zorder=0)
    for values, shade in zip(left.autocorrelation.T, shades(TARGET, est.sde.dim), strict=True):
        ax.plot(lags, values, "o-", ms=2.2, lw=0.5, color=shade)
    top = 1.15 * max(np.abs(left.autocorrelation).max(), 3 * left.error)
    ax.set(ylim=(-top, top), xlabel="steps apart", title="residuals: autocorrelation, ±2 s.e.")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _quantiles(ax: Axes, est: Inference) -> None:
    """Against those of a normal variable, in a band of two standard errors of these."""
    N = 1 / est.residuals.error**2
    known = N * scipy.stats.norm.cdf(-np.abs(NORMAL)) >= _ENOUGH
    x = NORMAL[known]
    below = scipy.stats.norm.cdf(x)
    error = np.sqrt(below * (1 - below) / N) / scipy.stats.norm.pdf(x)
    ax.fill_between(x, x - 2 * error, x + 2 * error, color=PALE, lw=0, alpha=0.6, zorder=0)
    ax.plot(x, x, color=GREY, lw=0.5, zorder=0)
    for values, shade in zip(est.residuals.quantiles.T, shades(TARGET, est.sde.dim), strict=True):
        ax.plot(x, values[known], "o", ms=2.2, color=shade)
    ax.set(xlabel="of a normal variable", ylabel="of what is left over")
    ax.set_title("residuals: quantiles")
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(MaxNLocator(5, integer=True))


def _signature(ax: Axes, est: Inference) -> None:
    """D over a lag, relative to the model's mean over the recorded states."""
    pieces = [np.asarray(est.recording.states[piece]) for piece in est.recording.pieces]
    states = np.concatenate(pieces).astype(np.float64)
    some = states[:: 1 + len(states) // _FEW]
    model = np.diagonal(diffusion_matrices(est.sde, some), axis1=1, axis2=2).mean(axis=0)
    lags = est.recording.dt * np.array([one.samples for one in est.lags])
    ratios = np.array([one.diffusion for one in est.lags]) / np.maximum(model, 1e-300)
    ax.axhline(1, color=GREY, lw=0.5, zorder=0)
    for values, shade in zip(ratios.T, shades(TARGET, est.sde.dim), strict=True):
        ax.plot(lags, np.where(values > 0, values, np.nan), "o-", ms=2.5, lw=0.6, color=shade)
    seen = ratios[ratios > 0]
    low, high = min(seen.min(initial=1.0), 0.7), max(seen.max(initial=1.0), 1.4)
    ax.set(xscale="log", yscale="log", ylim=(low / 1.2, 1.2 * high))
    decades(ax.yaxis, low, high)
    decades(ax.xaxis, lags[0], max(lags[-1], 2 * lags[0]))
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set(xlabel="lag of increments", title="diffusion by lag / model's")

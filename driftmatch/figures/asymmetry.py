"""What symmetry costs: asymmetry against the drift error."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from driftmatch.embedding.asymmetry import AsymmetryFront
from driftmatch.errors import InputError
from driftmatch.figures.parts.style import GREY, INK, NETWORK, TARGET, panel, style

_WIDTH, _HEIGHT = 88.0, 62.0
_COLOURS = (NETWORK, TARGET, INK, GREY)
_MARKERS = "osD^"


@style()
def asymmetry_front(
    fronts: AsymmetryFront | Mapping[str, AsymmetryFront], *, ax: Axes | None = None
) -> Axes:
    """‖W₋‖²/‖W‖² against ε_f of networks that are ever less asymmetric; up to four fronts by name,
    such as that of a free network's neurons beside that of a symmetric one's.

    Returns the axes.
    """
    named = dict(fronts) if isinstance(fronts, Mapping) else {"": fronts}
    if not 0 < len(named) <= len(_COLOURS):
        raise InputError(f"pass one to {len(_COLOURS)} fronts, got {len(named)}")
    for front in named.values():
        if not isinstance(front, AsymmetryFront):
            raise InputError(f"pass what asymmetry_front returned, got {type(front).__name__}")
    ax = panel(ax, _WIDTH, _HEIGHT)
    for (name, front), colour, marker in zip(named.items(), _COLOURS, _MARKERS, strict=False):
        ax.plot(front.drift_errors, front.asymmetry, marker=marker, ms=3.2, lw=1.0, color=colour,
                label=str(name).replace("_", " "))  # fmt: skip
    ax.set(xscale="log", xlabel="relative drift error $ε_f$", ylabel="asymmetry ‖W₋‖² / ‖W‖²")
    highest = max(float(front.asymmetry.max()) for front in named.values())
    ax.set_ylim(-0.03 * highest, 1.08 * highest)
    if any(named):
        ax.legend(loc="lower left")
    return ax

import numpy as np
import pytest
from memories import tilt

from driftmatch.errors import InputError
from driftmatch.figures import tilted_minima
from driftmatch.memory.tilted_minima import follow_minima


def curves(ax):
    return [line for line in ax.lines if line.get_marker() == "None"]


def test_lines_are_energies_above_the_target():
    cue = tilt(2)
    ax = tilted_minima(cue)
    E = cue.path.energies
    for j, line in enumerate(curves(ax)):
        above = line.get_ydata()
        rows = np.isfinite(E[:, j])
        np.testing.assert_allclose(above[: rows.sum()], (E[:, j] - E[:, 1])[rows])
        assert line.get_linewidth() > 1.5 if j == 1 else line.get_linewidth() < 1
    assert ax.get_ylabel() == "energy above well 1"


def test_without_a_target_energies_are_as_they_are():
    path = tilt(1).path
    ax = tilted_minima(path)
    np.testing.assert_allclose(curves(ax)[1].get_ydata(), path.energies[:, 1])
    assert ax.get_ylabel() == "energy of well"


def test_crosses_end_the_lines_at_the_folds():
    cue = tilt(1)
    ax = tilted_minima(cue)
    (cross,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert cross.get_xdata()[0] == pytest.approx(cue.path.folds[0])
    # V = z⁴/4 − z²/2 folds at |c| = 2/(3√3), z = 1/√3, where V = −5/36.
    c, z = -2 / (3 * np.sqrt(3)), 1 / np.sqrt(3)
    np.testing.assert_allclose(cue.path.folds[0] * cue.forcing, c, rtol=1e-3)
    other = np.roots([1, 0, -1, -c]).real.min()
    above = -5 / 36 - c * z - (other**4 / 4 - other**2 / 2 - c * other)
    assert cross.get_ydata()[0] == pytest.approx(above, rel=1e-2)
    line = curves(ax)[0].get_xydata()
    np.testing.assert_allclose(line[-1], cross.get_xydata()[0])
    assert abs(line[-1, 1] - line[-2, 1]) < 0.05


def test_wells_that_stay_together_share_a_label():
    assert {text.get_text() for text in tilted_minima(tilt(2)).texts} == {"0, 2", "1", "3"}


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="pass a Tilt or a TiltedMinima, got Landscape"):
        tilted_minima(tilt(2).landscape)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="from 0 to 3, got 4"):
        tilted_minima(tilt(2), target=4)
    with pytest.raises(InputError, match=r"well 0 disappears at 0\.9"):
        tilted_minima(tilt(2), target=0)
    weak = follow_minima(tilt(2).landscape, 0.2 * tilt(2).forcing)
    assert len(tilted_minima(weak, target=0).lines) == 4

"""Evenly spaced streamlines, in which closed orbits close.

Many candidates are followed at once through the unit square. One after the other is then taken, the
next always as near to those taken as their spacing allows, and cut where it would come nearer.

Source: B. Jobard, W. Lefer, Visualization in Scientific Computing '97, 43 (1997).
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

_CANDIDATES = 26  # a side
_STEP = 0.01  # sides
_LONGEST = 5.0
_NEAREST = 0.55  # of the spacing: where a line is cut
_CLOSES = 0.25  # of the spacing: how exactly an orbit must come back
_SHORTEST = 1.5  # of the spacing
_CANCELLED = 0.1
_GAP = 10  # pairs of steps along a line, within which it is near to itself anyway

Path = Float[np.ndarray, "_ 2"]


def streamlines(field: Float[np.ndarray, "n n 2"], spacing: float) -> list[Path]:
    """Lines along a field on the unit square, about `spacing` apart, in the sense of the field.

    - `field`: at n points a side, from 0 to 1; lines end where it is NaN.
    """
    side = (np.arange(_CANDIDATES) + 0.5) / _CANDIDATES
    seeds = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    unit = _unit(field)
    seeds = seeds[np.isfinite(_directions(unit, seeds)[:, 0])]
    ahead, behind = _followed(unit, seeds, 1.0), _followed(unit, seeds, -1.0)
    length = np.isfinite(ahead[:, :, 0]).sum(axis=1)
    distance = np.full(len(seeds), np.inf)
    left = np.ones(len(seeds), dtype=bool)
    taken: list[Path] = []
    while np.any(left & (distance >= spacing)):
        if taken:
            index = int(np.argmin(np.where(left & (distance >= spacing), distance, np.inf)))
        else:
            index = int(np.argmax(np.where(left, length, -1)))
        left[index] = False
        line = _line(_finite(ahead[index]), _finite(behind[index]), taken, spacing)
        if len(line) > _SHORTEST * spacing / _STEP:
            taken.append(line)
            distance = np.minimum(distance, KDTree(line).query(seeds)[0])
    return taken


def _unit(field):
    """The field's directions; NaN where it is NaN or vanishes."""
    size = np.linalg.norm(field, axis=-1, keepdims=True)
    return field / np.where(size > 0, size, np.nan)


def _directions(unit, points):
    """Directions by linear interpolation; NaN outside."""
    n = len(unit)
    at = points * (n - 1)
    outside = ((at < 0) | (at > n - 1) | np.isnan(at)).any(axis=1)
    at[outside] = 0
    cell = np.minimum(at.astype(int), n - 2)
    x, y = (at - cell).T[:, :, None]
    corner, flat = cell[:, 0] * n + cell[:, 1], unit.reshape(-1, 2)
    low = flat[corner] * (1 - y) + flat[corner + 1] * y
    high = flat[corner + n] * (1 - y) + flat[corner + n + 1] * y
    found = low * (1 - x) + high * x
    found[outside] = np.nan
    return found


def _followed(unit, seeds, sign: float) -> Float[np.ndarray, "S P 2"]:
    """From every seed, by midpoint steps of one length, until the field ends; then NaN."""
    paths = np.full((len(seeds), round(_LONGEST / _STEP), 2), np.nan)
    points, active = seeds, np.arange(len(seeds))
    h = sign * _STEP
    for step in range(paths.shape[1]):
        paths[active, step] = points
        halfway = _directions(unit, points + 0.5 * h * _directions(unit, points))
        points = points + h * halfway
        # Directions cancel where the field has a zero; no line goes on through it.
        on = np.sum(halfway**2, axis=1) > _CANCELLED
        points, active = points[on], active[on]
    return paths


def _finite(path: Path) -> Path:
    return path[np.isfinite(path[:, 0])]


def _line(ahead: Path, behind: Path, taken: list[Path], spacing: float) -> Path:
    """Both ways from a seed until the line comes near to itself or to another one."""
    turn = _return(ahead, spacing)
    if turn is not None and np.linalg.norm(ahead[turn] - ahead[0]) < _CLOSES * spacing:
        # What the orbit is off sideways is made up for all along it.
        gap, along = ahead[0] - ahead[turn], (ahead[1] - ahead[0]) / _STEP
        share = np.linspace(0, 1, turn)[:, None]
        orbit = np.concatenate([ahead[:turn] + share * (gap - gap @ along * along), ahead[:1]])
        near = np.flatnonzero(_near(orbit, taken, spacing))
        if len(near) == 0:
            return orbit
        return np.concatenate([orbit[near[-1] + 1 : -1], orbit[: near[0]]])
    ahead = _until(ahead[:turn], taken, spacing)
    behind = _until(behind[: _return(behind, spacing)], taken, spacing)
    later = behind[_GAP * 2 :]
    behind = behind[: len(behind) - len(later) + len(_until(later, [ahead], spacing))]
    return np.concatenate([behind[:0:-1], ahead])


def _return(path: Path, spacing: float) -> int | None:
    """Where a path first comes back to near itself; where it is nearest to its start, if it is to
    that."""
    every = path[::2]
    apart = np.linalg.norm(every[:, None] - every, axis=2)
    apart[np.triu_indices(len(every), -_GAP)] = np.inf
    near = np.flatnonzero(apart.min(axis=1, initial=np.inf) < _NEAREST * spacing)
    if len(near) == 0:
        return None
    first = 2 * int(near[0])
    soon = path[first : first + round(2 * spacing / _STEP)]
    nearest = int(np.argmin(np.linalg.norm(soon - path[0], axis=1)))
    is_back = np.linalg.norm(soon[nearest] - path[0]) < _CLOSES * spacing
    return first + nearest if is_back else first


def _near(path: Path, taken: list[Path], spacing: float):
    """Which points are near to another line."""
    if not taken or len(path) == 0:
        return np.zeros(len(path), dtype=bool)
    return KDTree(np.concatenate(taken)).query(path)[0] < _NEAREST * spacing


def _until(path: Path, taken: list[Path], spacing: float) -> Path:
    near = np.flatnonzero(_near(path, taken, spacing))
    return path if len(near) == 0 else path[: near[0]]

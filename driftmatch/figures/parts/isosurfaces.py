"""Level surfaces of a function of three coordinates, seen by the parallel projection of a view.

Rays are followed from the viewer through the box; where the function crosses a level they meet a
surface, a thin layer that is shaded by its slope and lets through what is behind it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.image import AxesImage
from scipy.ndimage import map_coordinates

from driftmatch.errors import InputError
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.streams import lattice

_LIGHT = np.array([-0.45, 0.6, 0.66])  # right, up and towards the viewer
_REACH = 0.5 * np.sqrt(3)  # half the diagonal of the box
_STEPS = 100  # along a ray; crossings between two are interpolated


def isosurfaces(
    ax: Axes,
    function: Callable[[np.ndarray], np.ndarray],
    view: View,
    levels: Sequence[float] | np.ndarray,
    colors: Sequence[Any],
    *,
    opacity: float = 0.3,
    resolution: int = 32,
    pixels: int = 360,
) -> AxesImage:
    """Draw where a function takes certain values, between the limits of a view.

    - `function`: from states (N, k) to numbers (N,) in NumPy; called on ``resolution³`` states.
    - `levels`, `colors`: the values, and a colour for each.
    - `opacity`: of a layer of surface that is seen from the front.
    - `pixels`: along the diagonal of the box.

    Beyond three dimensions it is the function on the slice through the view's centre that its
    principal components span. Returns the image. Raises `InputError` unless the view has three
    coordinates.
    """
    if view.dim != 3:
        raise InputError(f"level surfaces need a view of three coordinates, got {view.dim}")
    values = np.reshape(function(lattice(view, resolution)), (resolution,) * 3)
    line = ((np.arange(pixels) + 0.5) / pixels * 2 - 1) * _REACH
    rays = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2) @ view.directions[:2]
    near, far = _passage(rays, view.directions[2])
    inside = near > far
    image = np.zeros((pixels * pixels, 4))
    image[inside] = _layers(
        rays[inside], near[inside], far[inside], values, view.directions, levels, colors, opacity
    )
    limits = ax.get_xlim(), ax.get_ylim()
    drawn = ax.imshow(image.reshape(pixels, pixels, 4), origin="lower", interpolation="bilinear",
                      extent=(-_REACH, _REACH, -_REACH, _REACH), zorder=1.2)  # fmt: skip
    ax.set(xlim=limits[0], ylim=limits[1])
    return drawn


def _passage(rays, toward):
    """Depths at which rays enter and leave the box from −½ to ½; a miss leaves before it enters."""
    toward = np.where(np.abs(toward) < 1e-12, 1e-12, toward)
    ends = np.stack([(-0.5 - rays) / toward, (0.5 - rays) / toward])
    return ends.max(axis=0).min(axis=1), ends.min(axis=0).max(axis=1)


def _layers(rays, near, far, values, directions, levels, colors, opacity):
    """Red, green, blue and opacity along each ray, front to back."""
    slopes = np.gradient(values)
    color, cover = np.zeros((len(rays), 3)), np.zeros(len(rays))
    step = ((near - far) / _STEPS)[:, None] * directions[2]
    points = rays + near[:, None] * directions[2]
    before = _at(values, points)
    for _ in range(_STEPS):
        points = points - step
        now = _at(values, points)
        for level, paint in zip(levels, colors, strict=True):
            met = np.flatnonzero((before - level) * (now - level) < 0)
            share = (now[met] - level) / (now[met] - before[met])
            where = points[met] + share[:, None] * step[met]
            normals = np.stack([_at(slope, where) for slope in slopes], axis=1) @ directions.T
            normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
            facing = np.maximum(np.abs(normals[:, 2]), 0.1)
            layer = (1 - cover[met]) * (1 - (1 - opacity) ** (1 / facing))
            color[met] += layer[:, None] * _shaded(paint, normals)
            cover[met] += layer
        before = now
    color /= np.maximum(cover, 1e-12)[:, None]
    return np.concatenate([color.clip(0, 1), cover[:, None]], axis=1)


def _at(grid, points):
    """Linear interpolation in the box from −½ to ½."""
    indices = (points.T + 0.5) * (len(grid) - 1)
    return map_coordinates(grid, indices, order=1, mode="nearest", prefilter=False)


def _shaded(paint, normals):
    """A colour lit from the upper left, alike on both sides of a surface."""
    light = np.abs(normals @ (_LIGHT / np.linalg.norm(_LIGHT)))[:, None]
    return np.array(to_rgb(paint)) * (0.55 + 0.45 * light) + 0.12 * light**8

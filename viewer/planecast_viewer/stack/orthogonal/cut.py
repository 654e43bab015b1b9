"""Cuts a stack and draws the cuts: pure functions from planes to one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_viewer.canvas.compositing import OPAQUE, Layer, Lut, Packed, compose
from planecast_viewer.canvas.view import View
from planecast_viewer.stack.orthogonal.panes import Pane, Panes
from planecast_viewer.stack.planes import Stack, StackPlane
from planecast_viewer.stack.voxel import Voxel

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class OrthogonalWish:
    """What is to be drawn."""

    stack: Stack
    luts: dict[int, Lut]
    voxel: Voxel
    cross: tuple[int, int, int]
    """(x, y, z), in pixels and planes of the file."""
    panes: Panes
    device_pixel_ratio: float
    background: int
    """0xffRRGGBB, of what is between the views."""
    sharp: dict[int, Pixels]
    """The planes at the cross as the picture has them, unreduced, of channels that have them."""


def draw(wish: OrthogonalWish) -> Packed:
    """Return 0xffRRGGBB, shape (height, width) in device pixels. Not for the GUI thread."""
    ratio = wish.device_pixel_ratio
    shape = (round(wish.panes.height * ratio), round(wish.panes.width * ratio))
    picture: Packed = np.full(shape, np.uint32(wish.background) | OPAQUE, np.uint32)
    panes: tuple[Pane, ...] = ("xy", "xz", "yz")
    for pane in panes:
        place = wish.panes.rectangle(pane)
        left, top = round(place.left * ratio), round(place.top * ratio)
        right, bottom = (
            min(round((place.left + place.width) * ratio), shape[1]),
            min(round((place.top + place.height) * ratio), shape[0]),
        )
        if right <= left or bottom <= top:
            continue
        x0, y0, scale = wish.panes.view(pane)
        view = View(x0, y0, scale / ratio)
        layers = tuple(_layers(wish, pane))
        picture[top:bottom, left:right] = compose(layers, right - left, bottom - top, view)
    return picture


def _layers(wish: OrthogonalWish, pane: Pane) -> list[Layer]:
    x, y, z = wish.cross
    layers = []
    for channel, lut in wish.luts.items():
        known = wish.stack.first(channel)
        planes = wish.stack.planes.get(channel, ())
        if pane == "xy" and channel in wish.sharp:
            layers.append(Layer(wish.sharp[channel], lut, (wish.voxel.xy, wish.voxel.xy)))
        elif known is None:
            continue
        elif pane == "xy":
            plane = planes[z] if z < len(planes) else None
            if plane is not None:
                side = wish.voxel.xy * plane.block
                layers.append(Layer(plane.pixels, lut, (side, side)))
        else:
            side = wish.voxel.xy * known.block
            lines = cut(planes, known, "y" if pane == "xz" else "x", y if pane == "xz" else x)
            if pane == "xz":
                layers.append(Layer(lines, lut, (wish.voxel.z, side)))
            else:
                layers.append(Layer(lines.swapaxes(0, 1), lut, (side, wish.voxel.z)))
    return layers


def cut(planes: tuple[StackPlane | None, ...], known: StackPlane, axis: str, at: int) -> Pixels:
    """Return the row y, or the column x, of every plane: (z, x) or (z, y), and rgb.

    `at` is in pixels of the file. Planes that are not there, or a place outside of them, are
    what any contrast shows dark.
    """
    side = 0 if axis == "y" else 1
    along = known.pixels.shape[1 - side]
    lines = np.full(
        (len(planes), along, *known.pixels.shape[2:]),
        darkest(known.pixels.dtype),
        known.pixels.dtype,
    )
    place = at // known.block
    if 0 <= place < known.pixels.shape[side]:
        for z, plane in enumerate(planes):
            if plane is not None:
                lines[z] = plane.pixels[place] if side == 0 else plane.pixels[:, place]
    return lines


def darkest(dtype: np.dtype[Any]) -> Any:
    """Return the value that is drawn black at any contrast."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else np.nan

"""Indices of planes against the axes of a scene: the check that every reader makes."""

from collections.abc import Collection, Mapping
from pathlib import Path

from planecast_protocol.errors import OutOfRangeError, TooLargeError
from planecast_protocol.limits import MAX_PLANE_BYTES

PIXEL_AXES = frozenset("YXS")
OPTIONAL_AXES = frozenset("TZC")
"""Libraries drop these where their length is 1, so index 0 on them is always right."""


def check_scene(path: Path, scene: int, n_scenes: int) -> None:
    """Raise `OutOfRangeError` unless there is such a scene."""
    if not 0 <= scene < n_scenes:
        raise OutOfRangeError.of(path, f"has no scene {scene}, only {n_scenes} (from 0)")


def full_index(
    path: Path,
    sizes: Mapping[str, int],
    index: Mapping[str, int],
    pixel_axes: Collection[str] = PIXEL_AXES,
) -> dict[str, int]:
    """Return the index on every axis of `sizes` but those of a plane; axes left out are 0.

    Raises `OutOfRangeError` for an axis or index that the scene does not have.
    """
    chosen = {axis: 0 for axis in sizes if axis not in pixel_axes}
    for axis, value in index.items():
        if axis not in chosen:
            if axis in OPTIONAL_AXES and value == 0:
                continue
            known = ", ".join(chosen) or "none"
            raise OutOfRangeError.of(path, f"has no axis {axis} to choose on (axes: {known})")
        if not 0 <= value < sizes[axis]:
            raise OutOfRangeError.of(
                path, f"has no plane {axis}={value}: {axis} has length {sizes[axis]}"
            )
        chosen[axis] = value
    return chosen


def check_plane_bytes(path: Path, n_bytes: int) -> None:
    """Raise `TooLargeError` for a plane beyond the limit, before memory is asked for."""
    if n_bytes > MAX_PLANE_BYTES:
        raise TooLargeError.of(
            path,
            f"a plane of {n_bytes / 2**20:.0f} MiB is beyond the limit of "
            f"{MAX_PLANE_BYTES >> 20} MiB; read regions of it",
        )

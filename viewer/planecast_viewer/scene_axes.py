"""Which axis of a file's scene each slider moves along."""

from collections.abc import Mapping

SAMPLES = "S"


def plane_axes(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the axes of one plane: the last two, without the samples of a colour image.

    Y and X as a rule; Z and X in a scan across the focus.
    """
    axes = [axis for axis in sizes if axis != SAMPLES]
    return tuple(axes[-2:])


def depth_axis(sizes: Mapping[str, int]) -> str | None:
    """Return what the slider of z moves along: Z, else whatever else planes are chosen on."""
    plane = plane_axes(sizes)
    others = [axis for axis in sizes if axis not in plane and axis not in ("T", "C", SAMPLES)]
    if "Z" in others:
        return "Z"
    return next((axis for axis in others if sizes[axis] > 1), None)


def depth(sizes: Mapping[str, int]) -> int:
    """Return how many values the slider of z has."""
    axis = depth_axis(sizes)
    return 1 if axis is None else sizes[axis]


def height_and_width(sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return the size of a plane in pixels."""
    plane = plane_axes(sizes)
    return (sizes[plane[0]], sizes[plane[1]]) if len(plane) == 2 else (0, 0)


def unshown_axes(sizes: Mapping[str, int]) -> list[str]:
    """Return the axes of several values that no slider moves along."""
    shown = {*plane_axes(sizes), "T", "C", SAMPLES, depth_axis(sizes)}
    return [axis for axis, length in sizes.items() if axis not in shown and length > 1]

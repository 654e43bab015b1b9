"""Which planes somebody who looks at a file will want next."""

from collections import deque

import msgspec

from planecast_protocol.reader_messages import PlaneArea, ReadPixels

AHEAD = 3
"""Planes in the direction of travel, of each channel."""
MOST_AHEAD = 18
"""Planes of all channels together."""
_REMEMBERED = 12
"""Requests: the planes of several channels at one place, and at the place before."""
_CHANNEL = "C"
"""Channels are asked for one after the other at each place, which is no travel."""


class Travel:
    """Watches one client's requests. Belongs to the front's thread."""

    def __init__(self) -> None:
        self._recent: deque[ReadPixels] = deque(maxlen=_REMEMBERED)
        self._ahead: list[ReadPixels] = []
        """Of the place that is looked at now."""

    def next(self, request: ReadPixels) -> list[ReadPixels]:
        """Return the next planes in the direction of travel; none without a direction.

        A step is a request that differs from the place before on one axis, by one. What was
        returned for other channels of the same place is returned again.
        """
        if not isinstance(request.area, PlaneArea):
            return []
        if not self._recent or _difference(self._recent[-1], request).keys() - {_CHANNEL}:
            self._ahead = []
        step = self._step_to(request)
        self._recent.append(request)
        if step is not None:
            axis, direction = step
            places = [_moved(request, axis, n * direction) for n in range(1, AHEAD + 1)]
            self._ahead += [place for place in places if place is not None]
        return self._ahead[:MOST_AHEAD]

    def around(self) -> list[ReadPixels]:
        """Return the neighbours of the plane that was asked for last, on every axis it named."""
        if not self._recent:
            return []
        here = self._recent[-1]
        neighbours = [_moved(here, axis, step) for axis in sorted(here.index) for step in (1, -1)]
        return [one for one in neighbours if one is not None]

    def _step_to(self, request: ReadPixels) -> tuple[str, int] | None:
        """Return axis and direction of the step that led here; None after a jump."""
        for earlier in reversed(self._recent):
            moved = _difference(earlier, request)
            moved.pop(_CHANNEL, None)
            if moved:  # the place before this one
                axis, step = next(iter(moved.items()))
                return (axis, step) if len(moved) == 1 and abs(step) == 1 else None
        return None


def _difference(earlier: ReadPixels, request: ReadPixels) -> dict[str, int]:
    """Return the axes on which two planes differ, and by how much; of another scene: all."""
    axes = earlier.index.keys() | request.index.keys()
    if (earlier.path, earlier.scene, earlier.area) != (request.path, request.scene, request.area):
        return dict.fromkeys([*axes, "file", "scene"], 0)
    steps = {axis: request.index.get(axis, 0) - earlier.index.get(axis, 0) for axis in axes}
    return {axis: step for axis, step in steps.items() if step}


def _moved(request: ReadPixels, axis: str, step: int) -> ReadPixels | None:
    place = request.index.get(axis, 0) + step
    if place < 0:
        return None
    return msgspec.structs.replace(
        request, index={**request.index, axis: place}, priority="prefetch", wait=False
    )

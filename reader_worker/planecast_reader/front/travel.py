"""Which planes somebody who steps through a stack will want next."""

import msgspec

from planecast_protocol.reader_messages import PlaneArea, ReadPixels

AHEAD = 3


class Travel:
    """Watches one client's requests. Belongs to the front's thread."""

    def __init__(self) -> None:
        self._last: ReadPixels | None = None

    def next(self, request: ReadPixels) -> list[ReadPixels]:
        """Return the next planes in the direction of travel; none without a direction.

        A step is a request that differs from the one before on one axis, by one.
        """
        last, self._last = self._last, request
        if (
            last is None
            or (last.path, last.scene, last.area) != (request.path, request.scene, request.area)
            or not isinstance(request.area, PlaneArea)
        ):
            return []
        axes = last.index.keys() | request.index.keys()
        steps = {a: request.index.get(a, 0) - last.index.get(a, 0) for a in axes}
        moved = [axis for axis, step in steps.items() if step]
        if len(moved) != 1 or abs(steps[moved[0]]) != 1:
            return []
        axis, step = moved[0], steps[moved[0]]
        here = request.index.get(axis, 0)
        places = (here + n * step for n in range(1, AHEAD + 1))
        return [
            msgspec.structs.replace(
                request, index={**request.index, axis: place}, priority="prefetch", wait=False
            )
            for place in places
            if place >= 0
        ]

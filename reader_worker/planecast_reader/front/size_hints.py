"""How large the next plane will be, by the last one like it: saves a message a plane."""

from collections import OrderedDict
from collections.abc import Hashable

from planecast_protocol.reader_messages import ReadPixels

_REMEMBERED = 1024


class SizeHints:
    """A wrong hint costs that message, and nothing else. Belongs to the front's thread."""

    def __init__(self) -> None:
        self._sizes: OrderedDict[Hashable, int] = OrderedDict()

    def learn(self, request: ReadPixels, nbytes: int) -> None:
        """Remember how large the answer to a request was."""
        for key in _keys(request):
            self._sizes[key] = nbytes
            self._sizes.move_to_end(key)
        while len(self._sizes) > _REMEMBERED:
            self._sizes.popitem(last=False)

    def guess(self, request: ReadPixels) -> int:
        """Return the bytes that a request's pixels probably take; 0: no idea."""
        return next((self._sizes[key] for key in _keys(request) if key in self._sizes), 0)


def _keys(request: ReadPixels) -> tuple[Hashable, Hashable]:
    """Return the plane's own kind, and that of its neighbours where each plane is a file."""
    folder, _, name = request.path.rpartition("/")
    suffix = name.rpartition(".")[2]
    kind = (request.scene, request.index.get("C", 0), request.area)
    return (request.path, *kind), (folder, suffix, request.area)

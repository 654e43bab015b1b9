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
        for key in (_own_kind(request), _kind_of_folder(request)):
            self._sizes[key] = nbytes
            self._sizes.move_to_end(key)
        while len(self._sizes) > _REMEMBERED:
            self._sizes.popitem(last=False)

    def guess(self, request: ReadPixels) -> int:
        """Return the bytes that a request's pixels probably take; 0: no idea."""
        known = self._sizes.get(_own_kind(request))
        return self._sizes.get(_kind_of_folder(request), 0) if known is None else known


def _own_kind(request: ReadPixels) -> Hashable:
    return request.path, request.scene, request.index.get("C", 0), request.area


def _kind_of_folder(request: ReadPixels) -> Hashable:
    """Return what a plane has in common with its neighbours where each is a file."""
    folder, _, name = request.path.rpartition("/")
    return folder, name.rpartition(".")[2], request.area

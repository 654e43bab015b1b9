"""The thumbnails that were made lately, and how they look."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from PySide6.QtGui import QColor, QImage

from planecast_viewer.planes import PlaneKey
from planecast_viewer.thumbnail import Limits, Thumbnail, compose

MAX_BYTES = 24 << 20
WIDEN = 1.1
"""Limits grow beyond what is needed, so that they change seldom: all pictures change with them."""


class ThumbnailStore:
    """Pixels of a bounded number of planes, with limits that all fovs of a channel share.

    So a dim well is dim beside a bright one.
    """

    def __init__(self) -> None:
        self._thumbnails: OrderedDict[PlaneKey, Thumbnail] = OrderedDict()
        self._n_bytes = 0
        self._limits: dict[int, Limits] = {}
        self._pictures: dict[tuple[PlaneKey, ...], tuple[object, QImage]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._thumbnails.clear()
        self._limits.clear()
        self._pictures.clear()
        self._n_bytes = 0

    def add(self, key: PlaneKey, thumbnail: Thumbnail) -> None:
        """Keep a thumbnail; those not looked at for longest make room for it."""
        old = self._thumbnails.pop(key, None)
        self._n_bytes += thumbnail.n_bytes - (0 if old is None else old.n_bytes)
        self._thumbnails[key] = thumbnail
        channel = key.index.channel
        low, high = self._limits.get(channel, (thumbnail.low, thumbnail.high))
        if thumbnail.low < low or thumbnail.high > high:
            low = min(low, thumbnail.low)
            high = high if thumbnail.high <= high else low + (thumbnail.high - low) * WIDEN
        self._limits[channel] = (low, high)
        while self._n_bytes > MAX_BYTES:
            _key, dropped = self._thumbnails.popitem(last=False)
            self._n_bytes -= dropped.n_bytes

    def has(self, key: PlaneKey) -> bool:
        """Tell whether a thumbnail is there."""
        return key in self._thumbnails

    @property
    def n_bytes(self) -> int:
        """Return the memory of all pixels."""
        return self._n_bytes

    def picture(self, keys: Sequence[PlaneKey], colors: Mapping[int, str]) -> QImage | None:
        """Return what there is of these channels in one picture; `None`: nothing.

        `colors` are `#rrggbb` by channel.
        """
        here = tuple(key for key in keys if key in self._thumbnails)
        if not here:
            return None
        for key in here:
            self._thumbnails.move_to_end(key)
        look = tuple((self._limits[k.index.channel], colors[k.index.channel]) for k in here)
        kept = self._pictures.get(here)
        if kept is None or kept[0] != look:
            if len(self._pictures) > len(self._thumbnails):
                self._pictures.clear()
            parts = [
                (self._thumbnails[k], one[0], _rgb(one[1]))
                for k, one in zip(here, look, strict=True)
            ]
            pixels = compose(parts)
            height, width = pixels.shape[:2]
            image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
            kept = (look, image.copy())  # the copy owns its pixels
            self._pictures[here] = kept
        return kept[1]


def _rgb(name: str) -> tuple[int, int, int]:
    color = QColor(name)
    return color.red(), color.green(), color.blue()

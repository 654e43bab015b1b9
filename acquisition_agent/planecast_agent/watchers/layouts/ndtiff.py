"""NDTiff folders, as Micro-Manager and pycro-manager write them: an index that grows.

length of the axes 4 | JSON such as {"time": 0, "channel": "DAPI"}
length of the file name 4 | file name | 8 numbers of 4: offset, width, height, pixel type …
"""

import json
import struct
from pathlib import Path

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import NOTHING, FoundPlane, Look
from planecast_agent.watchers.layouts.layout import Layout
from planecast_protocol.errors import CorruptFileError

INDEX = "NDTiff.index"
FULL_RESOLUTION, LOWER_RESOLUTION = "Full resolution", "Downsampled_"
MAX_INDEX_BYTES = 1 << 30
_LENGTH = struct.Struct("<I")
_ENTRY = struct.Struct("<8I")
_MAX_TEXT_BYTES = 1 << 16
_BYTES_OF = {0: 1, 1: 2, 2: 3, 3: 2, 4: 2, 5: 2, 6: 2}
_DTYPES = {0: "uint8", 1: "uint16", 2: "uint8", 3: "uint16", 4: "uint16", 5: "uint16", 6: "uint16"}

AxisValue = int | str
Axes = dict[str, AxisValue]


class NdTiff(Layout):
    """One folder with an index. Planes are named by their values on the axes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._at = 0
        self._places: dict[str, dict[AxisValue, int]] = {}
        """Axis to value to place on it: numbers in order, then names as they came."""
        self._entries: list[Axes] = []
        self._inode = 0
        self._shape = Description()

    def claims(self, relative: str) -> bool:
        """See `Layout`. Indices of lower resolutions are claimed, and not looked at."""
        folder, _, name = relative.rpartition("/")
        is_ours = folder in ("", FULL_RESOLUTION) or folder.startswith(LOWER_RESOLUTION)
        return is_ours and name == INDEX

    def look(self, path: Path, now: float) -> Look:  # noqa: ARG002 - of the contract
        """See `Layout`."""
        relative = self.relative(path)
        if not self.claims(relative) or relative.startswith(LOWER_RESOLUTION):
            return NOTHING
        stat = path.stat()
        if stat.st_size > MAX_INDEX_BYTES:
            raise CorruptFileError.of(path, f"has {stat.st_size} bytes, too many for an index")
        if stat.st_ino != self._inode or stat.st_size < self._at:
            self.forget()
            self._inode = stat.st_ino
        with path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        news, used, is_whole = self._parse(path, data)
        self._at += used
        # An entry may name a value that stands before known ones, which then move.
        moved = sum(self._learn(axes) for axes in news) > 0
        self._entries += news
        chosen = self._entries if moved else news
        return Look(tuple(map(self._plane, chosen)), again=not is_whole)

    def description(self) -> Description:
        """See `Layout`."""
        return self._shape

    def forget(self) -> None:
        """See `Layout`."""
        self._at = 0
        self._places.clear()
        self._entries.clear()

    def _parse(self, path: Path, data: bytes) -> tuple[list[Axes], int, bool]:
        """Return the whole entries, the bytes they take, and whether that is all."""
        entries: list[Axes] = []
        at = 0
        while at < len(data):
            if not any(data[at : at + 4]):
                return entries, at, True  # space for entries to come
            try:
                axes_text, place = _text(data, at)
                name, place = _text(data, place)
                offset, width, height, kind, *_ = _ENTRY.unpack_from(data, place)
                axes = json.loads(axes_text)
            except (struct.error, ValueError):
                return entries, at, False
            if not isinstance(axes, dict):
                raise CorruptFileError.of(path, "has an entry without axes")
            end = offset + width * height * _BYTES_OF.get(kind, 1)
            if not self._is_written(path.parent / name, end):
                return entries, at, False
            self._shape = Description(height=height, width=width, dtype=_DTYPES.get(kind))
            at = place + _ENTRY.size
            entries.append({str(k): v if isinstance(v, int) else str(v) for k, v in axes.items()})
        return entries, at, True

    @staticmethod
    def _is_written(path: Path, end: int) -> bool:
        try:
            return path.stat().st_size >= end
        except OSError:
            return False

    def _learn(self, axes: Axes) -> bool:
        """Note the values; tell whether one of them came between known ones."""
        moved = False
        for axis, value in axes.items():
            places = self._places.setdefault(axis, {})
            if value in places:
                continue
            last = next(reversed(places), None)
            places[value] = len(places)
            if last is None or isinstance(value, str) or (isinstance(last, int) and last < value):
                continue
            numbers = sorted(one for one in places if isinstance(one, int))
            names = [one for one in places if isinstance(one, str)]
            ordered: list[AxisValue] = [*numbers, *names]
            self._places[axis] = {one: place for place, one in enumerate(ordered)}
            moved = True
        return moved

    def _plane(self, axes: Axes) -> FoundPlane:
        places = {axis: known[axes[axis]] for axis, known in self._places.items() if axis in axes}
        others = {
            axis: place
            for axis, place in places.items()
            if axis not in {"time", "channel", "z", "position"}
        }
        channel = axes.get("channel", "Channel 0")
        return FoundPlane(
            t=places.get("time", 0),
            fov=self._fov(axes, others),
            z=places.get("z", 0),
            channel=channel if isinstance(channel, str) else f"Channel {channel}",
            path=self.folder,
            scene=places.get("position", 0),
            index={axis: place for axis, place in places.items() if axis != "position"},
        )

    @staticmethod
    def _fov(axes: Axes, others: dict[str, int]) -> str:
        """Return a label: the position, and the place on axes that we have no word for."""
        position = axes.get("position", 0)
        name = position if isinstance(position, str) else f"position {position}"
        rest = "".join(f" {axis}={axes[axis]}" for axis in sorted(others))
        return f"{name}{rest}:0"


def _text(data: bytes, at: int) -> tuple[str, int]:
    n_bytes = _LENGTH.unpack_from(data, at)[0]
    start = at + _LENGTH.size
    if n_bytes > _MAX_TEXT_BYTES or start + n_bytes > len(data):
        raise ValueError("longer than the index")
    return data[start : start + n_bytes].decode(), start + n_bytes

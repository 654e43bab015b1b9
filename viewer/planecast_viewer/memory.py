"""What the viewer remembers from one run to the next, in a file of settings."""

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from PySide6.QtCore import QByteArray, QSettings

from planecast_agent.subscriber.known_planes import Position

T = TypeVar("T")

MAX_RECENT = 15
MAX_PLACES = 100

Paths = Annotated[list[str], msgspec.Meta(max_length=MAX_RECENT)]


class Place(msgspec.Struct, frozen=True):
    """Where somebody was in an acquisition or file."""

    position: Position
    channel_visible: tuple[bool, ...]


Places = Annotated[dict[str, Place], msgspec.Meta(max_length=MAX_PLACES)]
"""By the identity of the acquisition or file, the newest last."""


class Memory:
    """Typed access to the settings. GUI thread only; written when the event loop has time.

    What cannot be understood, as from another version, counts as not there.
    """

    def __init__(self, path: Path | None) -> None:
        """`None`: what is remembered ends with the process."""
        self.path = path
        self._settings = None if path is None else QSettings(str(path), QSettings.Format.IniFormat)
        self._recent = self._read("files/recent", Paths, [])
        self._places = self._read("places", Places, {})
        self._last_file = self._read("files/last", str, "")
        self._folder = self._read("files/folder", str, "")
        self._theme = self._read("window/theme", str, "")

    # ------------------------------------------------------------ the window

    @property
    def geometry(self) -> QByteArray:
        """Return the window's size and place; empty: not known."""
        return self._bytes("window/geometry")

    @property
    def docks(self) -> QByteArray:
        """Return which panels are open, and where; empty: not known."""
        return self._bytes("window/docks")

    def keep_window(self, geometry: QByteArray, docks: QByteArray | None) -> None:
        """Remember how the window is; `None`: its panels are as they were."""
        if self._settings is not None:
            self._settings.setValue("window/geometry", geometry)
            if docks is not None:
                self._settings.setValue("window/docks", docks)

    @property
    def theme(self) -> str:
        """Return the colours that somebody has chosen; empty: nobody has."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        self._write("window/theme", theme)

    # ------------------------------------------------------------ what was shown

    @property
    def recent_files(self) -> list[str]:
        """Return the files and folders that were shown last, the newest first."""
        return list(self._recent)

    def add_recent_file(self, path: str) -> None:
        """Put a file first."""
        others = [one for one in self._recent if one != path]
        self._recent = [path, *others][:MAX_RECENT]
        self._write("files/recent", self._recent)

    def forget_recent_files(self) -> None:
        """Empty the list."""
        self._recent = []
        self._write("files/recent", self._recent)

    @property
    def last_file(self) -> str:
        """Return the file that was shown when the viewer ended; empty: none was."""
        return self._last_file

    @last_file.setter
    def last_file(self, path: str) -> None:
        self._last_file = path
        self._write("files/last", path)

    @property
    def folder(self) -> str:
        """Return the folder that a file was chosen from last."""
        return self._folder

    @folder.setter
    def folder(self, folder: str) -> None:
        self._folder = folder
        self._write("files/folder", folder)

    # ------------------------------------------------------------ places

    def place(self, identity: str) -> Place | None:
        """Return where somebody was in an acquisition or file last."""
        return self._places.get(identity)

    def set_place(self, identity: str, place: Place) -> None:
        """Remember where somebody was; the oldest places are forgotten."""
        self._places.pop(identity, None)
        self._places[identity] = place
        while len(self._places) > MAX_PLACES:
            del self._places[next(iter(self._places))]
        self._write("places", self._places)

    def save(self) -> None:
        """Write now."""
        if self._settings is not None:
            self._settings.sync()

    # ------------------------------------------------------------ inside

    def _read(self, key: str, kind: type[T], default: T) -> T:
        text = None if self._settings is None else self._settings.value(key)
        try:
            return msgspec.json.decode(text, type=kind) if isinstance(text, str) else default
        except (msgspec.DecodeError, msgspec.ValidationError):
            return default

    def _write(self, key: str, value: object) -> None:
        if self._settings is not None:
            self._settings.setValue(key, msgspec.json.encode(value).decode())

    def _bytes(self, key: str) -> QByteArray:
        value = None if self._settings is None else self._settings.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

"""How each channel is to look, as people chose it; remembered by the channel's name."""

import logging
import threading
from pathlib import Path
from typing import Annotated

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

logger = logging.getLogger(__name__)

FILE_NAME = "looks.json"
MAX_REMEMBERED = 500
"""Names of channels; the ones that were changed longest ago are forgotten."""
MAX_NAME_CHARS = 200
MAX_FILE_BYTES = 1 << 20
SAVE_AFTER_MS = 1000
MIN_GAMMA, MAX_GAMMA = 0.05, 5.0

Exclude = Annotated[float, msgspec.Meta(ge=0, le=40)]


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person chose for a channel."""

    colormap: str | None = None
    """Name in cmap's catalogue, or `#rrggbb` for black to that colour; `None`: the channel's."""
    gamma: Annotated[float, msgspec.Meta(ge=MIN_GAMMA, le=MAX_GAMMA)] = 1.0
    limits: tuple[float, float] | None = None
    """Black and white, set by hand or once; `None`: they follow the planes."""
    exclude: Exclude = 0.1
    """Automatic limits leave out so many percent of the pixels at each end."""

    @property
    def automatic(self) -> bool:
        """Tell whether the limits follow the planes."""
        return self.limits is None


class Looks(QObject):
    """The looks of all channels that somebody has changed. GUI thread only.

    With a file they outlive the process; it is written by a thread, and shared by viewers: each
    writes only the names that were changed in it.
    """

    changed = Signal(str)
    """The look of a channel of this name is another one."""
    fix_wanted = Signal(str)
    """The limits of this channel are to stay as the picture has them now."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._looks = {} if path is None else load(path)
        self._unsaved: set[str] = set()
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._timer.timeout.connect(self._save)

    def look(self, name: str) -> Look:
        """Return how a channel of this name is to look."""
        return self._looks.get(name, Look())

    def set(self, name: str, look: Look) -> None:
        """Take another look; told by `changed`."""
        if look == self.look(name) or len(name) > MAX_NAME_CHARS:
            return
        self._looks.pop(name, None)
        self._looks[name] = look
        self._looks = newest(self._looks)
        self._unsaved.add(name)
        if self._path is not None:
            self._timer.start()
        self.changed.emit(name)

    def forget(self) -> None:
        """Let every channel look as it would by itself."""
        for name in list(self._looks):
            self.set(name, Look())

    def close(self) -> None:
        """Write what is not written yet. May be called twice."""
        self._wait()
        self._save()
        self._wait()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _save(self) -> None:
        self._timer.stop()
        if self._path is None or not self._unsaved:
            return
        if self._thread is not None and self._thread.is_alive():
            self._timer.start()
            return
        fresh = {name: self._looks[name] for name in self._unsaved if name in self._looks}
        self._unsaved.clear()
        self._thread = threading.Thread(target=save, args=(self._path, fresh), name="looks")
        self._thread.start()


def load(path: Path) -> dict[str, Look]:
    """Return the looks in a file; none if it can't be read, which is logged."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            logger.warning("%s: too large, looks of channels are not taken from it", path)
            return {}
        return newest(msgspec.json.decode(path.read_bytes(), type=dict[str, Look]))
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        logger.warning("%s: looks of channels are not remembered: %s", path, error)
        return {}


def save(path: Path, fresh: dict[str, Look]) -> None:
    """Add looks to those in the file. Any thread; failing is logged, as nothing depends on it."""
    known = load(path)
    for name, look in fresh.items():
        known.pop(name, None)
        known[name] = look
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(newest(known)), indent=1))
        temporary.replace(path)
    except OSError as error:
        logger.warning("%s: looks of channels can't be saved: %s", path, error)


def newest(looks: dict[str, Look]) -> dict[str, Look]:
    """Return the looks that were changed last; a dict keeps its order."""
    return dict(list(looks.items())[-MAX_REMEMBERED:])


def with_gamma(look: Look, gamma: float) -> Look:
    """Return the look with another gamma, held to what is of use."""
    return msgspec.structs.replace(look, gamma=min(max(gamma, MIN_GAMMA), MAX_GAMMA))

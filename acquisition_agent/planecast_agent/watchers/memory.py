"""Remembers which folder is which acquisition, for a watcher that was killed and starts again."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planecast_agent.file_lock import LockFile
from planecast_agent.watchers.description import Description

FOLDER = "watched"


@dataclass(frozen=True, slots=True)
class Remembered:
    """One folder, as it was last."""

    acquisition: str
    description: Description
    preset: str
    ended: bool


class Memory:
    """A small file for each folder of an acquisition, beside the spools."""

    def __init__(self, spool_dir: Path) -> None:
        self._folder = spool_dir / FOLDER
        self._locks: list[LockFile] = []

    def claim(self, folder: Path) -> None:
        """Raise `PlanecastError` if another process watches the folder."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = LockFile(
            self._file(folder).with_suffix(".lock"),
            f"{folder} is being watched by another process: stop that one first",
        )
        self._locks.append(lock)

    def close(self) -> None:
        """Give the claims back. May be called twice."""
        while self._locks:
            self._locks.pop().close()

    def load(self, folder: Path) -> Remembered | None:
        """Return what is remembered; `None` for an unknown folder, or a damaged file."""
        try:
            found = json.loads(self._file(folder).read_text(encoding="utf-8"))
            known = found["description"]
            return Remembered(
                acquisition=str(found["acquisition"]),
                description=Description(**(known | _tuples(known))),
                preset=str(found["preset"]),
                ended=bool(found["ended"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(
        self,
        folder: Path,
        acquisition: str,
        description: Description,
        preset: str,
        *,
        ended: bool = False,
    ) -> None:
        """Remember a folder. A disk that is full makes a restart register planes again."""
        path = self._file(folder)
        hidden = path.with_suffix(f".{os.getpid()}")
        text = json.dumps(
            {
                "folder": str(folder),
                "acquisition": acquisition,
                "preset": preset,
                "ended": ended,
                "description": asdict(description),
            }
        )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            hidden.write_text(text, encoding="utf-8")
            hidden.replace(path)
        except OSError:
            hidden.unlink(missing_ok=True)

    def _file(self, folder: Path) -> Path:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:24]
        return self._folder / f"{digest}.json"


def _tuples(known: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(map(str, known[name])) for name in ("channels", "fovs")}

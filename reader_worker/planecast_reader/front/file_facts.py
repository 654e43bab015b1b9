"""What the file system says of a path, asked in threads so that a dead mount stops nobody."""

import errno
import os
import queue
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from planecast_protocol.beneath import check_hard_link, open_beneath
from planecast_protocol.errors import FileMissingError, NotAllowedError, PlanecastError, ReadError
from planecast_protocol.paths import Roots, resolve_wire_path
from planecast_reader.signature import Signature

_THREADS = 4


class FileFacts(NamedTuple):
    """A path that may be opened."""

    path: Path
    signature: Signature
    is_folder: bool
    encoded_path: bytes
    """As a task has it: made here, as it takes longer than to look for a plane."""


def inspect(wire_path: str, roots: Roots) -> FileFacts:
    """Resolve and check a path before any library sees it.

    Raises `FileMissingError`, or `NotAllowedError` for a path outside the roots, one that may not
    be read, and anything that is neither a regular file nor a folder: opening a FIFO freezes
    some libraries for ever.
    """
    try:
        path, found = _look(wire_path, roots)
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissingError.of(wire_path, "there is no such file") from None
    except PermissionError:
        raise NotAllowedError.of(wire_path, "its folder may not be entered") from None
    except OSError as trouble:
        raise ReadError.of(wire_path, os.strerror(trouble.errno or errno.EIO)) from None
    folder = stat.S_ISDIR(found.st_mode)
    if not folder and not stat.S_ISREG(found.st_mode):
        raise NotAllowedError.of(wire_path, "neither a regular file nor a folder")
    if not os.access(path, os.R_OK | (os.X_OK if folder else 0)):
        raise NotAllowedError.of(wire_path, "this worker's user may not read it")
    signature = (found.st_size, found.st_mtime_ns, found.st_ino)
    return FileFacts(path, signature, folder, os.fsencode(path))


def enclosing_roots(roots: Roots) -> list[Path]:
    """Return the folders that readers are shut into; none where all files are served."""
    folders = [Path(folder).resolve() for folder in roots.values()]
    return [] if any(folder == Path(folder.anchor) for folder in folders) else folders


def _look(wire_path: str, roots: Roots) -> tuple[Path, os.stat_result]:
    """Return the path, and what lies there beneath its root. Raises `OSError`, and as `inspect`."""
    path = resolve_wire_path(wire_path, roots)
    root = roots[wire_path.partition(":")[0]]
    if root == Path(root.anchor):
        return path, path.stat()
    descriptor = open_beneath(root, str(path.relative_to(root)), wire_path)
    try:
        check_hard_link(descriptor, path, wire_path)
        return path, os.fstat(descriptor)
    finally:
        os.close(descriptor)


OnFacts = Callable[[FileFacts | PlanecastError], None]


class FileInspector:
    """Runs `inspect` in a few threads. `ask` and `collect` belong to the front's thread."""

    def __init__(self, roots: Roots, wake: Callable[[], None]) -> None:
        self._roots = roots
        self._wake = wake
        """Called from the threads when `collect` has something to do."""
        self._asked: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, FileFacts | PlanecastError]] = (
            queue.SimpleQueue()
        )
        self._waiting: dict[str, list[OnFacts]] = {}
        for _ in range(_THREADS):
            # Daemons: one that hangs on a dead mount must not keep the process alive.
            threading.Thread(target=self._run, name="file-facts", daemon=True).start()

    def ask(self, wire_path: str, on_facts: OnFacts) -> None:
        """Have `on_facts` called from `collect`; questions about one path are asked once."""
        waiting = self._waiting.setdefault(wire_path, [])
        waiting.append(on_facts)
        if len(waiting) == 1:
            self._asked.put(wire_path)

    def collect(self) -> None:
        """Deliver the answers that have come."""
        while not self._answers.empty():
            wire_path, answer = self._answers.get()
            for on_facts in self._waiting.pop(wire_path, []):
                on_facts(answer)

    def close(self) -> None:
        """Let the threads end."""
        for _ in range(_THREADS):
            self._asked.put(None)

    def _run(self) -> None:
        while (wire_path := self._asked.get()) is not None:
            answer: FileFacts | PlanecastError
            try:
                answer = inspect(wire_path, self._roots)
            except PlanecastError as trouble:
                answer = trouble
            self._answers.put((wire_path, answer))
            self._wake()

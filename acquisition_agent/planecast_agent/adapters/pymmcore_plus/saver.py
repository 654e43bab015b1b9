"""Saves frames that nobody else saves, in a thread of its own."""

import logging
import queue
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

from planecast_agent.adapters.pymmcore_plus.tiff import write_plane

logger = logging.getLogger(__name__)

MAX_WAITING_BYTES = 1 << 30
"""Frames in memory that wait for the disk."""
_UNSAFE = re.compile(r"[^A-Za-z0-9.\-]+")


class _Waiting(NamedTuple):
    path: Path
    frame: Any


class FrameSaver:
    """Writes one TIFF a frame beneath a folder; `save` never waits for the disk.

    0/A1_0_2_DAPI.tiff    time point / region _ fov in it _ z _ channel
    """

    def __init__(self, folder: Path, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        """Start the thread. The folder is made when the first frame comes."""
        self.not_saved = 0
        """Frames that found no room in memory, or could not be written."""
        self.trouble = ""
        """What was last in the way."""
        self.folder = folder
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="planecast-saver", daemon=True)
        self._thread.start()

    def save(self, frame: Any, t: int, fov_label: str, z: int, channel: str) -> Path | None:
        """Take a frame (y, x) to be saved; return its file, `None` if there is no room for it."""
        with self._lock:
            if self._waiting_bytes + frame.nbytes > self._max_waiting_bytes:
                self._complain(
                    f"{self._waiting_bytes >> 20} MiB of frames wait for the disk: it is slower "
                    "than the camera"
                )
                return None
            self._waiting_bytes += frame.nbytes
        region, _, number = fov_label.rpartition(":")
        words = (_UNSAFE.sub("-", region or "0"), number, str(z), _UNSAFE.sub("-", channel))
        path = self.folder / str(t) / f"{'_'.join(words)}.tiff"
        self._waiting.put(_Waiting(path, frame))
        return path

    def finish(self) -> None:
        """Take no more frames. Does not wait."""
        self._waiting.put(None)

    @property
    def is_done(self) -> bool:
        """Whether all frames are on disk, after `finish`."""
        return not self._thread.is_alive()

    def wait(self, timeout_s: float) -> bool:
        """Wait, after `finish`, until all frames are on disk; `False` if they aren't."""
        self._thread.join(timeout_s)
        return self.is_done

    def _run(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            try:
                waiting.path.parent.mkdir(parents=True, exist_ok=True)
                write_plane(waiting.path, waiting.frame)
            except (OSError, ValueError) as trouble:
                with self._lock:
                    self._complain(f"{waiting.path}: {trouble}")
            with self._lock:
                self._waiting_bytes -= waiting.frame.nbytes

    def _complain(self, trouble: str) -> None:
        self.not_saved += 1
        self.trouble = trouble
        if self.not_saved == 1:
            logger.error("a frame is not saved: %s", trouble)

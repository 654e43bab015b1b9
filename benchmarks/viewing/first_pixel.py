"""Starts `planecast view` and tells, from outside, when its window is on the screen.

    python -m benchmarks.viewing.first_pixel as_is|no_network|silent_dns WORD…

The words are given to `planecast view`. The clock runs from the start of its process until the
X server has another colour where the window's middle will be. `silent_dns` takes port 53 of this
machine, which should be one of its own (`unshare --net`), and answers nothing.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from PySide6.QtCore import QRect
from PySide6.QtGui import QGuiApplication, QImage

AREA = QRect(300, 250, 48, 48)
POLL_S = 0.002
PATIENCE_S = 40.0
CHECKED_NAME = "planecast-looks-whether-anybody-answers.example"


class SilentServer:
    """A DNS server that takes every question and answers none."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        self._socket.setblocking(False)
        self._check = threading.Thread(target=self._ask, daemon=True)
        self._check.start()

    def _ask(self) -> None:
        with contextlib.suppress(OSError):
            socket.getaddrinfo(CHECKED_NAME, 80)

    def figures(self) -> dict[str, object]:
        """Tell whether this process's own question still waits, and count the others'."""
        own = CHECKED_NAME.encode().split(b".")[0]
        questions: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                questions.append(self._socket.recv(4096))
        waits = self._check.is_alive() and any(own in question for question in questions)
        asked = sum(own not in question for question in questions)
        return {"is_silent": waits, "questions": asked}


def look() -> QImage:
    """Return a part of the screen."""
    return QGuiApplication.primaryScreen().grabWindow(0, *AREA.getRect()).toImage()


def main(network: str, *words: str) -> int:
    """Print one line of JSON."""
    application = QGuiApplication(sys.argv[:1])
    server = SilentServer() if network == "silent_dns" else None
    before = look()
    program = Path(sys.executable).with_name("planecast")
    started = time.monotonic()
    viewer = subprocess.Popen(
        [str(program), "view", *words], stdout=subprocess.DEVNULL, process_group=0
    )
    took_s: float | None = None
    while viewer.poll() is None and time.monotonic() - started < PATIENCE_S:
        if look() != before:
            took_s = time.monotonic() - started
            break
        time.sleep(POLL_S)
    figures: dict[str, object] = {"s": took_s}
    if server is not None:
        figures |= server.figures()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(viewer.pid, signal.SIGTERM)
    viewer.wait()
    print(json.dumps(figures), flush=True)
    del application
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

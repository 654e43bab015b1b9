"""A virtual display, for machines that have none."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from planecast_protocol.errors import PlanecastError

SCREEN = "1600x1200x24"


@contextmanager
def virtual_display() -> Iterator[dict[str, str]]:
    """Run Xvfb; yield the environment that programs need to show windows there.

    Raises `PlanecastError` where Xvfb is not installed.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise PlanecastError(
            "this machine has no display, and Xvfb is not installed: sudo apt install xvfb"
        )
    read_fd, write_fd = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(write_fd), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=[write_fd],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_fd)
    try:
        with os.fdopen(read_fd) as numbers:
            number = numbers.readline().strip()
        if not number:
            raise PlanecastError("Xvfb did not start; try: Xvfb -displayfd 1")
        yield {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": ""}
    finally:
        server.terminate()
        server.wait()

"""Whether there is a screen. Imports no Qt, which would end the process where there is none."""

import os
import sys

from planecast_protocol.errors import PlanecastError


def has_display() -> bool:
    """Tell whether windows can be shown to a person."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def check_display() -> None:
    """Raise `PlanecastError` with the way out where Qt would end the process."""
    if not has_display() and not os.environ.get("QT_QPA_PLATFORM"):
        raise PlanecastError(
            "this machine has no display to show a window on: sit down at one, log in with "
            "ssh -X, or run the viewer elsewhere (planecast view tcp://HOST:PORT). Without a "
            "window: planecast info, planecast thumbnail"
        )

"""The way into the viewer: what must happen before its modules are loaded."""

import gc
import os
from collections.abc import Callable, Sequence

from planecast_viewer.lean_qtpy import install_lean_qtpy
from planecast_viewer.unread_sources import leave_sources_unread

Start = Callable[[Sequence[str] | None], int]


def load() -> Start:
    """Load the viewer; return what runs it with a command line and returns the exit code.

    That raises `PlanecastError` where there is no display; this, `ModuleNotFoundError`.
    """
    # Loading makes a hundred thousand objects that stay, and would walk over them 30 times.
    gc.disable()
    os.environ["QT_API"] = "pyside6"  # read by qtpy at its import
    leave_sources_unread()
    install_lean_qtpy()
    from planecast_viewer.app import run
    from planecast_viewer.settings import parse

    return lambda arguments: run(parse(arguments))

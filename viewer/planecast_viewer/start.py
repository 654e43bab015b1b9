"""The way into the viewer: what must happen before its modules are loaded."""

import gc
from collections.abc import Callable, Sequence

Start = Callable[[Sequence[str] | None], int]


def load() -> Start:
    """Load the viewer; return what runs it with a command line and returns the exit code.

    That raises `PlanecastError` where there is no display; this, `ModuleNotFoundError`.
    """
    # Loading makes a hundred thousand objects that stay, and would walk over them 30 times.
    gc.disable()
    from planecast_viewer.app import run
    from planecast_viewer.settings import parse

    return lambda arguments: run(parse(arguments))

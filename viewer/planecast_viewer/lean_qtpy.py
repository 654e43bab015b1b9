"""qtpy's modules without the classes that nobody asks for, which take a quarter of a second.

ndv and superqt name Qt's classes through qtpy, and that copies all 700 of PySide6 into modules of
its own, each made the moment it is copied. Here a name is looked up when it is asked for.

Of what qtpy changes in the classes themselves only the places of events are changed here: ndv,
superqt and vispy use nothing else of it (`tests/viewer/test_lean_qtpy.py` looks).
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

SOURCES = {
    "QtCore": ("QtCore",),
    "QtGui": ("QtGui", "QtOpenGL"),
    "QtWidgets": ("QtWidgets", "QtGui", "QtOpenGLWidgets"),
}
"""Module of qtpy to those of PySide6 where its names are."""
EVENTS = ("QNativeGestureEvent", "QEnterEvent", "QTabletEvent", "QHoverEvent", "QMouseEvent")
PLACES = ("pos", "x", "y", "globalPos", "globalX", "globalY")


class LeanModule(ModuleType):
    """A module whose names are found in others, the first time that each is asked for."""

    def __init__(self, name: str, sources: tuple[str, ...]) -> None:
        super().__init__(name, f"{name}, without what nobody asks for.")
        self._sources = sources

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for source in self._sources:
            module = importlib.import_module(f"PySide6.{source}")
            if hasattr(module, name):
                found = getattr(module, name)
                setattr(self, name, found)
                return found
        raise AttributeError(f"PySide6 has no {name} where qtpy looks for it: {self._sources}")


def install_lean_qtpy() -> None:
    """Put them in the place of qtpy's own, unless those are loaded already."""
    import qtpy

    for name, sources in SOURCES.items():
        full = f"qtpy.{name}"
        if full not in sys.modules:
            sys.modules[full] = module = LeanModule(full, sources)
            setattr(qtpy, name, module)
            if name == "QtGui":
                _give_events_their_places()


def _give_events_their_places() -> None:
    """Give events the names of Qt 5 for where they are, as qtpy does: PySide6 warns of its own."""
    from PySide6 import QtGui

    for kind in (getattr(QtGui, name) for name in EVENTS):
        for place in PLACES:
            if hasattr(kind, place):
                delattr(kind, place)
    event: Any = QtGui.QSinglePointEvent
    event.pos = lambda self: self.position().toPoint()
    event.x = lambda self: self.position().toPoint().x()
    event.y = lambda self: self.position().toPoint().y()
    event.globalPos = lambda self: self.globalPosition().toPoint()
    event.globalX = lambda self: self.globalPosition().toPoint().x()
    event.globalY = lambda self: self.globalPosition().toPoint().y()

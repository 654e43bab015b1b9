"""Sees which functions of the viewer run outside of the GUI thread: slots must not.

A slot is whatever the sources connect to a signal, and each handler of Qt's events.
"""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import planecast_viewer

SOURCES = Path(planecast_viewer.__file__).parent
ANY_FILE = ""


class Slot(NamedTuple):
    """A function that is connected to a signal."""

    file: str
    """Where it is defined, below the package; `ANY_FILE`: it is another object's."""
    name: str
    line: int = 0
    """Of a lambda."""


class ThreadWatch:
    """Looks at all threads that are started between `begin` and `end`; those of Python only."""

    def __init__(self) -> None:
        self.slots = frozenset(find_slots())
        self._is_slot: dict[CodeType, bool] = {}
        self._wrong: list[str] = []

    def begin(self) -> None:
        """Look at every thread that is started from now on, until `end`."""
        self._wrong = []
        threading.setprofile(self._look)

    def end(self) -> list[str]:
        """Return what ran in a wrong thread; leave alone the threads of others' tests."""
        threading.setprofile(None)  # type: ignore[arg-type]  # typeshed forbids what ends it
        return self._wrong

    def _look(self, frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        found = self._is_slot.get(code)
        if found is None:
            found = self._is_slot[code] = self._looked_up(code)
        if found and event == "call":
            thread = threading.current_thread().name
            self._wrong.append(f"{code.co_qualname} is a slot and ran in the thread {thread}")

    def _looked_up(self, code: CodeType) -> bool:
        path = Path(code.co_filename)
        if not path.is_relative_to(SOURCES):
            return False
        file = path.relative_to(SOURCES).as_posix()
        return is_slot(self.slots, file, code.co_name, code.co_qualname, code.co_firstlineno)


def is_slot(slots: frozenset[Slot], file: str, name: str, qualname: str, line: int) -> bool:
    """Tell whether a function is connected to a signal, or called by Qt for an event."""
    if name == "<lambda>":
        return Slot(file, name, line) in slots
    is_method = "." in qualname
    if is_method and (name.endswith("Event") or name == "eventFilter"):
        return True
    return Slot(file, name) in slots or (is_method and Slot(ANY_FILE, name) in slots)


def find_slots() -> Iterator[Slot]:
    """Yield what the sources of the viewer connect to signals."""
    for path in SOURCES.rglob("*.py"):
        file = path.relative_to(SOURCES).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name, given = node.func.attr, [*node.args]
                if name == "connect" and given:
                    yield from _slots_in(given[0], file)
                elif name == "singleShot" and given:
                    yield from _slots_in(given[-1], file)


def _slots_in(target: ast.expr, file: str) -> Iterator[Slot]:
    match target:
        case ast.Lambda():
            yield Slot(file, "<lambda>", target.lineno)
        case ast.Name():
            yield Slot(file, target.id)
        case ast.Attribute(value=ast.Name(id="self")):
            yield Slot(file, target.attr)
        case ast.Attribute():
            yield Slot(ANY_FILE, target.attr)
        case ast.Call():
            for argument in [target.func, *target.args]:
                yield from _slots_in(argument, file)

"""Shows the position that a controller points to, as when a person double-clicks its plate."""

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.navigation import NAVIGATE, Move
from planecast_viewer.facts import Facts
from planecast_viewer.session import Session


class Steering(QObject):
    """Moves the session when a controller says so, once for each of its moves. GUI thread.

    What was said before this viewer came is of the past: it follows the newest, as ever. A
    viewer that holds because a controller said so goes on to the next acquisition; one that a
    person holds stays.
    """

    def __init__(self, session: Session, choose: Callable[[str], object]) -> None:
        """`choose` shows another acquisition."""
        super().__init__(session)
        self._session = session
        self._choose = choose
        self._is_moving = False
        self._is_held = False
        """By us, and nobody has moved since."""
        self._heard: dict[str, object] | None = None
        """Controller to what it said last; `None`: no controller was listened to yet."""
        self._waiting: Move | None = None
        """A move in an acquisition that this viewer does not show, or not yet."""
        session.control_changed.connect(self._on_control_changed)
        session.acquisition_changed.connect(self._obey)
        session.shown_changed.connect(self._on_moved)
        session.follow_changed.connect(self._on_moved)
        session.newer_available.connect(self._on_newer_available)

    def _on_control_changed(self) -> None:
        picture = self._session.control
        if picture.agent != "live":
            return
        said: dict[str, object] = {
            one.controller: entry.value
            for one in picture.controllers
            for entry in one.values
            if entry.name == NAVIGATE
        }
        before, self._heard = self._heard, {**(self._heard or {}), **said}
        if before is None:
            return
        for controller, value in said.items():
            if controller not in before or before[controller] != value:
                self._waiting = _move_of(value) or self._waiting
        self._obey()

    def _obey(self) -> None:
        move, facts = self._waiting, self._session.facts
        if move is None or facts is None or move.acquisition not in (None, facts.identity):
            return
        if facts.kind == "image":
            # A controller knows nothing of the file that somebody looks at meanwhile.
            self._waiting = None
            return
        self._waiting = None
        shown = self._session.shown
        fov = _fov_of(move, facts)
        position = Position(
            shown.t if move.t is None else move.t,
            shown.fov if fov is None else fov,
            shown.z if move.z is None else move.z,
        )
        is_held = self._session.following or self._is_held
        self._is_moving = True
        self._session.show(position)
        self._is_moving, self._is_held = False, is_held

    def _on_moved(self) -> None:
        if not self._is_moving:
            self._is_held = False

    def _on_newer_available(self, newer: AcquisitionSummary) -> None:
        if self._is_held:
            self._choose(newer.acquisition)


def _move_of(value: object) -> Move | None:
    """Return what a controller said, if it can be understood."""
    try:
        return msgspec.convert(value, Move)
    except msgspec.ValidationError:
        return None


def _fov_of(move: Move, facts: Facts) -> int | None:
    if move.label is not None and move.label in facts.fov_labels:
        return facts.fov_labels.index(move.label)
    return move.fov

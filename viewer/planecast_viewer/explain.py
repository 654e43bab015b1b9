"""Says in words what is missing of a picture, and why."""

import time
from collections.abc import Mapping

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.planes import PlaneState
from planecast_viewer.session import AXES, Session

TELL_WHY_S = 2
"""A file that is late for so long is worth more words."""

States = Mapping[int, PlaneState | None]
"""Registered, visible channel to how it stands with its plane; `None`: not asked for yet."""


def explain(session: Session, position: Position, states: States) -> str:
    """Return one line a channel that is missing; one for all if they have the same reason.

    Nothing is missing: nothing is said.
    """
    assert session.facts is not None
    visible = session.visible_channels()
    if not visible:
        return "all channels are hidden"
    if not states:
        return _unregistered(session, position)
    reasons = {channel: _reason(session, channel, states) for channel in visible}
    if len(set(reasons.values())) == 1:
        return reasons[visible[0]]
    names = session.facts.channels
    return "\n".join(f"{names[channel].name}: {why}" for channel, why in reasons.items() if why)


def explain_nothing_to_follow(session: Session) -> str:
    """Return why there is no newest plane yet: none at all, or none where an axis is held."""
    assert session.planes is not None
    if session.planes.n_planes and session.locks:
        held = " ".join(_value(session, axis) for axis in AXES if axis in session.locks)
        return f"{held} is held: nothing was acquired there lately"
    return "waiting for the first plane" if session.running else "no plane was acquired"


def _value(session: Session, axis: str) -> str:
    value = getattr(session.shown, axis)
    return session.fov_label(value) if axis == "fov" else f"{axis} {value}"


def _unregistered(session: Session, position: Position) -> str:
    where = session.describe(position)
    if session.state == "file":
        return f"{where}: the file has no such plane"
    if session.running:
        return f"{where}: not acquired yet"
    return f"{where}: never acquired (the acquisition is {session.state})"


def _reason(session: Session, channel: int, states: States) -> str:
    if channel not in states:
        return "not acquired yet" if session.running else "never acquired"
    state = states[channel]
    return _loading(session, state) if state is None or state.state == "asked" else _said(state)


def _loading(session: Session, state: PlaneState | None) -> str:
    if not session.worker_connected:
        return f"waiting for the reader worker: {session.worker_text}"
    seconds = _seconds(state)
    return f"loading for {seconds} s" if seconds else "loading"


def _said(state: PlaneState) -> str:
    seconds = _seconds(state)
    if state.state == "pending":
        if seconds < TELL_WHY_S:
            return "not written yet"
        return f"not written yet, for {seconds} s ({state.why})"
    if state.state == "draft" and seconds >= TELL_WHY_S:
        return "coarse so far: the plane itself is on its way"
    return f"failed: {state.why}" if state.state == "failed" else ""


def _seconds(state: PlaneState | None) -> int:
    return 0 if state is None else int(time.monotonic() - state.since)

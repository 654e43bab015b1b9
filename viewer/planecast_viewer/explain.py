"""Says in words what is missing of a picture, and why."""

import time
from collections.abc import Mapping

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.planes import PlaneState
from planecast_viewer.session import Session

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
    seconds = 0 if state is None else int(time.monotonic() - state.since)
    if state is None or state.state == "asked":
        if not session.worker_connected:
            return "waiting for the reader worker"
        return f"loading for {seconds} s" if seconds else "loading"
    if state.state == "pending":
        return f"not written yet (for {seconds} s)" if seconds else "not written yet"
    return f"failed: {state.why}" if state.state == "failed" else ""

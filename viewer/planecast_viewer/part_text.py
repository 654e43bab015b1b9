"""Says in words how a program is."""

import time
from collections.abc import Iterator, Sequence
from typing import Literal

from planecast_protocol.event_messages import ResumeAcquisition
from planecast_protocol.state_messages import PartState

KINDS = {"controller": "controller", "viewer": "viewer", "worker": "reader"}


def describe_part(state: PartState) -> str:
    """Return `controller silent for 4 s`."""
    kind = KINDS[state.part.kind]
    if state.life == "silent":
        return f"{kind} silent for {state.silent_s:.0f} s"
    if state.life == "gone":
        return f"{kind} gone" + (f": {state.why}" if state.why else "")
    return f"{kind} live"


def describe_changes(
    before: Sequence[PartState], after: Sequence[PartState]
) -> Iterator[tuple[Literal["info", "warning"], str]]:
    """Yield (level, text) of each program that lives otherwise now; what is new is no change."""
    lives = {state.part.part: state.life for state in before}
    for state in after:
        known = lives.get(state.part.part, state.life)
        if known != state.life and state.part.kind != "viewer":
            yield "info" if state.life == "live" else "warning", describe_part(state)


def describe_resume(event: ResumeAcquisition) -> str:
    """Return who goes on with an acquisition, and since when."""
    at = time.strftime("%H:%M:%S", time.localtime(event.resumed_at))
    if event.source == "rescan":
        return f"a rescan at {at} registers files that the controller did not"
    return f"the controller was restarted, and goes on since {at}"

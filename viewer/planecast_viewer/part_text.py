"""Says in words how a program is."""

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

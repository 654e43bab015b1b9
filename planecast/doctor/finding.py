"""What was found, and who it matters to."""

from typing import Literal

import msgspec

State = Literal["good", "note", "bad"]
"""`note`: as it is, something won't work that may not be wanted here."""
Role = Literal["agent", "reader", "viewer"]
ROLES: tuple[Role, ...] = ("agent", "reader", "viewer")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    check: str
    state: State
    text: str
    way_out: str = ""
    """What to do; empty where nothing needs to be done."""


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine is for."""

    roles: frozenset[Role]
    """What is installed here, or was asked for."""
    asked: frozenset[Role]
    """What was asked for: if it can't work, that is bad and no mere note."""

    def serious(self, role: Role) -> State:
        """Return how bad it is that a role can't work."""
        return "bad" if role in self.asked else "note"


def good(check: str, text: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(check=check, state="good", text=text)


def note(check: str, text: str, way_out: str = "") -> Finding:
    """Return a finding that may matter."""
    return Finding(check=check, state="note", text=text, way_out=way_out)


def bad(check: str, text: str, way_out: str) -> Finding:
    """Return a finding that keeps something from working."""
    return Finding(check=check, state="bad", text=text, way_out=way_out)

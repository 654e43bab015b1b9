"""Which programs live: by their last sign of life, on the monotonic clock.

A program that hangs is silent, and one that ended is gone. What tells them apart is the
connection: the system closes that of a dead process, and a hanging one keeps it for seconds.
"""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from planecast_protocol.agent_messages import Hello, Publish
from planecast_protocol.limits import HEARTBEAT_S, MAX_NAME_CHARS, MAX_PARTS, SILENT_AFTER_S
from planecast_protocol.state_messages import Life, Part, PartState

MISSED_AFTER_S = 2.4 * HEARTBEAT_S
"""Who has missed two heartbeats is looked at."""
GONE_AFTER_S = 60.0
"""A silent program of another machine, whose connection was lost, is gone after this."""
GONE_SHOWN_S = 30.0
"""For so long subscribers are told of a part that has gone."""
MAX_KNOWN = 4 * MAX_PARTS


@dataclass
class _Known:
    part: Part
    identity: bytes
    """Of its connection to the door; empty: it has none."""
    heard_at: float
    looked_at: bool = False
    """Whether its connection was there after it had missed heartbeats."""
    gone_at: float | None = None
    why: str = ""


class Liveness:
    """Remembers when each part was last heard. Belongs to the agent's thread."""

    def __init__(self, reaches: Callable[[bytes], bool]) -> None:
        """`reaches` tells whether a connection still exists."""
        self._reaches = reaches
        self._known: dict[str, _Known] = {}
        self._host = socket.gethostname()

    def heard(self, part: Part, now: float, identity: bytes) -> bool:
        """Note a sign of life; return whether it is the first, or the first after it was gone."""
        known = self._known.get(part.part)
        if known is None:
            self._make_room()
            self._known[part.part] = _Known(part, identity, now)
            return True
        was_gone = known.gone_at is not None
        if part.name:  # a batch of events comes without an introduction
            known.part = part
        known.identity, known.heard_at = identity, now
        known.looked_at, known.gone_at, known.why = False, None, ""
        return was_gone

    def left(self, identity: str, why: str = "its process has ended") -> None:
        """Note that the part said goodbye, or that its process is dead."""
        known = self._known.get(identity)
        if known is not None and known.gone_at is None:
            known.gone_at, known.why = time.monotonic(), why

    def connection(self, part: str) -> bytes:
        """Return the part's connection to the door, by which it was last heard."""
        known = self._known.get(part)
        return b"" if known is None else known.identity

    def look(self, now: float) -> None:
        """See what became of parts that were not heard lately, and forget those long gone."""
        for identity, known in list(self._known.items()):
            if known.gone_at is not None:
                if now - known.gone_at > GONE_SHOWN_S:
                    del self._known[identity]
            elif now - known.heard_at > MISSED_AFTER_S:
                self._look_at(known, now)

    def life(self, part: str, now: float) -> Life:
        """Return how the part is."""
        known = self._known.get(part)
        if known is None or known.gone_at is not None:
            return "gone"
        return "live" if now - known.heard_at <= SILENT_AFTER_S else "silent"

    def life_of_publisher(self, publisher: str, held: Iterable[str], now: float) -> Life:
        """Return how the controller of an acquisition is. `held`: whose spools are locked."""
        life = self.life(publisher, now)
        return "silent" if life == "gone" and publisher in held else life

    def silent_s(self, part: str, now: float) -> float:
        """Return how long ago the part was last heard."""
        known = self._known.get(part)
        return 0.0 if known is None else now - known.heard_at

    def states(self, now: float) -> list[PartState]:
        """Return all parts and how they are, at most `MAX_PARTS`: the newest."""
        return [
            PartState(
                part=known.part,
                life=(life := self.life(identity, now)),
                silent_s=0.0 if life == "live" else round(now - known.heard_at, 1),
                why=known.why,
            )
            for identity, known in list(self._known.items())[-MAX_PARTS + 1 :]
        ]

    def _look_at(self, known: _Known, now: float) -> None:
        reached = self._reaches(known.identity)
        if reached:
            known.looked_at = True
        elif not known.looked_at:
            known.gone_at, known.why = now, "its connection was closed"
        elif self._is_dead(known.part):
            known.gone_at, known.why = now, f"process {known.part.pid} is dead"
        elif now - known.heard_at > GONE_AFTER_S and known.part.host != self._host:
            known.gone_at, known.why = now, "its connection was lost"

    def _is_dead(self, part: Part) -> bool:
        """Tell whether it is known that the part's process, on this machine, has ended."""
        if sys.platform == "win32" or part.host != self._host or not part.pid:
            return False
        try:
            os.kill(part.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def _make_room(self) -> None:
        """Forget who has been silent the longest, where too many made themselves known."""
        if len(self._known) >= MAX_KNOWN:
            del self._known[min(self._known, key=lambda one: self._known[one].heard_at)]


def publisher_of(message: Hello | Publish) -> Part:
    """Return the part that a publisher of events is; a batch does not say its name."""
    if isinstance(message, Publish):
        return Part(part=message.publisher, kind="controller")
    return Part(
        part=message.publisher,
        kind="controller",
        name=message.program[:MAX_NAME_CHARS],
        host=message.host,
        pid=message.pid,
    )

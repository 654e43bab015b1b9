"""Files of a running acquisition that may still be written: whole is what stays as it is.

A file can have its final size before its pixels are in. Unless the controller registered its
size and time, a plane counts only if its file was seen unchanged for `SETTLED_S`. The plane
is read meanwhile, so that as a rule nobody waits longer.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from planecast_protocol.errors import PlanecastError
from planecast_reader.front.fact_cache import FactCache
from planecast_reader.front.file_facts import FileFacts
from planecast_reader.signature import Signature

SETTLED_S = 0.02
"""By our own clock: a file server's may differ, and some count time in steps of 10 ms."""
OLD_S = 2.0
"""A file whose own time is so long ago is not being written, unless clocks differ by more."""
_REMEMBERED = 4096

OnSettled = Callable[[bool], None]
"""Called with whether the file is still the same."""


@dataclass
class _Held:
    wire_path: str
    signature: Signature
    due: float
    """Monotonic."""
    on_settled: OnSettled


class Settling:
    """Belongs to the front's thread."""

    def __init__(self, facts: FactCache) -> None:
        self._facts = facts
        self._seen: OrderedDict[str, tuple[Signature, float]] = OrderedDict()
        """Path to its signature, and when that was first seen (monotonic)."""
        self._held: list[_Held] = []

    def see(self, wire_path: str, signature: Signature) -> float:
        """Note what a file looks like; return the time (monotonic) from which on that counts."""
        now = time.monotonic()
        known = self._seen.get(wire_path)
        if known is not None and known[0] == signature:
            since = known[1]
        else:
            age_s = time.time() - signature[1] / 1e9
            since = now - SETTLED_S if age_s > OLD_S else now
            self._seen[wire_path] = (signature, since)
        self._seen.move_to_end(wire_path)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return since + SETTLED_S

    def hold(self, wire_path: str, signature: Signature, on_settled: OnSettled) -> bool:
        """Call `on_settled` when the file has had its time; False if it has had it already."""
        due = self.see(wire_path, signature)
        if due <= time.monotonic():
            return False
        self._held.append(_Held(wire_path, signature, due, on_settled))
        return True

    def tick(self) -> None:
        """Look again at the files that have had their time."""
        now = time.monotonic()
        due = [held for held in self._held if held.due <= now]
        if due:
            self._held = [held for held in self._held if held.due > now]
        for held in due:
            self._look(held)

    def next_s(self) -> float | None:
        """Return the time until one is due."""
        if not self._held:
            return None
        return max(0.0, min(held.due for held in self._held) - time.monotonic())

    def _look(self, held: _Held) -> None:
        def on_facts(facts: FileFacts | PlanecastError) -> None:
            same = isinstance(facts, FileFacts) and facts.signature == held.signature
            held.on_settled(same)

        self._facts.ask(held.wire_path, on_facts, fresh=True)

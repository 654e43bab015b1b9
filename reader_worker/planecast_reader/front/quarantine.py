"""Files that crashed or hung their readers, left alone for a growing while."""

import time
from dataclasses import dataclass

from planecast_protocol.errors import QuarantinedError

FIRST_S = 5.0
LONGEST_S = 600.0


@dataclass
class _Case:
    until: float
    next_s: float
    why: str
    signature: tuple[int, int, int]


class Quarantine:
    """One poisonous file must not eat the pool. Belongs to the front's thread."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}

    def add(self, wire_path: str, signature: tuple[int, int, int], why: str) -> None:
        """Leave the file alone, twice as long as the last time."""
        case = self._cases.get(wire_path)
        wait_s = case.next_s if case else FIRST_S
        self._cases[wire_path] = _Case(
            time.monotonic() + wait_s, min(2 * wait_s, LONGEST_S), why, signature
        )

    def check(self, wire_path: str, signature: tuple[int, int, int]) -> None:
        """Raise `QuarantinedError` while the file is to be left alone.

        A file that changed since gets a new chance at once.
        """
        case = self._cases.get(wire_path)
        if case is None:
            return
        left_s = case.until - time.monotonic()
        if case.signature != signature:
            del self._cases[wire_path]
        elif left_s > 0:
            raise QuarantinedError.of(
                wire_path,
                f"{case.why}; left alone for another {left_s:.0f} s. Replace the file, or see "
                "whether its vendor's program opens it",
            )

    def forgive(self, wire_path: str) -> None:
        """Forget a file that was read well."""
        self._cases.pop(wire_path, None)

    def paths(self) -> list[str]:
        """Return the files that are left alone now."""
        now = time.monotonic()
        return [path for path, case in self._cases.items() if case.until > now]

"""What the watcher tells people: a line for what happens, a status line for how it stands."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Literal, TextIO

STATUS_EVERY_S = 1.0

Kind = Literal["started", "resumed", "continued", "ended", "warning", "watching", "found"]


@dataclass
class Report:
    """Prints. Belongs to the watcher's thread."""

    as_json: bool = False
    quiet: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    _last_status: str = ""
    _status_at: float = 0.0
    _width: int = 0
    _told: set[str] = field(default_factory=set)

    def tell(self, kind: Kind, sentence: str, **facts: object) -> None:
        """Print one line of something that happened. `quiet` leaves warnings only."""
        if self.quiet and kind != "warning":
            return
        if self.as_json:
            self._print(json.dumps({"event": kind, "message": sentence, **facts}))
            return
        self._clear()
        stamp = time.strftime("%H:%M:%S")
        self._print(f"{stamp} {'warning: ' if kind == 'warning' else ''}{sentence}")

    def warn_once(self, sentence: str, **facts: object) -> None:
        """Print a warning, unless it was printed before."""
        if sentence not in self._told and len(self._told) < 1000:
            self._told.add(sentence)
            self.tell("warning", sentence, **facts)

    def status(self, now: float, sentence: str, **facts: object) -> None:
        """Show how it stands: in place on a terminal, a line when it changed elsewhere."""
        is_due = now - self._status_at >= STATUS_EVERY_S
        if self.quiet or not is_due or sentence == self._last_status:
            return
        self._status_at, self._last_status = now, sentence
        if self.as_json:
            self._print(json.dumps({"event": "status", **facts}))
        elif self.out.isatty():
            self.out.write(f"\r{sentence.ljust(self._width)}")
            self._width = len(sentence)
            self.out.flush()

    def _clear(self) -> None:
        if self._width:
            self.out.write(f"\r{' ' * self._width}\r")
            self._width = 0

    def _print(self, line: str) -> None:
        # Whoever read us may be gone; the acquisition goes on.
        try:
            # A name of a file may hold bytes that are no text.
            self.out.write(line.encode("utf-8", "backslashreplace").decode() + "\n")
            self.out.flush()
        except OSError:
            self.quiet = True

"""Warnings that a stranger can cause: the first of a kind is written, then one a minute.

Whoever sends garbage a thousand times a second must not fill the disk with our log.
"""

import logging
import time

EVERY_S = 60.0
MAX_KINDS = 256


class RareLog:
    """Writes seldom, and says how many were left out. Belongs to one thread."""

    def __init__(self, logger: logging.Logger, every_s: float = EVERY_S) -> None:
        self._logger = logger
        self._every_s = every_s
        self._written: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, kind: str, text: str, *values: object) -> None:
        """Write a warning, unless one of its kind was written lately."""
        self._write(logging.WARNING, kind, text, values)

    def info(self, kind: str, text: str, *values: object) -> None:
        """Write what is no trouble, but can be as frequent."""
        self._write(logging.INFO, kind, text, values)

    def _write(self, level: int, kind: str, text: str, values: tuple[object, ...]) -> None:
        now = time.monotonic()
        if kind not in self._written and len(self._written) >= MAX_KINDS:
            kind = ""  # kinds may be made of what strangers say, too
        written = self._written.get(kind)
        if written is not None and now - written < self._every_s:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._written[kind] = now
        left_out = self._left_out.pop(kind, 0)
        more = f" ({left_out} more like it since the last line)" if left_out else ""
        self._logger.log(level, text + more, *values)

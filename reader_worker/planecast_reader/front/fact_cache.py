"""What was found out of a path a moment ago, so that a burst of requests asks the disk once."""

import time
from collections import OrderedDict
from collections.abc import Callable

from planecast_protocol.errors import PlanecastError
from planecast_reader.front.file_facts import FileFacts, FileInspector

FRESH_S = 0.25
_REMEMBERED = 4096


class FactCache:
    """Facts not older than `FRESH_S`. Belongs to the front's thread."""

    def __init__(self, inspector: FileInspector) -> None:
        self._inspector = inspector
        self._known: OrderedDict[str, tuple[FileFacts, float]] = OrderedDict()

    def forget(self, wire_path: str) -> None:
        """Ask the disk the next time."""
        self._known.pop(wire_path, None)

    def ask(
        self,
        wire_path: str,
        on_facts: Callable[[FileFacts | PlanecastError], None],
        *,
        fresh: bool = False,
    ) -> None:
        """Call `on_facts` at once with what is known, or later with what the disk says.

        With `fresh`, what is known does not count.
        """
        known = self._known.get(wire_path)
        if known is not None and not fresh and time.monotonic() - known[1] < FRESH_S:
            on_facts(known[0])
            return

        def remember(answer: FileFacts | PlanecastError) -> None:
            if isinstance(answer, FileFacts):
                self._known[wire_path] = (answer, time.monotonic())
                self._known.move_to_end(wire_path)
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
            else:
                self._known.pop(wire_path, None)
            on_facts(answer)

        self._inspector.ask(wire_path, remember)

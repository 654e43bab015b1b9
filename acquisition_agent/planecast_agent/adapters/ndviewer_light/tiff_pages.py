"""Which page of a growing multi-page TIFF is which plane, by the JSON in its description."""

import json
from collections import deque
from pathlib import Path
from typing import Any

from planecast_agent.watchers.tiff_file import TiffFile
from planecast_protocol.errors import CorruptFileError


class PageTable:
    """The pages of one file so far. `look` goes on where it stopped; one thread."""

    def __init__(self, path: str) -> None:
        self._pages: dict[tuple[int, str], deque[int]] = {}
        """(z, channel) to its pages that were not taken yet, in the order of saving."""
        self._file = TiffFile(Path(path), with_texts=True)

    def look(self) -> None:
        """Take in the pages that became whole since the last look."""
        try:
            found = self._file.read_on()
        except (OSError, CorruptFileError):
            # Not there, or not a TIFF yet: it is looked at again.
            return
        for page in found:
            described = _json_map(page.description)
            z, channel = described.get("z_level"), described.get("channel")
            if isinstance(z, int) and isinstance(channel, str):
                self._pages.setdefault((z, channel), deque()).append(page.number)

    def take(self, z: int, channel: str) -> int | None:
        """Return the page of a plane; of one that is saved again, the next one each time."""
        pages = self._pages.get((z, channel))
        return pages.popleft() if pages else None


def _json_map(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

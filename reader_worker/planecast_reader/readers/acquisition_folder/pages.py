"""Multi-page TIFFs of an acquisition: which page is which plane, by the JSON in its description."""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile

MAX_TABLES = 256


@dataclass(frozen=True, slots=True)
class PageTable:
    """The pages that one file has so far."""

    pages: dict[tuple[int, str], int] = field(default_factory=dict)
    """(z, channel) to page; the last one where a plane was taken again."""
    channel_order: dict[str, int] = field(default_factory=dict)
    """Channel to the controller's number of it."""

    @property
    def n_z(self) -> int:
        """Slices so far."""
        return max((z for z, _ in self.pages), default=-1) + 1


class PageTables:
    """The tables of the files that were looked at last; a file that grew is looked at again."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, tuple[tuple[int, int], PageTable]] = OrderedDict()

    def get(self, path: Path) -> PageTable:
        """Return the table of a file as it is now."""
        stat = path.stat()
        signature = (stat.st_size, stat.st_mtime_ns)
        known = self._known.pop(path, None)
        if known is None or known[0] != signature:
            known = (signature, read_page_table(path))
        self._known[path] = known
        while len(self._known) > MAX_TABLES:
            self._known.popitem(last=False)
        return known[1]


def read_page_table(path: Path) -> PageTable:
    """Read the descriptions of all pages; those that aren't ours are left out.

    Raises what tifffile raises for a file that is not whole.
    """
    table = PageTable()
    with tifffile.TiffFile(path) as tiff:
        for number, page in enumerate(tiff.pages):
            described = _description(page)
            z, channel = described.get("z_level"), described.get("channel")
            if isinstance(z, int) and z >= 0 and isinstance(channel, str):
                table.pages[z, channel] = number
                order = described.get("channel_index")
                table.channel_order.setdefault(
                    channel, order if isinstance(order, int) else len(table.channel_order)
                )
    return table


def _description(page: tifffile.TiffPage | tifffile.TiffFrame) -> dict[str, Any]:
    # A frame is a page that tifffile took to be like the first; it has no tags of its own.
    whole = page.aspage()
    try:
        found = json.loads(whole.description)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

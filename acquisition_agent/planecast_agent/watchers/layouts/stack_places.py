"""Which plane a page of a TIFF is: by what the file says, in the words of whoever wrote it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.micro_manager_summary import describe
from planecast_agent.watchers.numbers import count
from planecast_agent.watchers.ome_xml import OmePages, parse_ome_pages
from planecast_agent.watchers.tiff_file import TiffPage
from planecast_protocol.errors import CorruptFileError, UnsupportedFormatError

PageAxis = Literal["t", "z", "channel"]


@dataclass(frozen=True, slots=True)
class PagePlace:
    """The place of a page in its file; `None` where the file does not say."""

    t: int | None = None
    z: int = 0
    channel: str = "Channel 0"
    position: str | None = None
    """Name of the position, where a file has several or names its own."""


@dataclass(frozen=True, slots=True)
class ImageJ:
    """The axes of an ImageJ hyperstack: channels fastest, then slices, then frames."""

    images: int
    channels: int
    slices: int

    def place(self, page: int) -> PagePlace:
        """Return the place of a page."""
        rest, channel = divmod(page, self.channels)
        t, z = divmod(rest, self.slices)
        return PagePlace(t, z, f"Channel {channel}")

    def index(self, page: int) -> dict[str, int]:
        """Return the same as the axes that a reader sees: those that are longer than 1."""
        rest, channel = divmod(page, self.channels)
        t, z = divmod(rest, self.slices)
        lengths = {
            "T": (t, self.images // (self.channels * self.slices)),
            "Z": (z, self.slices),
            "C": (channel, self.channels),
        }
        return {axis: at for axis, (at, length) in lengths.items() if length > 1}


class StackPlaces:
    """Tells the places of one file's pages. Made from its first page."""

    def __init__(self, path: Path, axis: PageAxis | None) -> None:
        self._path = path
        self._axis = axis
        self.ome: OmePages | None = None
        self.imagej: ImageJ | None = None
        self.description = Description()

    def read_first(self, page: TiffPage) -> bool:
        """Learn what the first page says of all; `False` if its text is not whole yet."""
        text = page.description
        self.description = Description(height=page.height, width=page.width, dtype=page.dtype)
        if text.lstrip().startswith(("<?xml", "<OME")) or "<OME" in text[:500]:
            return self._read_ome(text)
        if text.startswith("ImageJ="):
            lines = (line.partition("=") for line in text.splitlines())
            numbers = {key: int(value) for key, _, value in lines if value.isdecimal()}
            self.imagej = ImageJ(
                images=numbers.get("images", 1) or 1,
                channels=numbers.get("channels", 1) or 1,
                slices=numbers.get("slices", 1) or 1,
            )
        if page.micro_manager:
            summary = _json(page.micro_manager).get("Summary")
            if isinstance(summary, dict):
                self.description = self.description.or_else(describe(summary))
        return True

    def _read_ome(self, text: str) -> bool:
        ome = parse_ome_pages(text, self._path.name)
        if ome is None:
            return False
        if not ome.images:
            raise UnsupportedFormatError.of(
                self._path, "is described in another file (companion.ome), which is not read"
            )
        self.ome = ome
        first = ome.images[0]
        self.description = self.description.or_else(
            Description(
                channels=first.channels,
                num_z=max(one.sizes["Z"] for one in ome.images),
                num_t=max(one.sizes["T"] for one in ome.images),
                pixel_size_um=first.pixel_size_um,
                z_step_um=first.z_step_um,
            )
        )
        return True

    @property
    def n_announced(self) -> int:
        """Pages that the file will have, as far as it says; 0: it does not."""
        return self.ome.n_pages if self.ome is not None else 0

    def place(self, page: TiffPage) -> PagePlace | None:
        """Return a page's place; `None` for a page that is no plane of the acquisition.

        Raises `CorruptFileError` if nothing says what the second and later pages are.
        """
        if page.micro_manager:
            return _of_micro_manager(page)
        described = _json(page.description)
        if "z_level" in described and "channel" in described:
            return PagePlace(z=int(described["z_level"]), channel=str(described["channel"]))
        if self.ome is not None:
            return self._of_ome(page.number)
        if self._axis is not None:
            return _on_axis(self._axis, page.number)
        if self.imagej is not None:
            return self.imagej.place(page.number)
        if page.number == 0:
            return PagePlace()
        raise CorruptFileError.of(
            self._path,
            "has several pages, and nothing says what they are: give --pages z, t or channel",
        )

    def _of_ome(self, number: int) -> PagePlace | None:
        assert self.ome is not None
        found = self.ome.place(number)
        if found is None:
            return None
        image = self.ome.images[found.image]
        position = None
        if len(self.ome.images) > 1:
            position = image.name or f"Image {found.image}"
        return PagePlace(found.t, found.z, image.channels[found.channel], position)


def _of_micro_manager(page: TiffPage) -> PagePlace | None:
    """Read what Micro-Manager writes into each page (tag 51123)."""
    said = _json(page.micro_manager)
    numbers = {
        axis: next((said[key] for key in keys if isinstance(said.get(key), int)), 0)
        for axis, keys in {
            "t": ("FrameIndex", "Frame"),
            "z": ("SliceIndex", "Slice"),
            "channel": ("ChannelIndex",),
        }.items()
    }
    if any(number < 0 for number in numbers.values()):
        return None
    name = said.get("Channel")
    position = said.get("PositionName")
    return PagePlace(
        numbers["t"],
        numbers["z"],
        name if isinstance(name, str) and name else f"Channel {numbers['channel']}",
        position if isinstance(position, str) and position else None,
    )


def _on_axis(axis: PageAxis, number: int) -> PagePlace:
    if axis == "t":
        return PagePlace(t=number)
    return PagePlace(z=number) if axis == "z" else PagePlace(channel=f"Channel {number}")


def _json(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    usable = isinstance(found, dict) and (
        "z_level" not in found or found["z_level"] == 0 or count(found["z_level"]) is not None
    )
    return found if usable else {}

"""Which page of an OME-TIFF is which plane, by the XML in its first page."""

import xml.etree.ElementTree as ET
from bisect import bisect_right
from dataclasses import dataclass, field

from planecast_protocol.limits import MAX_COUNT

_OUTER = frozenset("ZCT")


@dataclass(frozen=True, slots=True)
class OmePlace:
    """The place of a page."""

    image: int
    t: int
    z: int
    channel: int


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One image: usually a position."""

    name: str
    sizes: dict[str, int]
    """Of T, C, Z, Y, X; C without the samples of a colour."""
    order: str
    """Of Z, C, T, the fastest first."""
    channels: tuple[str, ...]
    pixel_size_um: float | None = None
    z_step_um: float | None = None

    def place(self, number: int, linear: int) -> OmePlace:
        """Return the place of the plane at `linear` in the image's order."""
        at = {}
        for axis in self.order:
            linear, at[axis] = divmod(linear, self.sizes[axis])
        return OmePlace(number, at["T"], at["Z"], at["C"])

    def linear(self, t: int, z: int, channel: int) -> int:
        """Return where a plane is in the image's order."""
        at, linear = {"T": t, "Z": z, "C": channel}, 0
        for axis in reversed(self.order):
            linear = linear * self.sizes[axis] + at[axis]
        return linear

    @property
    def n_planes(self) -> int:
        """Number of planes that are announced."""
        return self.sizes["T"] * self.sizes["Z"] * self.sizes["C"]


@dataclass
class OmePages:
    """The announced pages of one file."""

    images: list[OmeImage] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _runs: list[tuple[int, int, int]] = field(default_factory=list)
    """(number of planes, image, linear index of the first), by first page."""

    def place(self, page: int) -> OmePlace | None:
        """Return which plane the page is; `None` if it is none of the file's."""
        run = bisect_right(self._starts, page) - 1
        if run < 0:
            return None
        count, image, linear = self._runs[run]
        ahead = page - self._starts[run]
        if ahead >= count or linear + ahead >= self.images[image].n_planes:
            return None
        return self.images[image].place(image, linear + ahead)

    @property
    def n_pages(self) -> int:
        """Pages that the file will have when all planes are there."""
        if not self._starts:
            return 0
        return max(start + run[0] for start, run in zip(self._starts, self._runs, strict=True))


def parse_ome_pages(xml: str, file_name: str) -> OmePages | None:
    """Return the pages of the file `file_name`; `None` if the text is no whole OME-XML."""
    try:
        root = ET.fromstring(xml)  # noqa: S314  expat 2.4 stops entity bombs and reads no file
    except (ET.ParseError, ValueError):
        return None
    if _tag(root) != "OME":
        return None
    own = root.get("UUID", "")
    pages = OmePages()
    runs: list[tuple[int, tuple[int, int, int]]] = []
    page = 0
    for element in (child for child in root if _tag(child) == "Image"):
        pixels = next((child for child in element if _tag(child) == "Pixels"), None)
        image = None if pixels is None else _image(element, pixels)
        if pixels is None or image is None:
            return None
        number = len(pages.images)
        pages.images.append(image)
        data = [child for child in pixels if _tag(child) == "TiffData"]
        if not data:
            data = [ET.Element("TiffData")]
        for one in data:
            is_own = _is_own(one, own, file_name)
            run = _run(one, number, image, page) if is_own else None
            if run is not None:
                runs.append(run)
                page = run[0] + run[1][0]
    runs.sort()
    pages._starts = [start for start, _ in runs]  # noqa: SLF001
    pages._runs = [run for _, run in runs]  # noqa: SLF001
    return pages


def _image(element: ET.Element, pixels: ET.Element) -> OmeImage | None:
    sizes = {}
    for axis in "TCZYX":
        text = pixels.get("Size" + axis, "")
        if not text.isdecimal() or not 0 < int(text) <= MAX_COUNT:
            return None
        sizes[axis] = int(text)
    order = pixels.get("DimensionOrder", "XYZCT").upper()[2:]
    if set(order) != _OUTER or len(order) != len(_OUTER):
        return None
    channels = [child for child in pixels if _tag(child) == "Channel"]
    if channels:
        # The samples of a colour picture count as channels in SizeC.
        sizes["C"] = min(sizes["C"], len(channels))
    names = [child.get("Name") or f"Channel {number}" for number, child in enumerate(channels)]
    names += [f"Channel {number}" for number in range(len(names), min(sizes["C"], 256))]
    return OmeImage(
        name=element.get("Name") or "",
        sizes=sizes,
        order=order,
        channels=tuple(names),
        pixel_size_um=_length_um(pixels, "X"),
        z_step_um=_length_um(pixels, "Z"),
    )


def _is_own(data: ET.Element, own: str, file_name: str) -> bool:
    """Tell whether planes are in this file, whose `UUID` is `own`; it may have been renamed."""
    uuid = next((child for child in data if _tag(child) == "UUID"), None)
    if uuid is None:
        return True
    if own and uuid.text:
        return uuid.text.strip() == own
    return uuid.get("FileName", file_name) == file_name


def _run(
    data: ET.Element, number: int, image: OmeImage, page: int
) -> tuple[int, tuple[int, int, int]] | None:
    """Return (first page, (planes, image, linear index)); `None` for what can't be."""
    given = {key: data.get(key, "") for key in ("IFD", "FirstT", "FirstZ", "FirstC", "PlaneCount")}
    known = {key: int(text) for key, text in given.items() if text.isdecimal()}
    first = (known.get("FirstT", 0), known.get("FirstZ", 0), known.get("FirstC", 0))
    if any(at >= image.sizes[axis] for at, axis in zip(first, "TZC", strict=True)):
        return None
    count = known.get("PlaneCount", 1 if "IFD" in known else image.n_planes)
    return known.get("IFD", page), (count, number, image.linear(*first))


def _length_um(pixels: ET.Element, axis: str) -> float | None:
    if pixels.get(f"PhysicalSize{axis}Unit", "µm") not in {"µm", "um", "μm", "micrometer"}:
        return None
    try:
        value = float(pixels.get(f"PhysicalSize{axis}", ""))
    except ValueError:
        return None
    return value if 0 < value < 1e9 else None


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]

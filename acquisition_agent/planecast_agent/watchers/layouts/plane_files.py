"""One file a plane: everything about it is in its name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import LATER, NOTHING, FoundPlane, Look, fov_label
from planecast_agent.watchers.layouts.layout import (
    SETTLE_S,
    Layout,
    Signature,
    is_unfinished,
    signature_of,
)
from planecast_agent.watchers.layouts.settings import ReadSettings, Settings
from planecast_agent.watchers.pattern import Fields, Pattern
from planecast_agent.watchers.tiff_file import TiffFile

TIFF_SUFFIXES = (".tif", ".tiff")
_PNG = b"\x89PNG\r\n\x1a\n"

NameChannel = Callable[[str, Description], str]


class PlaneFiles(Layout):
    """Files that match a pattern. A TIFF counts as soon as its page is whole."""

    def __init__(
        self,
        folder: Path,
        patterns: Sequence[Pattern],
        read_settings: ReadSettings | None = None,
        name_channel: NameChannel | None = None,
    ) -> None:
        super().__init__(folder)
        self._patterns = patterns
        self._settings = Settings(read_settings)
        self._name_channel = name_channel
        self._seen: dict[int, int] = {}
        """Hash of a path to that of its signature when its plane was found: there may be many."""
        self._changing: dict[Path, tuple[Signature, float]] = {}
        """Files that must stay the same for a while, and since when they did."""
        self._shape = Description()

    def claims(self, relative: str) -> bool:
        """See `Layout`."""
        return not is_unfinished(relative.rpartition("/")[2]) and any(
            pattern.match(relative) for pattern in self._patterns
        )

    def look(self, path: Path, now: float) -> Look:
        """See `Layout`."""
        relative = self.relative(path)
        key = hash(relative)
        signature = signature_of(path)
        known = self._seen.get(key)
        if known == hash(signature) or is_unfinished(path.name):
            return NOTHING
        fields = self._match(relative)
        if fields is None:
            return NOTHING
        is_whole = self._is_whole(path, signature, now, is_known=known is not None)
        # It may have been written to between the two looks.
        if not is_whole or signature_of(path) != signature:
            return LATER
        self._seen[key] = hash(signature)
        return Look((self._plane(path, fields, signature),))

    def description(self) -> Description:
        """See `Layout`."""
        return self._settings.get(self.folder).or_else(self._shape)

    def forget(self) -> None:
        """See `Layout`."""
        self._seen.clear()
        self._changing.clear()

    def _match(self, relative: str) -> Fields | None:
        regions = self._settings.regions(self.folder)
        return next(
            (found for one in self._patterns if (found := one.match(relative, regions))), None
        )

    def _plane(self, path: Path, fields: Fields, signature: Signature) -> FoundPlane:
        channel = fields.channel or "0"
        if self._name_channel is not None:
            channel = self._name_channel(channel, self.description())
        return FoundPlane(
            t=fields.t or 0,
            fov=fov_label(fields.region, fields.fov),
            z=fields.z or 0,
            channel=channel,
            path=path,
            size_bytes=signature[0],
            mtime_ns=signature[1],
        )

    def _is_whole(self, path: Path, signature: Signature, now: float, *, is_known: bool) -> bool:
        is_tiff = path.suffix.lower() in TIFF_SUFFIXES
        if is_tiff and not self._has_page(path):
            return False
        if is_tiff and not is_known:
            return True
        # A file that is written anew is read again once it is at rest, not at each write.
        before, since = self._changing.get(path, (None, now))
        if before != signature:
            self._changing[path] = (signature, now)
            return False
        if now - since < SETTLE_S or signature[0] == 0:
            return False
        del self._changing[path]
        if not is_tiff and self._shape.height is None:
            self._shape = _shape_of_picture(path)
        return True

    def _has_page(self, path: Path) -> bool:
        tiff = TiffFile(path)
        pages = tiff.read_on(at_most=1)
        if pages and self._shape.height is None:
            page = pages[0]
            self._shape = Description(height=page.height, width=page.width, dtype=page.dtype)
        return bool(pages)


def _shape_of_picture(path: Path) -> Description:
    """Return the size of a PNG; nothing of other kinds, whose size a user must tell."""
    with path.open("rb") as file:
        head = file.read(26)
    if not head.startswith(_PNG) or len(head) < 26:
        return Description()
    width, height = (int.from_bytes(head[at : at + 4], "big") for at in (16, 20))
    return Description(height=height, width=width, dtype={8: "uint8", 16: "uint16"}.get(head[24]))

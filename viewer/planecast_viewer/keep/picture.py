"""The picture as it is on the screen, with its scale bar, as a file."""

from pathlib import Path

from PySide6.QtGui import QImage, QImageWriter

from planecast_protocol.errors import PlanecastError
from planecast_viewer.keep.whole_file import whole_file


def write_picture(path: Path, picture: QImage) -> None:
    """Write a picture; the name's end says how. Any thread.

    Raises `PlanecastError` or `OSError` with the reason.
    """
    kinds = {bytes(kind.data()).decode() for kind in QImageWriter.supportedImageFormats()}
    kind = path.suffix.lower().removeprefix(".")
    if kind not in kinds:
        known = ", ".join(sorted(kinds & {"png", "jpg", "tif", "tiff", "webp", "bmp"}))
        raise PlanecastError(f"{path}: a picture is written as {known}; end its name with .png")
    with whole_file(path) as temporary:
        writer = QImageWriter(str(temporary))
        if not writer.write(picture):
            raise PlanecastError(f"{path}: {writer.errorString()}")

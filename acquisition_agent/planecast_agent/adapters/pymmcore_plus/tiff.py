"""One plane as an uncompressed TIFF file: all that is written here, so no library is needed."""

import struct
from pathlib import Path
from typing import Any

_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
_LARGEST = 2**32 - 4096


def write_plane(path: Path, plane: Any) -> None:
    """Write an array (y, x) or (y, x, rgb); the file appears whole, under its name, at once.

    Raises `ValueError` for arrays that can't be written so, and `OSError`.
    """
    header = _header(plane)
    hidden = path.with_name(f".{path.name}.part")
    with hidden.open("wb", buffering=0) as file:
        file.write(header)
        pixels = memoryview(plane.reshape(-1).view("u1"))
        written = 0
        while written < len(pixels):
            written += file.write(pixels[written:])
    hidden.replace(path)


def _header(plane: Any) -> bytes:
    """Return what is before the pixels: TIFF 6.0, one page, one strip."""
    kind = plane.dtype.kind
    samples = plane.shape[2] if plane.ndim == 3 else 1
    if kind not in _SAMPLE_FORMATS or plane.ndim not in (2, 3) or samples not in (1, 3, 4):
        raise ValueError(f"an array of {plane.dtype} and shape {plane.shape} is no plane")
    if plane.nbytes > _LARGEST:
        raise ValueError(f"a plane of {plane.nbytes} bytes is too large for a TIFF file")
    order = ">" if plane.dtype.str[0] == ">" else "<"
    bits = 8 * plane.dtype.itemsize
    directory, extra = b"", b""
    tags = [
        (256, 4, plane.shape[1]),
        (257, 4, plane.shape[0]),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 2 if samples > 1 else 1),
        (273, 4, 0),
        (277, 3, samples),
        (278, 4, plane.shape[0]),
        (279, 4, plane.nbytes),
        (339, 3, _SAMPLE_FORMATS[kind]),
    ]
    if samples == 4:
        tags.insert(9, (338, 3, 0))
    behind = 8 + 2 + 12 * len(tags) + 4
    for code, type_, value in tags:
        count = samples if code in (258, 339) else 1
        if count > 2:
            field = struct.pack(order + "I", behind + len(extra))
            extra += struct.pack(f"{order}{count}H", *[value] * count)
        elif code == 273:
            # Behind the two lists of a number for each sample, where they don't fit into a tag.
            field = struct.pack(order + "I", behind + (4 * samples if samples > 2 else 0))
        else:
            shorts = struct.pack(order + "H", value) * count if type_ == 3 else b""
            field = shorts.ljust(4, b"\0") if type_ == 3 else struct.pack(order + "I", value)
        directory += struct.pack(order + "HHI", code, type_, count) + field
    mark = b"MM\0*" if order == ">" else b"II*\0"
    begin = mark + struct.pack(order + "IH", 8, len(tags))
    return begin + directory + struct.pack(order + "I", 0) + extra

"""Files that the command line writes: npy, TIFF, OME-TIFF, PNG; whole or not at all.

Planes are written as they come, so that a stack may be larger than the memory. The libraries
are imported when something is written with them.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import typer

from planecast.cli.files import Files, Found
from planecast.cli.programs import needs
from planecast_protocol.errors import PlanecastError

Pixels = npt.NDArray[Any]


class Kind(StrEnum):
    """How pixels are stored."""

    NPY = "npy"
    TIFF = "tif"
    OME_TIFF = "ome.tif"
    PNG = "png"


SUFFIXES = {
    ".npy": Kind.NPY,
    ".ome.tif": Kind.OME_TIFF,
    ".ome.tiff": Kind.OME_TIFF,
    ".tif": Kind.TIFF,
    ".tiff": Kind.TIFF,
    ".png": Kind.PNG,
}
OME_AXES = frozenset("TCZYXS")


@dataclass(frozen=True)
class Content:
    """Planes to write, and what is known of them."""

    planes: Iterator[Pixels]
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    channels: tuple[str, ...] = ()
    pixel_size_um: tuple[tuple[str, float], ...] = ()
    """x, y and z, where they are known."""


def kind_of(path: Path) -> Kind | None:
    """Return what a file's name asks for; None if it says nothing."""
    name = path.name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def target(out: Path, found: Found, kind: Kind, *, is_one: bool) -> Path:
    """Return the file to write: `out` itself for one image, else one in the folder `out`.

    Names keep the image's suffix, so that `a.czi` and `a.lif` don't meet.
    """
    if is_one and kind_of(out) is not None and not out.is_dir():
        return out
    return out / found.name.with_name(f"{found.name.name}.{kind.value}")


def check_targets(out: Path, files: Files, kind: Kind) -> None:
    """Raise `typer.BadParameter` if two images would be written to one file."""
    known: dict[Path, Path] = {}
    for found in files.found:
        path = target(out, found, kind, is_one=files.is_one)
        if path in known:
            raise typer.BadParameter(
                f"{known[path]} and {found.path} would both be {path}; name the folder above them",
                param_hint="PATH...",
            )
        known[path] = found.path


def write(path: Path, kind: Kind, content: Content) -> None:
    """Write `content`. Raises `PlanecastError` if the format can't hold it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _whole(path) as temporary:
        match kind:
            case Kind.NPY:
                _write_npy(temporary, content)
            case Kind.PNG:
                _write_png(temporary, content)
            case Kind.TIFF | Kind.OME_TIFF:
                _write_tiff(temporary, content, is_ome=kind is Kind.OME_TIFF)


def write_picture(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write a picture, (y, x, rgb), as PNG."""
    axes = ("Y", "X", "S")
    write(path, Kind.PNG, Content(iter([picture]), axes, picture.shape, picture.dtype))


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield a file beside `path` that takes its place in the end, and is gone after an error."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(number)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _write_npy(path: Path, content: Content) -> None:
    out = np.lib.format.open_memmap(path, "w+", content.dtype, content.shape)
    planes = out.reshape(-1, *content.shape[-_plane_dimensions(content) :])
    for place, plane in enumerate(content.planes):
        planes[place] = plane
    out.flush()


def _plane_dimensions(content: Content) -> int:
    return 3 if content.axes[-1] == "S" else 2


def _write_png(path: Path, content: Content) -> None:
    with needs("reader"):
        from imagecodecs import png_encode

    plane = next(content.planes)
    samples = plane.shape[2] if plane.ndim == 3 else 1
    if plane.dtype not in (np.uint8, np.uint16) or samples > 4:
        raise PlanecastError(
            f"PNG holds uint8 or uint16 with up to 4 samples, not {plane.dtype} with {samples}: "
            "write npy or tif, or use planecast thumbnail"
        )
    path.write_bytes(png_encode(np.ascontiguousarray(plane)))


def _write_tiff(path: Path, content: Content, *, is_ome: bool) -> None:
    with needs("reader"):
        import tifffile

    strange = [axis for axis in content.axes if axis not in OME_AXES]
    if is_ome and strange:
        raise PlanecastError(
            f"OME-TIFF has no axis {', '.join(strange)}: choose one place on it with -i, or "
            "write tif or npy"
        )
    nbytes = int(np.prod(content.shape, dtype=np.int64)) * content.dtype.itemsize
    is_color = content.axes[-1] == "S" and content.shape[-1] in (3, 4)
    with tifffile.TiffWriter(path, bigtiff=nbytes > 2**31, ome=is_ome) as tiff:
        tiff.write(
            content.planes,
            shape=content.shape,
            dtype=content.dtype,
            photometric="rgb" if is_color else "minisblack",
            metadata=_tiff_metadata(content, is_ome=is_ome),
        )


def _tiff_metadata(content: Content, *, is_ome: bool) -> dict[str, Any]:
    letters = [axis if len(axis) == 1 and axis.isascii() else "Q" for axis in content.axes]
    metadata: dict[str, Any] = {"axes": "".join(letters)}
    if is_ome:
        for axis, size_um in content.pixel_size_um:
            metadata[f"PhysicalSize{axis.upper()}"] = size_um
            metadata[f"PhysicalSize{axis.upper()}Unit"] = "µm"
        metadata["Channel"] = {"Name": list(content.channels)}
    return metadata

"""What turns sub-blocks into pixels: one of the libraries, chosen by the reader."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol

import numpy as np

from planecast_reader.readers.czi.directory import PixelType
from planecast_reader.readers.czi.planes import Rectangle


class Decoder(Protocol):
    """One file, open in a library. Only files whose directory was checked may come here."""

    def read(
        self,
        kind: PixelType,
        rectangle: Rectangle,
        values: Mapping[str, int],
        scene: int | None = None,
        step: int = 1,
    ) -> np.ndarray[Any, Any]:
        """Return pixels, (y, x) or (y, x, rgb), one of `step` in each direction.

        `values` are the file's own on its dimensions, `rectangle` in the file's coordinates.
        Rows may be padded.
        """

    def close(self) -> None:
        """Close the file."""


OpenDecoder = Callable[[Path, FileIO], Decoder]


@contextmanager
def temporary_file(content: bytes) -> Iterator[tuple[Path, FileIO]]:
    """Give a file with this content: in memory on Linux, in the temporary folder elsewhere."""
    if hasattr(os, "memfd_create"):
        with FileIO(os.memfd_create("planecast-czi"), "r+") as file:
            _write_all(file, content)
            yield Path(f"/proc/self/fd/{file.fileno()}"), file
        return
    with NamedTemporaryFile(suffix=".czi", delete=False) as named:
        named.write(content)
    path = Path(named.name)
    try:
        with FileIO(path) as file:
            yield path, file
    finally:
        path.unlink()


def _write_all(file: FileIO, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]

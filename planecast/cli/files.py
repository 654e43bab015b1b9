"""The files that a verb works on, and the reader worker that reads them."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planecast.cli.programs import needs
from planecast_protocol.configuration import known_roots
from planecast_protocol.errors import FileMissingError, NotYetWrittenError, UnsupportedFormatError
from planecast_protocol.paths import to_wire_path
from planecast_protocol.reader_messages import OpenImage

if TYPE_CHECKING:
    from planecast_reader.client import ReaderClient
    from planecast_reader.headless.image import Image

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Files of any known format, or folders of them."),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Folders with all that is beneath them.")
]
WorkerAddress = Annotated[
    str | None,
    typer.Option("--worker", help="Address of a reader worker; if left out, one is found."),
]
NOT_IMAGES = (".oif.files",)
"""Ends of the names of folders that belong to a file beside them."""


@dataclass(frozen=True)
class Found:
    """An image to work on."""

    path: Path
    name: Path
    """What results are named after: relative to the folder in which it was found."""


@dataclass(frozen=True)
class Files:
    """All images that were named or found."""

    client: "ReaderClient"
    found: tuple[Found, ...]
    is_one: bool
    """One image was named, and no folder to look through: its facts need no list around them."""

    def open(self, one: Found) -> "Image":
        """Open an image; the caller closes it."""
        from planecast_reader.headless.image import open_image

        if not one.path.exists():
            raise FileMissingError.of(one.path, "no such file or folder")
        return open_image(one.path, self.client)


@contextlib.contextmanager
def files_of(paths: Sequence[Path], worker: str | None, *, recursive: bool) -> Iterator[Files]:
    """Yield the images at `paths`; folders that are none themselves are looked through.

    `worker` is an address; `None`: the running one, or a private one that ends afterwards.
    """
    with needs("reader"):
        from planecast_reader.client import ReaderClient

    with contextlib.closing(ReaderClient(worker)) as client:
        found: list[Found] = []
        is_one = len(paths) == 1
        for path in paths:
            if path.is_dir() and not _is_image(client, path):
                found += _within(client, path, path, recursive=recursive)
                is_one = False
            else:
                found.append(Found(path, Path(path.name or path.absolute().name)))
        if not found:
            listed = ", ".join(str(path) for path in paths)
            hint = "" if recursive else "; -r looks into its folders too"
            raise FileMissingError.of(listed, f"no image file in it{hint}")
        yield Files(client, tuple(found), is_one)


def _is_image(client: "ReaderClient", folder: Path) -> bool:
    """Ask the worker, which knows folders that are one image: acquisitions, OME-Zarr, plates."""
    wire_path = to_wire_path(folder.resolve(), known_roots())
    try:
        client.request(OpenImage(request=0, path=wire_path))
    except UnsupportedFormatError:
        return False
    except NotYetWrittenError:
        return True
    return True


def _within(client: "ReaderClient", folder: Path, top: Path, *, recursive: bool) -> Iterator[Found]:
    suffixes = _known_suffixes()
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if name.startswith(".") or name.endswith(NOT_IMAGES):
            continue
        if path.is_dir():
            if _is_image(client, path):
                yield Found(path, path.relative_to(top))
            elif recursive:
                yield from _within(client, path, top, recursive=True)
        elif name.endswith(suffixes):
            yield Found(path, path.relative_to(top))


def _known_suffixes() -> tuple[str, ...]:
    from planecast_reader.formats import list_formats

    return tuple(suffix for one in list_formats() for suffix in one.suffixes)

"""Questions to a reader worker about one file, for the verbs that print facts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from planecast.cli.programs import needs
from planecast_protocol.errors import FileMissingError
from planecast_protocol.paths import local_roots, to_wire_path

if TYPE_CHECKING:
    from planecast_reader.client import ReaderClient

TIMEOUT_S = 120.0


@contextlib.contextmanager
def worker_for(path: Path, worker: str | None) -> Iterator[tuple["ReaderClient", str]]:
    """Yield a client and the path as messages name it.

    `worker` is an address; `None`: the running one, or a private one that ends afterwards.
    """
    if not path.exists():
        raise FileMissingError.of(path, "no such file or folder")
    with needs("reader"):
        from planecast_reader.client import ReaderClient

    with contextlib.closing(ReaderClient(worker)) as client:
        yield client, to_wire_path(path.absolute(), local_roots())

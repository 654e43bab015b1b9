"""Letting files go: what `planecast.release` does."""

import os

from planecast_protocol.reader_messages import ReleaseFile
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import named
from planecast_reader.headless.shared_client import shared_client

TIMEOUT_S = 30.0
"""A reader that is in the middle of a read finishes it first."""


def release(path: str | os.PathLike[str], client: ReaderClient | None = None) -> None:
    """Have every reader process close the file now, so that it can be moved or replaced.

    Without this, a file is closed when it was not read for ten seconds. Raises
    `FileMissingError` if it is gone, `WorkerUnreachableError` if no worker answers.
    """
    wire_path, _ = named(path)
    (client or shared_client()).request(ReleaseFile(request=0, path=wire_path), TIMEOUT_S)

"""What changes when a file does."""

import os
from pathlib import Path

Signature = tuple[int, int, int]
"""Size in bytes, mtime in ns, and inode."""


def signature_of(path: str | Path) -> Signature:
    """Return the signature of a file, or a folder's own. Raises `OSError`."""
    found = os.stat(path)  # noqa: PTH116 - on the way of each plane, and a `Path` takes longer than the question
    return (found.st_size, found.st_mtime_ns, found.st_ino)

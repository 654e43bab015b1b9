"""What changes when a file does."""

from pathlib import Path

Signature = tuple[int, int, int]
"""Size in bytes, mtime in ns, and inode."""


def signature_of(path: str | Path) -> Signature:
    """Return the signature of a file, or a folder's own. Raises `OSError`."""
    found = Path(path).stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino)

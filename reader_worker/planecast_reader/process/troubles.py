"""What a task that could not be done is answered with, whatever its library raised."""

from planecast_protocol.errors import (
    CorruptFileError,
    NotAllowedError,
    PlanecastError,
    TooLargeError,
)


def explain(error: Exception, path: str | None) -> PlanecastError:
    """Return the error of our tree that tells people what is wrong with the file at `path`."""
    match error:
        case PlanecastError():
            return error
        case PermissionError():
            trouble = f"it needs {error.filename}, which may not be read: outside the roots, or "
            return NotAllowedError.of(path, f"{trouble}not for this user")
        case MemoryError():
            return TooLargeError.of(path, "needs more memory than a reader has")
        case _:
            trouble = f"{type(error).__name__}: {error}".strip()[:1000]
            return CorruptFileError.of(path, trouble)

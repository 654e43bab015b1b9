"""Whether a file is the one that its controller registered."""

from planecast_protocol.errors import (
    FileChangedError,
    FileMissingError,
    NotYetWrittenError,
    PlanecastError,
)
from planecast_protocol.reader_messages import PlaneArea, ReadPixels
from planecast_reader.front.file_facts import FileFacts


def is_registered(request: ReadPixels) -> bool:
    """Tell whether the controller said what the finished file looks like."""
    return request.registered is not None


def check_registered(request: ReadPixels, facts: FileFacts) -> None:
    """Compare the file with what was registered of it.

    Raises `NotYetWrittenError` while it is shorter, and `FileChangedError` if it holds this
    plane alone and is another file by now. A file of many planes may grow.
    """
    registered = request.registered
    if registered is None or facts.is_folder:
        return
    size, mtime_ns, _inode = facts.signature
    if size < registered.size_bytes:
        trouble = f"{size} of the {registered.size_bytes} bytes that were registered are there"
        if request.running:
            raise NotYetWrittenError.of(request.path, trouble)
        raise FileChangedError.of(request.path, f"{trouble}: it was cut or replaced")
    if not _holds_one_plane(request):
        return
    if size > registered.size_bytes:
        raise _changed(request, f"it has {size} bytes, {registered.size_bytes} were registered")
    # Copied or moved after the acquisition it may have another time, and the same pixels.
    if request.running and registered.mtime_ns not in (None, mtime_ns):
        raise _changed(request, "it was written again")


def explain_missing(request: ReadPixels, error: PlanecastError) -> PlanecastError:
    """Tell a file that is gone from one that was only announced."""
    if not request.running or not isinstance(error, FileMissingError):
        return error
    if is_registered(request):
        return FileMissingError.of(request.path, "is gone: it was there when it was registered")
    return NotYetWrittenError.of(request.path, "announced, but not there yet")


def _holds_one_plane(request: ReadPixels) -> bool:
    area = request.area
    return not request.index and isinstance(area, PlaneArea) and area.page is None


def _changed(request: ReadPixels, how: str) -> FileChangedError:
    return FileChangedError.of(
        request.path, f"changed after it was registered ({how}); its controller must register it"
    )

"""One reader process: it alone loads the file libraries, does one task at a time, and may die.

    python -m planecast_reader.process CHANNEL_FD ARENA_FD LEDGER_FD ARENA_BYTES MEMORY_LIMIT [ROOT]

It is started by the front, which watches its time, and ends when the front does.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
from pathlib import Path

import msgspec

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotAllowedError,
    PlanecastError,
    TooLargeError,
    UnreachableError,
)
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.task_messages import (
    DescribeTask,
    MetadataTask,
    PixelsTask,
    PlanetableTask,
    ReaderStarted,
    ReleaseTask,
    Task,
    TaskFailed,
    TaskImage,
    TaskPayload,
)
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.process.enclosure import enclose
from planecast_reader.process.handles import IDLE_S, Handles
from planecast_reader.process.pixel_tasks import PixelTasks
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import load_plugins, open_reader, warm_up
from planecast_reader.signature import signature_of

_PR_SET_PDEATHSIG = 1

FileTask = PixelsTask | DescribeTask | PlanetableTask | MetadataTask


class ReaderProcess:
    """Serves tasks until the front closes the channel."""

    def __init__(self, channel: TaskChannel, arena: ReaderArena | None) -> None:
        self._channel = channel
        self._handles = Handles(open_reader)
        self._pixels = PixelTasks(channel, arena)

    def run(self) -> None:
        """Serve; return when the front is gone."""
        with contextlib.suppress(UnreachableError):
            self._channel.send(ReaderStarted(pid=os.getpid()))
            while True:
                task = self._channel.receive(timeout_s=IDLE_S)
                if task is None:
                    self._handles.close_idle()
                elif isinstance(task, Task):
                    self._answer(task)

    def _answer(self, task: Task) -> None:
        path = None if task.path is None else os.fsdecode(task.path)
        try:
            if path is None or isinstance(task, ReleaseTask):
                self._handles.close(path)
                self._channel.send(TaskPayload(task=task.task))
            else:
                self._do(task, path)
        except UnreachableError:
            raise
        except PlanecastError as error:
            self._fail(task, path, error)
        except PermissionError as refused:
            trouble = f"it needs {refused.filename}, which may not be read: outside the roots, or "
            self._fail(task, path, NotAllowedError.of(path, f"{trouble}not for this user"))
        except MemoryError:
            self._fail(task, path, TooLargeError.of(path, "needs more memory than a reader has"))
        except Exception as error:  # noqa: BLE001 the libraries' exception classes are arbitrary
            trouble = f"{type(error).__name__}: {error}".strip()[:1000]
            self._fail(task, path, CorruptFileError.of(path, trouble))

    def _fail(self, task: Task, path: str | None, error: PlanecastError) -> None:
        if not isinstance(error, NoDataError) or path is None or Path(path).is_dir():
            self._handles.close(path)  # whatever it knew of the file may be wrong
        self._channel.send(TaskFailed(task=task.task, error=error.to_info()))

    def _do(self, task: FileTask, path: str) -> None:
        match task:
            case PixelsTask():
                signature = signature_of(path)
                reader = self._handles.get(path, signature)
                self._pixels.read(task, reader, signature, lambda: signature_of(path))
            case DescribeTask():
                if Path(path).is_dir():
                    self._handles.close(path)  # a folder's signature hides what is beneath
                image = self._reader(path).describe()
                image = msgspec.structs.replace(image, path=task.wire_path)
                self._channel.send(TaskImage(task=task.task, image=image))
            case PlanetableTask(scene=scene, norm_time=norm_time):
                table = self._reader(path).read_planetable(scene, norm_time=norm_time)
                rows = max((len(column) for column in table.values()), default=0)
                payload = msgspec.msgpack.encode(table)
                self._channel.send(TaskPayload(task=task.task, rows=rows), payload)
            case MetadataTask():
                payload = msgspec.msgpack.encode(self._metadata(task, path))
                self._channel.send(TaskPayload(task=task.task), payload)

    def _metadata(self, task: MetadataTask, path: str) -> ImageMetadata:
        reader = self._reader(path)
        metadata = reader.read_metadata()
        size = None if Path(path).is_dir() else signature_of(path)[0]
        return msgspec.structs.replace(
            metadata,
            path=task.wire_path,
            format=reader.format,
            file_size_bytes=metadata.file_size_bytes if size is None else size,
        )

    def _reader(self, path: str) -> PlaneReader:
        return self._handles.get(path, signature_of(path))


def _end_with_parent() -> None:
    """Have the kernel kill this process with its front, also in the middle of a native call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Run one reader process until its front is gone."""
    channel_fd, arena_fd, ledger_fd, arena_bytes, memory_bytes = (int(n) for n in arguments[:5])
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front, which ends us
    if memory_bytes:
        limit = memory_bytes + arena_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if arguments[5:]:
        enclose(map(Path, arguments[5:]))
    os.dup2(2, 1)  # some libraries print progress on standard output
    load_plugins()
    warm_up()
    channel = TaskChannel(socket.socket(fileno=channel_fd))
    arena = ReaderArena(arena_fd, ledger_fd, arena_bytes) if arena_bytes else None
    ReaderProcess(channel, arena).run()


if __name__ == "__main__":
    main(sys.argv[1:])

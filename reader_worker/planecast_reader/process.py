"""One reader process: it alone loads the file libraries, does one task at a time, and may die.

    python -m planecast_reader.process CHANNEL_FD ARENA_FD ARENA_BYTES MEMORY_LIMIT_BYTES

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
    PlanecastError,
    TooLargeError,
    UnreachableError,
)
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
from planecast_reader.file_facts import Signature
from planecast_reader.handles import IDLE_S, Handles
from planecast_reader.pixel_tasks import PixelTasks
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import open_reader
from planecast_reader.task_channel import TaskChannel

_PR_SET_PDEATHSIG = 1


class ReaderProcess:
    """Serves tasks until the front closes the channel."""

    def __init__(self, channel: TaskChannel, arena_fd: int, arena_bytes: int) -> None:
        self._channel = channel
        self._handles = Handles(open_reader)
        self._pixels = PixelTasks(channel, arena_fd, arena_bytes)

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
        try:
            self._do(task)
        except UnreachableError:
            raise
        except PlanecastError as error:
            self._fail(task, error)
        except MemoryError:
            self._fail(task, TooLargeError.of(task.path, "needs more memory than a reader has"))
        except Exception as error:  # noqa: BLE001 the libraries' exception classes are arbitrary
            trouble = f"{type(error).__name__}: {error}".strip()[:1000]
            self._fail(task, CorruptFileError.of(task.path, trouble))

    def _fail(self, task: Task, error: PlanecastError) -> None:
        self._handles.close(task.path)  # whatever it knew of the file may be wrong
        self._channel.send(TaskFailed(task=task.task, error=error.to_info()))

    def _do(self, task: Task) -> None:
        match task:
            case PixelsTask():
                signature = signature_of(task.path)
                reader = self._handles.get(task.path, signature)
                self._pixels.read(task, reader, signature, lambda: signature_of(task.path))
            case DescribeTask():
                if Path(task.path).is_dir():
                    self._handles.close(task.path)  # a folder's signature hides what is beneath
                image = msgspec.structs.replace(
                    self._reader(task.path).describe(), path=task.wire_path
                )
                self._channel.send(TaskImage(task=task.task, image=image))
            case PlanetableTask():
                table = self._reader(task.path).read_planetable(
                    task.scene, norm_time=task.norm_time
                )
                rows = max((len(column) for column in table.values()), default=0)
                payload = msgspec.msgpack.encode(table)
                self._channel.send(TaskPayload(task=task.task, rows=rows), payload)
            case MetadataTask():
                payload = msgspec.msgpack.encode(self._reader(task.path).read_metadata())
                self._channel.send(TaskPayload(task=task.task), payload)
            case ReleaseTask():
                self._handles.close(task.path)
                self._channel.send(TaskPayload(task=task.task))

    def _reader(self, path: str) -> PlaneReader:
        return self._handles.get(path, signature_of(path))


def signature_of(path: str) -> Signature:
    """Return what changes when the file does."""
    found = Path(path).stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def _end_with_parent() -> None:
    """Have the kernel kill this process with its front, also in the middle of a native call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Run one reader process until its front is gone."""
    channel_fd, arena_fd, arena_bytes, memory_bytes = (int(text) for text in arguments)
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front, which ends us
    if memory_bytes:
        limit = memory_bytes + arena_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.dup2(2, 1)  # some libraries print progress on standard output
    channel = TaskChannel(socket.socket(fileno=channel_fd))
    ReaderProcess(channel, arena_fd, arena_bytes).run()


if __name__ == "__main__":
    main(sys.argv[1:])

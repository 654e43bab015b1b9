"""What a reader process does all its life: one task after the other, as the front says."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from planecast_protocol.errors import NoDataError, PlanecastError, UnreachableError
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.reader_messages import ReadPixels
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
from planecast_reader.bells.reader import BellsIn
from planecast_reader.process.early import EarlyTasks, Superseded, is_same_plane
from planecast_reader.process.handles import IDLE_S, Handles
from planecast_reader.process.pixel_tasks import PixelTasks
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.process.troubles import explain
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import open_reader
from planecast_reader.signature import signature_of

PATIENCE_S = 0.0005
"""For a task that is on its way."""

FileTask = PixelsTask | DescribeTask | PlanetableTask | MetadataTask


class ReaderProcess:
    """Serves tasks until the front closes the channel."""

    def __init__(
        self, channel: TaskChannel, arena: ReaderArena | None, bells: BellsIn | None
    ) -> None:
        self._channel = channel
        self._handles = Handles(open_reader)
        self._bells = bells
        self._pixels = PixelTasks(channel, arena, bells)
        self._early = EarlyTasks()

    def run(self) -> None:
        """Serve; return when the front is gone."""
        with contextlib.suppress(UnreachableError):
            self._channel.send(ReaderStarted(pid=os.getpid()))
            while True:
                early = None
                if self._bells is not None and not self._channel.has_message:
                    early = self._bells.wait(IDLE_S)
                if early is not None:
                    self._get_ready(early)
                    continue
                task = self._channel.receive(timeout_s=IDLE_S if self._bells is None else 0)
                if task is None:
                    self._handles.close_idle()
                elif isinstance(task, Task):
                    self._answer(task)
        self._handles.close()

    def _get_ready(self, request: ReadPixels) -> None:
        """Begin a task that has yet to come, if that is possible."""
        expected = self._early.task_of(request)
        if expected is None or not self._handles.has(os.fsdecode(expected.path)):
            return
        came: list[PixelsTask] = []

        def confirm() -> PixelsTask:
            message = self._channel.receive_awake(PATIENCE_S)
            if not isinstance(message, PixelsTask) or not is_same_plane(expected, message):
                raise Superseded(message)
            came.append(message)
            return message

        path = os.fsdecode(expected.path)
        try:
            self._read_pixels(expected, path, confirm)
        except Superseded as superseded:
            if isinstance(superseded.message, Task):
                self._answer(superseded.message)
        except UnreachableError:
            raise
        except Exception as error:  # noqa: BLE001 as below
            if came:
                self._fail(came[0], path, explain(error, path))
            else:  # nobody to tell yet: the task will fail the same way
                self._doubt(path, explain(error, path))

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
        except Exception as error:  # noqa: BLE001 the libraries' exception classes are arbitrary
            self._fail(task, path, explain(error, path))

    def _fail(self, task: Task, path: str | None, error: PlanecastError) -> None:
        self._doubt(path, error)
        self._channel.send(TaskFailed(task=task.task, error=error.to_info()))

    def _doubt(self, path: str | None, error: PlanecastError) -> None:
        """Close a file if whatever its reader knows of it may be wrong."""
        if not isinstance(error, NoDataError) or path is None or Path(path).is_dir():
            self._handles.close(path)

    def _do(self, task: FileTask, path: str) -> None:
        match task:
            case PixelsTask():
                self._read_pixels(task, path)
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

    def _read_pixels(
        self, task: PixelsTask, path: str, confirm: Callable[[], PixelsTask] | None = None
    ) -> None:
        signature = signature_of(path)
        reader = self._handles.get(path, signature)
        if self._pixels.read(task, reader, signature, lambda: signature_of(path), confirm):
            self._early.learn(task)

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

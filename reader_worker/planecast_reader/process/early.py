"""What a reader does with a request before the front has it done: get ready, and wait for the task.

A client tells the reader what it has asked the front for (`bells.py`). By the time that the front
has looked at its books and sends the task, the reader is awake, the file looked at, and what is
left is to read.
"""

from collections import OrderedDict

from planecast_protocol.reader_messages import ReadPixels
from planecast_protocol.task_messages import PixelsTask

REMEMBERED = 64


class Superseded(BaseException):
    """What was begun early is not to be done: the front says something else, or nothing."""

    def __init__(self, message: object) -> None:
        self.message = message
        """What the front says; None: nothing."""


class EarlyTasks:
    """Makes tasks of requests, for files of which this process has announced planes before.

    Those are read straight into their memory, so that nothing is read before that is given.
    """

    def __init__(self) -> None:
        self._paths: OrderedDict[str, bytes] = OrderedDict()
        self._last: PixelsTask | None = None

    def learn(self, task: PixelsTask) -> None:
        """Note a plane that was announced."""
        self._last = task
        self._paths[task.wire_path] = task.path
        self._paths.move_to_end(task.wire_path)
        if len(self._paths) > REMEMBERED:
            self._paths.popitem(last=False)

    def task_of(self, request: ReadPixels) -> PixelsTask | None:
        """Return the task that the front will probably send; None if that can't be known."""
        path = self._paths.get(request.path)
        if path is None:
            return None
        task = PixelsTask(
            task=0,
            path=path,
            wire_path=request.path,
            scene=request.scene,
            index=request.index,
            area=request.area,
        )
        has_come = self._last is not None and is_same_plane(self._last, task)
        return None if has_come else task  # the front was faster


def is_same_plane(early: PixelsTask, task: PixelsTask) -> bool:
    """Tell whether a task is what was expected."""
    return (
        early.index == task.index
        and early.path == task.path
        and early.scene == task.scene
        and early.area == task.area
    )

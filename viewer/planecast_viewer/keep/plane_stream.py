"""Planes for work in a thread: read in order, a few ahead."""

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from planecast_protocol.errors import CancelledError, PlanecastError
from planecast_viewer.planes import Pixels, PixelSource, WantedPlane, plane_message

IN_FLIGHT = 4
LOOK_EVERY_S = 0.1
"""How soon a cancel is noticed while a plane is on its way."""


def read_planes(
    source: PixelSource, planes: Iterable[WantedPlane], cancelled: threading.Event
) -> Iterator[tuple[WantedPlane, Pixels | PlanecastError]]:
    """Yield each plane with its pixels, or why it can't be read. Not for the GUI thread.

    Pixels are leased from the worker: let them go before the next. A plane that is not written
    yet is not waited for. Raises `CancelledError` once `cancelled` is set.
    """
    waiting = iter(planes)
    ahead: deque[tuple[WantedPlane, int, queue.SimpleQueue[Any]]] = deque()
    try:
        while True:
            for plane in waiting:
                answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
                message = plane_message(plane._replace(running=False), "script")
                ahead.append((plane, source.submit(message, answers.put), answers))
                if len(ahead) == IN_FLIGHT:
                    break
            if not ahead:
                return
            plane, _request, answers = ahead[0]
            answer = _wait(answers, cancelled)
            ahead.popleft()
            yield plane, answer
            del answer
    finally:
        source.cancel(*(request for _plane, request, _answers in ahead))


def _wait(answers: "queue.SimpleQueue[Any]", cancelled: threading.Event) -> Any:
    while not cancelled.is_set():
        try:
            return answers.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            continue
    raise CancelledError("cancelled")

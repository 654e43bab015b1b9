"""Many planes, few at a time: requests in flight, answers in the order in which they were asked.

A `Plan` says what to read and what to do with it; it is carried out here for callers that
wait, and in `async_streaming.py` for those that don't.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import (
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    PlanecastError,
)
from planecast_protocol.images import SceneInfo
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import Answer, PixelAnswer, ReaderClient, Request
from planecast_reader.headless.selection import plane_axes

Pixels = npt.NDArray[Any]
Result = TypeVar("Result")
Wanted = tuple[Hashable, ReadPixels]
"""A request, and what its plan calls it."""
Missing = NoDataError | NotYetWrittenError

MOST_IN_FLIGHT = 4
"""Two readers read, and each finds its next request waiting when it is done."""
BYTES_IN_FLIGHT = 256 << 20
KEPT_BYTES = 64 << 20
_LOOK_S = 0.5


class MissingPlanesWarning(UserWarning):
    """Something was made without planes that the file lacks."""


class Plan(ABC, Generic[Result]):
    """Planes to read, and what is made of them. Belongs to one caller at a time."""

    in_flight = MOST_IN_FLIGHT
    n_planes = 0
    """Planes that are read if all are there."""

    def __init__(self) -> None:
        self.missing: list[Missing] = []
        """Planes that the file lacks, and that were done without."""

    @abstractmethod
    def rounds(self) -> Iterator[Iterable[Wanted]]:
        """Yield requests; each round begins when the answers of the one before are taken."""

    @abstractmethod
    def take(self, key: Hashable, pixels: Pixels) -> None:
        """Use pixels, which lie in shared memory: keep a copy, never a view."""

    def miss(self, key: Hashable, error: Missing) -> None:  # noqa: ARG002 for those that override it
        """Be told that the file lacks a plane. Raises `error` unless the plan can do without."""
        raise error

    @abstractmethod
    def result(self) -> Result:
        """Return what was made of the planes."""

    def missing_text(self, path: str) -> str:
        """Say for people what was done without."""
        return (
            f"{path}: made without {len(self.missing)} of {self.n_planes} planes, such as: "
            f"{self.missing[0].message}"
        )

    def settle(self, key: Hashable, answer: Answer) -> None:
        """Hand an answer to `take` or `miss`; raise any other error."""
        if isinstance(answer, Missing) and not isinstance(answer, OutOfRangeError):
            self.miss(key, answer)
        elif isinstance(answer, PlanecastError):
            raise answer
        else:
            assert isinstance(answer, PixelAnswer)
            self.take(key, answer.pixels)


class Asked:
    """One request that was sent."""

    def __init__(self, client: ReaderClient, key: Hashable, message: Request) -> None:
        self.key = key
        self.answer: Future[Answer] = Future()
        """Set from the client's thread, also with an error."""
        self._client = client
        self._number = client.submit(message, self._on_answer)

    def _on_answer(self, answer: Answer) -> None:
        # A future that its waiter has cancelled takes no result.
        if self.answer.set_running_or_notify_cancel():
            self.answer.set_result(answer)

    def wait(self) -> Answer:
        """Return the answer; raise `WorkerUnreachableError` when no worker is there for long."""
        while True:
            try:
                return self.answer.result(_LOOK_S)
            except NotYetError:
                self._client.check_reachable()

    def cancel(self) -> None:
        """Withdraw the request if it is not answered."""
        if not self.answer.done():
            self._client.cancel(self._number)


def carry_out(client: ReaderClient, plan: Plan[Result]) -> Result:
    """Read everything that `plan` asks for and return its result.

    Raises what a read raises; what is then still asked for is withdrawn.
    """
    for wanted in plan.rounds():
        for key, answer in ask_in_order(client, wanted, plan.in_flight):
            plan.settle(key, answer)
    return plan.result()


def ask_in_order(
    client: ReaderClient, wanted: Iterable[Wanted], in_flight: int = MOST_IN_FLIGHT
) -> Iterator[tuple[Hashable, Answer]]:
    """Yield the answers in the order of `wanted`, with at most `in_flight` asked for."""
    requests = iter(wanted)
    asked: deque[Asked] = deque()
    try:
        while True:
            while len(asked) < in_flight and (one := next(requests, None)) is not None:
                asked.append(Asked(client, *one))
            if not asked:
                return
            answer = asked[0].wait()
            yield asked.popleft().key, answer
    finally:
        for left in asked:
            left.cancel()


def in_flight_for(scene: SceneInfo) -> int:
    """Return how many whole planes of a scene may be in flight, by their size."""
    return max(1, min(MOST_IN_FLIGHT, BYTES_IN_FLIGHT // _plane_bytes(scene)))


def keeps(scene: SceneInfo, n_planes: int) -> bool:
    """Tell whether so many planes may stay in the cache without driving all else out of it."""
    return n_planes * _plane_bytes(scene) <= KEPT_BYTES


def _plane_bytes(scene: SceneInfo) -> int:
    pixels = 1
    for axis in plane_axes(scene.sizes):
        pixels *= scene.sizes[axis]
    return max(1, pixels * np.dtype(scene.dtype).itemsize)

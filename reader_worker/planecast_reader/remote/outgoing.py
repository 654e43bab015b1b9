"""The planes of one client on their way, the most urgent piece first, and never far ahead.

What has left can't be called back, so that little is under way: as much as the link holds and a
little more. All else waits here, where a view that moves puts it in another order, and a request
that is withdrawn takes it away.
"""

import collections
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import zmq

from planecast_protocol.errors import UnreachableError
from planecast_protocol.messages import AnyMessage
from planecast_protocol.planes import Seen
from planecast_protocol.reader_messages import PRIORITIES, PixelsReady, ReadPixels
from planecast_protocol.remote_messages import PixelsComing, PixelsPart, PixelsPreview
from planecast_reader.remote.codec_choice import CodecChoice
from planecast_reader.remote.link_speed import LinkSpeed
from planecast_reader.remote.packing import THREADS, carry_out
from planecast_reader.remote.plane_out import PlaneOut, Work

MAX_PLANES = 4
"""Planes of a client that are held at a time; as many more of those that a screen waits for.
Others wait as names, not as pixels."""
PART_S = 0.012
"""A part takes about so long on its way."""
LEAST_PART_BYTES = 32 << 10
MOST_PART_BYTES = 1 << 20
UNKNOWN_PART_BYTES = 128 << 10
MESSAGE_BYTES = 100

Take = Callable[[PixelsReady], npt.NDArray[Any] | None]
Send = Callable[[AnyMessage, bytes | memoryview], None]
"""Raises `zmq.Again` if nothing more can be sent now."""
Begin = Callable[[Work], None]


class Outgoing:
    """Gateway's thread only."""

    def __init__(self, *, can_unpack: bool) -> None:
        self.speed = LinkSpeed()
        self.choice = CodecChoice(can_unpack=can_unpack)
        self._waiting: dict[int, tuple[ReadPixels, PixelsReady]] = {}
        self._planes: dict[int, PlaneOut] = {}
        self._in_work: set[Work] = set()
        self._packed: collections.deque[Work] = collections.deque()
        self._n_planes = self._number = 0

    @property
    def n_sent(self) -> int:
        """How many parts and previews have left so far."""
        return self._number

    # ------------------------------------------------------------ what is asked

    def add(self, asked: ReadPixels, ready: PixelsReady) -> None:
        """Have a plane sent when its turn comes."""
        self._waiting[asked.request] = (asked, ready)

    def drop(self, request: int) -> bool:
        """Send no more of a plane; tell whether it was on its way."""
        plane = self._planes.pop(request, None)
        if plane is not None:
            plane.dropped = True
        return self._waiting.pop(request, None) is not None or plane is not None

    def look_at(self, requests: list[int], seen: Seen) -> None:
        """Take what is seen now of these."""
        for request in requests:
            if request in self._waiting:
                asked, ready = self._waiting[request]
                seen_there = msgspec.structs.replace(asked, seen=seen)
                self._waiting[request] = (seen_there, ready)
            elif request in self._planes:
                self._planes[request].look_at(seen, self.choice.ratio, self.speed.bytes_per_s)

    def received(self, number: int) -> None:
        """Take a confirmation."""
        self.speed.confirmed(number, time.monotonic())
        for plane in self._planes.values():
            plane.note_received(number)

    # ------------------------------------------------------------ what leaves

    @property
    def is_held_back(self) -> bool:
        """Tell whether something is packed that could not leave yet."""
        return bool(self._packed)

    def packed(self, work: Work) -> None:
        """Take a piece that was packed. Raises `UnreachableError` where that failed."""
        if work not in self._in_work:
            # Of the line before: a client that is gone is heard to the end of what it had sent.
            return
        self._in_work.discard(work)
        if work.failure is not None:
            raise UnreachableError(f"a plane can't be packed: {work.failure!r}")
        self.choice.learn(work.codec, work.plain_bytes, len(work.payload), work.packing_s)
        self._packed.append(work)

    def go_on(self, take: Take, send: Send, begin: Begin) -> list[int]:
        """Send what may leave, and have more packed; return the requests that are over."""
        over: list[int] = []
        try:
            self._send_packed(send, over)
            self._admit(take, send, over)
            while self._has_room and (plane := self._most_urgent()) is not None:
                work = plane.next_work()
                work.codec = self.choice.next(self.speed.bytes_per_s)
                if work.codec.name or work.step > 1:
                    self._in_work.add(work)
                    begin(work)
                else:
                    carry_out(work)
                    self._packed.append(work)
                    self._send_packed(send, over)
        except zmq.Again:
            pass
        return over

    def _send_packed(self, send: Send, over: list[int]) -> None:
        while self._packed:
            work = self._packed[0]
            if not work.plane.dropped:
                send(self._message(work), work.payload)
                self._number += 1
                n_bytes = len(work.payload) + MESSAGE_BYTES
                self.speed.sent(self._number, n_bytes, time.monotonic())
                work.plane.note_sent(work, self._number)
                self._bury(work.plane, over)
            self._packed.popleft()

    def _message(self, work: Work) -> PixelsPart | PixelsPreview:
        request, number = work.plane.asked.request, self._number + 1
        x, y, width, height = work.rectangle
        if work.step > 1:
            return PixelsPreview(
                request=request, number=number, x=x, y=y, width=work.width, height=work.height,
                step=work.step, encoding=work.encoding,
            )  # fmt: skip
        return PixelsPart(
            request=request, number=number, x=x, y=y, width=width, height=height,
            encoding=work.encoding, seen_whole=work.plane.completes_seen(work),
        )  # fmt: skip

    def _bury(self, plane: PlaneOut, over: list[int]) -> None:
        if plane.is_over:
            over.append(plane.asked.request)
            del self._planes[plane.asked.request]

    def _admit(self, take: Take, send: Send, over: list[int]) -> None:
        """Hold the pixels of those whose turn has come, the most urgent first."""
        for request in sorted(self._waiting, key=self._urgency):
            asked, ready = self._waiting[request]
            limit = 2 * MAX_PLANES if asked.priority == "screen" else MAX_PLANES
            if len(self._planes) >= limit:
                return
            pixels = take(ready)
            if pixels is None:  # evicted meanwhile: it is asked for again, and comes again
                del self._waiting[request]
                continue
            plane = PlaneOut(asked, ready, thinned(pixels, asked.most_px), self._n_planes)
            send(_announcement(plane), b"")
            del self._waiting[request]
            self._n_planes += 1
            plane.plan(self._part_bytes, self.choice.ratio, self.speed.bytes_per_s)
            self._planes[request] = plane
            self._bury(plane, over)

    def _urgency(self, request: int) -> int:
        return PRIORITIES.index(self._waiting[request][0].priority)

    def _most_urgent(self) -> PlaneOut | None:
        planes = [plane for plane in self._planes.values() if plane.has_work]
        return min(planes, key=lambda plane: plane.rank, default=None)

    @property
    def _part_bytes(self) -> int:
        rate = self.speed.bytes_per_s
        if rate is None:
            return UNKNOWN_PART_BYTES
        return int(min(max(rate * PART_S / self.choice.ratio, LEAST_PART_BYTES), MOST_PART_BYTES))

    @property
    def _has_room(self) -> bool:
        """Tell whether another piece may be packed: its bytes should leave at once."""
        coming = sum(map(self._expected_bytes, self._in_work))
        full = self.speed.bytes_under_way + coming >= self.speed.window_bytes
        return not full and not self._packed and len(self._in_work) <= THREADS

    def _expected_bytes(self, work: Work) -> int:
        n_px = work.rectangle.width * work.rectangle.height // work.step**2
        return int(n_px * work.plane.pixel_bytes * self.choice.ratio)


def thinned(pixels: npt.NDArray[Any], most_px: int) -> npt.NDArray[Any]:
    """Return every nth pixel, so that no side is longer than about `most_px`; 0: all."""
    step = max(pixels.shape[:2]) // most_px if most_px else 1
    return pixels if step <= 1 else np.ascontiguousarray(pixels[::step, ::step])


def _announcement(plane: PlaneOut) -> PixelsComing:
    ready = plane.ready
    return PixelsComing(
        request=plane.asked.request,
        shape=plane.pixels.shape,
        dtype=ready.dtype,
        statistics=ready.statistics,
        cached=ready.cached,
        read_ms=ready.read_ms,
    )

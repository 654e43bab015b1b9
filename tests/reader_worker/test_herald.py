"""A client is told of the pixels that it gets, or is answered by the front."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from worker_rig import picture

from planecast_protocol.images import ImageInfo
from planecast_protocol.messages import AnyMessage
from planecast_protocol.reader_messages import PlaneArea
from planecast_protocol.task_messages import Bell, MemorySlot, PixelsTask, TaskPixels
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.bells.reader import BellsIn
from planecast_reader.process.pixel_tasks import PixelTasks
from planecast_reader.process.task_channel import TaskChannel
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.rawbytes import read_into
from planecast_reader.signature import signature_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bells are for Linux")

Finish = Callable[[Pixels], Pixels]


class RawReader(PlaneReader):
    """Reads raw pixels, and does something else with them."""

    format: ClassVar[str] = "raw"
    finish: Finish
    n_parts = 1

    def describe(self) -> ImageInfo:
        raise NotImplementedError

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        plane = picture(0)
        out = allocate(plane.shape, plane.dtype)
        with FileIO(self.path) as file:
            rows = len(out) // self.n_parts
            for first in range(0, len(out), rows):
                part = out if self.n_parts == 1 else out[first : first + rows]
                read_into(self.path, file, [(first * out.strides[0], part.nbytes)], part)
        return self.finish(out)

    def close(self) -> None:
        pass


class Heard(BellsIn):
    """A bell that every client hears, or none."""

    def __init__(self, *, is_heard: bool) -> None:
        self.messages: list[AnyMessage] = []
        self._is_heard = is_heard

    def ring(self, number: int, message: AnyMessage) -> bool:
        self.messages.append(message)
        return self._is_heard


class Rig:
    """A reader process's way of answering, whose client always waits awake."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = path
        path.write_bytes(picture(0).tobytes())
        self._arena = Arena(SLAB_BYTES)
        self._ours, self._theirs = socket.socketpair()
        self._view = ReaderArena(self._arena.fd, self._arena.ledger.fd, self._arena.nbytes)
        monkeypatch.setattr(ReaderArena, "fill", lambda *_arguments: True)

    def read(
        self, finish: Finish, bells: BellsIn, *, bell: bool = True, n_parts: int = 1
    ) -> TaskPixels:
        channel = TaskChannel(self._ours)
        slot = self._arena.allocate(256 << 10)
        assert slot is not None
        task = PixelsTask(
            task=1,
            path=os.fsencode(self._path),
            wire_path="data:raw",
            area=PlaneArea(),
            slot=MemorySlot(slot.number, 1, slot.offset, slot.capacity),
            bell=Bell(1, 2, 0) if bell else None,
        )
        reader = RawReader(self._path)
        reader.finish, reader.n_parts = finish, n_parts
        signature = signature_of(self._path)
        PixelTasks(channel, self._view, bells).read(task, reader, signature, lambda: signature)
        answer = TaskChannel(self._theirs).receive(5.0)
        assert isinstance(answer, TaskPixels)
        return answer

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
        self._arena.close()
        os.close(self._arena.fd)
        os.close(self._arena.ledger.fd)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(tmp_path / "raw", monkeypatch)
    yield rig
    rig.close()


def test_client_that_was_told_of_its_pixels_is_served(rig: Rig) -> None:
    bells = Heard(is_heard=True)
    assert rig.read(lambda pixels: pixels, bells).taken
    assert len(bells.messages) == 1


@pytest.mark.parametrize(
    "finish",
    [
        pytest.param(lambda pixels: pixels.T, id="turned"),
        pytest.param(lambda pixels: pixels[:10], id="cropped"),
        pytest.param(lambda pixels: pixels.astype(np.uint8), id="another dtype"),
        pytest.param(lambda pixels: pixels.copy(), id="copied"),
    ],
)
def test_front_answers_if_the_pixels_became_others_than_those_told_of(
    rig: Rig, finish: Finish
) -> None:
    assert not rig.read(finish, Heard(is_heard=True)).taken


def test_front_answers_a_client_that_could_not_be_told(rig: Rig) -> None:
    assert not rig.read(lambda pixels: pixels, Heard(is_heard=False)).taken


def test_nobody_is_told_whom_the_front_does_not_name(rig: Rig) -> None:
    bells = Heard(is_heard=True)
    assert not rig.read(lambda pixels: pixels, bells, bell=False).taken
    assert not bells.messages


def test_nobody_is_told_of_a_part_of_a_plane(rig: Rig) -> None:
    bells = Heard(is_heard=True)
    assert not rig.read(lambda pixels: pixels, bells, n_parts=2).taken
    assert not bells.messages

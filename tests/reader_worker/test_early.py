"""A reader that knows from a client what it will be asked for: it gets ready, and waits."""

import os
import select
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worker_rig import picture, wait_until, write_stack

from planecast_protocol.messages import AnyMessage
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.planes import SharedPlane
from planecast_protocol.reader_messages import PixelsSoon, ReadPixels, RegionArea
from planecast_protocol.task_messages import (
    Bell,
    MemorySlot,
    PixelsTask,
    ReaderStarted,
    ReleaseTask,
    TaskFailed,
    TaskPayload,
    TaskPixels,
)
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.leases import ClientArena
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.reader_arena import ReaderArena
from planecast_reader.bells import bell_sockets
from planecast_reader.bells import client as bells_client
from planecast_reader.bells import reader as bells_reader
from planecast_reader.bells.client import BelledConnection
from planecast_reader.bells.front import BellsOut, ClientBell
from planecast_reader.bells.reader import BellsIn
from planecast_reader.connection import Connection
from planecast_reader.process import reader_process
from planecast_reader.process.early import EarlyTasks
from planecast_reader.process.reader_process import ReaderProcess
from planecast_reader.process.task_channel import TaskChannel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bells are for Linux")

PLANES = 4
TIMEOUT_S = 20.0


class Rig:
    """A reader process's work in a thread, and its front and its client played by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waited = 0
        """How often the reader has waited for a task that it knew of."""
        self.heard = 0
        """How many requests the reader has heard, and decided upon."""
        self._arena = Arena(SLAB_BYTES)
        fds = self._arena.fd, self._arena.ledger.fd
        row = self._arena.ledger.add_client()
        assert row is not None
        self.row = row
        self.client_arena = ClientArena(*fds, self._arena.nbytes, row)
        front, tasks = socket.socketpair()
        bells_out, bells_in = bell_sockets()
        self.front = Connection(front, SLAB_BYTES)
        self._out = BellsOut(bells_out)
        self._bell = ClientBell()
        stream, self._front_of_client = socket.socketpair()
        heard = socket.socket(fileno=self._bell.to_hear.detach())
        self.client = BelledConnection(stream, heard)
        self._bells = BellsIn(bells_in, tasks)
        reader = ReaderArena(*fds, self._arena.nbytes)
        process = ReaderProcess(TaskChannel(tasks), reader, self._bells)
        self._tasks = tasks
        self._thread = threading.Thread(target=process.run)
        self._thread.start()
        self._n_tasks = 0
        assert isinstance(self.answer(), ReaderStarted)

    def request(self, z: int, **options: Any) -> ReadPixels:
        wire_path = to_wire_path(self.path, local_roots())
        return ReadPixels(request=9, path=wire_path, index={"Z": z}, awake=True, **options)

    def give(self, z: int, **options: Any) -> int:
        """Send a task as the front does; return its number."""
        slot = self._arena.allocate(128 << 10)
        assert slot is not None
        generation = self._arena.generation(slot)
        self._n_tasks += 1
        self._out.hand_over(self._bell)
        self.told = SharedPlane(slot=slot.number, generation=generation, offset=slot.offset)
        self.front.send(
            PixelsTask(
                task=self._n_tasks,
                path=os.fsencode(self.path),
                wire_path=to_wire_path(self.path, local_roots()),
                index={"Z": z},
                **{"area": self.request(z).area, **options},
                slot=MemorySlot(slot.number, generation, slot.offset, slot.capacity),
                bell=Bell(self._bell.number, 9, self.row),
            )
        )
        return self._n_tasks

    def ask_early(self, z: int, **options: Any) -> None:
        """Ask as a client does that was rung lately."""
        self.client.send(self.request(z, **options))

    def wait_until_heard(self, n: int) -> None:
        """Wait until the reader has heard that many requests."""
        wait_until(lambda: self.heard == n, "the reader has heard the request")

    def wait_until_ready(self) -> None:
        """Wait until the reader has looked at the file, and waits for its task."""
        wait_until(lambda: self.waited > 0, "the reader is ready")

    def answer(self) -> AnyMessage:
        """Return the reader's next message to the front."""
        assert select.select([self.front.socket], [], [], TIMEOUT_S)[0]
        [(message, _payload)] = self.front.receive()
        return message

    def soon(self) -> PixelsSoon:
        """Return what the client hears."""
        bell = self.client.sockets[1]
        assert select.select([bell], [], [], TIMEOUT_S)[0]
        [(message, _payload)] = self.client.receive_at(bell.fileno())
        assert isinstance(message, PixelsSoon)
        return message

    def read(self, z: int) -> TaskPixels:
        """Have a plane read as any; its client is rung, and may ask early from now on."""
        number = self.give(z)
        answer = self.answer()
        assert isinstance(answer, TaskPixels)
        assert answer.task == number
        self.soon()
        self.check(z, answer)
        return answer

    def check(self, z: int, answer: AnyMessage) -> None:
        assert isinstance(answer, TaskPixels)
        assert answer.in_slot
        pixels = self.client_arena.take(self.told, answer.shape, answer.dtype)
        np.testing.assert_array_equal(pixels, picture(z))

    def is_silent(self) -> bool:
        """Tell whether the reader says nothing to anybody."""
        sockets = [self.front.socket, self.client.sockets[1]]
        return not select.select(sockets, [], [], 0.2)[0]

    def close(self) -> None:
        self.front.close()
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()
        self.client.close()
        self._front_of_client.close()
        self._bell.close()
        self._out.close()
        self._bells.close()
        self._tasks.close()
        self._arena.close()
        os.close(self._arena.fd)
        os.close(self._arena.ledger.fd)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(reader_process, "PATIENCE_S", 5.0)
    monkeypatch.setattr(bells_client, "LATELY_S", 60.0)
    monkeypatch.setattr(bells_reader, "FRESH_NS", 60 * 10**9)  # however busy the machine
    path = tmp_path / "stack.ome.tif"
    write_stack(path, PLANES)
    rig = Rig(path)
    receive_awake = TaskChannel.receive_awake

    def counted(channel: TaskChannel, patience_s: float) -> AnyMessage | None:
        rig.waited += 1
        return receive_awake(channel, patience_s)

    monkeypatch.setattr(TaskChannel, "receive_awake", counted)
    task_of = EarlyTasks.task_of

    def heard(tasks: EarlyTasks, request: ReadPixels) -> PixelsTask | None:
        task = task_of(tasks, request)
        rig.heard += 1
        return task

    monkeypatch.setattr(EarlyTasks, "task_of", heard)
    yield rig
    rig.close()


def test_task_that_was_expected_is_done(rig: Rig) -> None:
    rig.read(0)
    for z in range(PLANES):
        rig.ask_early(z)
        number = rig.give(z)
        answer = rig.answer()
        assert isinstance(answer, TaskPixels)
        assert answer.task == number
        rig.check(z, answer)
        assert rig.soon().shared == rig.told


def test_nothing_is_told_before_the_front_agrees(rig: Rig) -> None:
    rig.read(0)
    rig.ask_early(1)
    assert rig.is_silent()
    rig.give(1)
    rig.check(1, rig.answer())


def test_another_task_than_was_expected_is_done(rig: Rig) -> None:
    rig.read(0)
    rig.ask_early(1)
    number = rig.give(2)
    answer = rig.answer()
    assert isinstance(answer, TaskPixels)
    assert answer.task == number
    rig.check(2, answer)


def test_same_plane_in_another_area_is_another(rig: Rig) -> None:
    rig.read(0)
    area = RegionArea(x=1, y=2, width=3, height=4)
    rig.ask_early(1)
    rig.give(1, area=area)
    answer = rig.answer()
    assert isinstance(answer, TaskPixels)
    assert answer.shape == (4, 3)


def test_request_that_comes_after_its_task_is_of_no_use(rig: Rig) -> None:
    """The front was faster: the reader is not to wait for the same task again."""
    rig.read(1)
    rig.ask_early(1)
    rig.wait_until_heard(1)
    rig.read(2)
    assert not rig.waited
    rig.ask_early(1)
    rig.wait_until_ready()
    rig.give(1)
    rig.check(1, rig.answer())


def test_task_of_another_kind_is_done(rig: Rig) -> None:
    rig.read(0)
    rig.ask_early(1)
    rig.front.send(ReleaseTask(task=7))
    answer = rig.answer()
    assert isinstance(answer, TaskPayload)
    assert answer.task == 7
    rig.read(1)


def test_request_that_the_front_answers_itself_leaves_nothing_behind(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_process, "PATIENCE_S", 0.01)
    rig.read(0)
    rig.ask_early(1)
    assert rig.is_silent()
    rig.read(2)


def test_file_that_the_front_did_not_have_read_is_not_touched(rig: Rig, tmp_path: Path) -> None:
    rig.read(0)
    other = tmp_path / "other.ome.tif"
    write_stack(other, PLANES)
    before = other.stat().st_atime_ns
    os.utime(other, ns=(0, other.stat().st_mtime_ns))
    known, rig.path = rig.path, other
    rig.ask_early(1)
    assert rig.is_silent()
    assert other.stat().st_atime_ns == 0 < before
    rig.path = known
    rig.read(1)


def test_error_is_told_once_and_for_the_task(rig: Rig) -> None:
    rig.read(0)
    rig.ask_early(PLANES + 5)
    assert rig.is_silent()
    number = rig.give(PLANES + 5)
    answer = rig.answer()
    assert isinstance(answer, TaskFailed)
    assert answer.task == number
    assert rig.is_silent()
    rig.read(1)


def test_file_that_is_replaced_while_the_task_is_awaited_is_not_read(
    rig: Rig, tmp_path: Path
) -> None:
    rig.read(0)
    rig.ask_early(1)
    rig.wait_until_ready()
    newer = tmp_path / "newer.ome.tif"
    write_stack(newer, PLANES)
    newer.rename(rig.path)
    rig.give(1)
    answer = rig.answer()
    assert isinstance(answer, TaskFailed)
    assert answer.error.code == "NotYetWrittenError"
    rig.read(1)


def test_running_acquisition_s_half_written_plane_is_not_whole_because_it_was_expected(
    rig: Rig, tmp_path: Path
) -> None:
    rig.read(0)
    path = tmp_path / "zeros.ome.tif"
    write_stack(path, PLANES)
    with path.open("r+b") as file:  # the first pixels, as far as the first plane reaches
        start = path.read_bytes().index(picture(0).tobytes()[:64])
        file.seek(start)
        file.write(bytes(picture(0).nbytes))
    rig.path = path
    rig.give(0, running=True)
    assert isinstance(rig.answer(), TaskFailed)
    rig.give(1, running=True)
    rig.check(1, rig.answer())
    while not rig.is_silent():
        rig.soon()
    rig.ask_early(0)
    rig.give(0, running=True)
    answer = rig.answer()
    assert isinstance(answer, TaskFailed)
    assert answer.error.code == "NotYetWrittenError"

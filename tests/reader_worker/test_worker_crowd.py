"""Clients who read nothing, or say nothing: they cost the worker little, and others nothing."""

import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from key_rig import free_port
from worker_rig import TIMEOUT_S, Worker, running_worker, status, write_stack

from planecast_protocol.reader_messages import PixelsReady, ReadPixels, RequestFailed
from planecast_protocol.streams import FrameDecoder, frame
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.front.client_session import MAX_HELD_BYTES
from planecast_reader.front.desk import MAX_UNANSWERED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses Unix sockets")
PLANES = 120
SIZE = 1024


class PlainWorker:
    """A worker with a port for this machine, and few files."""

    def __init__(self, worker: Worker, folder: Path, port: int) -> None:
        self.worker, self.folder, self.port = worker, folder, port

    def connect(self, receive_bytes: int = 0) -> socket.socket:
        one = socket.socket()
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        one.settimeout(TIMEOUT_S)
        one.connect(("127.0.0.1", self.port))
        return one


@pytest.fixture(scope="module")
def plain() -> Iterator[PlainWorker]:
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as name:
        folder, port = Path(name), free_port()
        write_stack(folder / "stack.ome.tif", 2, size=SIZE)
        options = ["--address", f"tcp://127.0.0.1:{port}", "--root", f"data={folder}"]
        with running_worker("--cache-mib", "64", *options) as worker:
            yield PlainWorker(worker, folder, port)


def plane(number: int, z: int = 0) -> ReadPixels:
    return ReadPixels(request=number, path="data:stack.ome.tif", index={"Z": z})


def test_who_reads_nothing_is_answered_no_more_and_loses_nothing(plain: PlainWorker):
    front = psutil.Process(plain.worker.process.pid)
    asked = range(1, PLANES + 1)
    with plain.connect(receive_bytes=4096) as slow:
        slow.sendall(frame(plane(PLANES + 1)))
        before = front.memory_full_info().uss
        slow.sendall(b"".join(frame(plane(number, number % 2)) for number in asked))
        client = ReaderClient(plain.worker.address)
        try:
            for number in range(20):
                answer = client.request(plane(0, number % 2), TIMEOUT_S, find=False)
                assert isinstance(answer, PixelAnswer)
            grown = front.memory_full_info().uss - before
        finally:
            client.close()

        assert grown < MAX_HELD_BYTES + (32 << 20), "of the 240 MiB that were asked for"
        decoder, found = FrameDecoder(), set()
        while len(found) < PLANES + 1:
            data = slow.recv(1 << 20)
            assert data, "cut off"
            found |= {
                message.request
                for message, payload in decoder.feed(data)
                if isinstance(message, PixelsReady) and len(payload) == SIZE * SIZE * 2
            }
        assert found == set(range(1, PLANES + 2))


def test_requests_without_end_are_refused(plain: PlainWorker):
    """A file that is not there yet is waited for, so such requests stay."""
    waiting = msgspec.structs.replace(plane(0), path="data:no.tif", running=True, wait=True)
    with plain.connect() as greedy:
        sending = threading.Thread(target=_ask_without_end, args=(greedy, waiting))
        sending.start()
        decoder, why = FrameDecoder(), ""
        while not why:
            for message, _ in decoder.feed(greedy.recv(1 << 18)):
                if isinstance(message, RequestFailed):
                    why = message.error.message
        sending.join()

    assert "requests wait for an answer already" in why


def _ask_without_end(greedy: socket.socket, waiting: ReadPixels) -> None:
    numbers = range(1, MAX_UNANSWERED + 2)
    greedy.sendall(
        b"".join(frame(msgspec.structs.replace(waiting, request=number)) for number in numbers)
    )


def test_who_says_nothing_makes_room(tmp_path: Path):
    write_stack(tmp_path / "stack.ome.tif", 2)
    port = free_port()
    with running_worker(
        *("--address", f"tcp://127.0.0.1:{port}", "--root", f"data={tmp_path}"), max_files=400
    ) as worker:
        first = ReaderClient(worker.address)
        try:
            assert isinstance(first.request(plane(0), TIMEOUT_S), PixelAnswer)
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
            second = ReaderClient(f"tcp://127.0.0.1:{port}")
            try:
                for client in (first, second):
                    assert isinstance(client.request(plane(0), TIMEOUT_S, find=False), PixelAnswer)
                assert status(first).clients < 100
                assert status(first).refused > 0
            finally:
                second.close()
                for one in silent:
                    one.close()
        finally:
            first.close()

"""Callers that receive their own answers, beside those who are called back."""

import select
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from worker_rig import (
    TIMEOUT_S,
    Asked,
    Worker,
    picture,
    plane_request,
    running_worker,
    send,
    status,
    stopped,
    wait_until,
    write_stack,
)

from planecast_protocol.errors import (
    CancelledError,
    FileMissingError,
    PlanecastError,
    ReaderTimeoutError,
)
from planecast_protocol.reader_messages import Done
from planecast_protocol.streams import frame
from planecast_reader import receiving
from planecast_reader.arena.leases import ClientArena
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.connection import Connection

PLANES = 12


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "stack.ome.tif"
    write_stack(path, PLANES)
    return path


def read(client: ReaderClient, path: Path, z: int) -> np.ndarray:
    answer = client.request(plane_request(path, index={"Z": z}), TIMEOUT_S, find=False)
    assert isinstance(answer, PixelAnswer)
    return answer.pixels


def test_many_threads_ask_and_are_called_back_at_once(client: ReaderClient, stack: Path) -> None:
    def ask(n: int) -> bool:
        z = n % PLANES
        if n % 3:
            return np.array_equal(read(client, stack, z), picture(z))
        asked = Asked(client, plane_request(stack, index={"Z": z}))
        return np.array_equal(asked.pixels(), picture(z))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(400)))


def test_callbacks_come_from_the_client_s_thread_also_while_a_caller_receives(
    worker: Worker, client: ReaderClient, stack: Path
) -> None:
    threads: list[str] = []
    answered = threading.Event()

    def on_answer(_answer: object) -> None:
        threads.append(threading.current_thread().name)
        if len(threads) == 200:
            answered.set()

    for n in range(200):
        client.submit(plane_request(stack, index={"Z": n % PLANES}), on_answer)
        read(client, stack, n % PLANES)
    assert answered.wait(TIMEOUT_S)
    assert set(threads) == {"reader-client"}


def test_no_answer_is_left_behind_when_callers_take_over_and_hand_back(
    client: ReaderClient, stack: Path
) -> None:
    stopping = threading.Event()

    def ask_on() -> int:
        asked = 0
        while not stopping.is_set():
            read(client, stack, asked % PLANES)
            asked += 1
        return asked

    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(ask_on)
        try:
            for n in range(3000):
                z = n % PLANES
                asked = Asked(client, plane_request(stack, index={"Z": z}))
                assert np.array_equal(asked.pixels()[0], picture(z)[0])
        finally:
            stopping.set()
        assert caller.result(TIMEOUT_S) > 1000


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return whether each plane that was announced was taken, with all the time it takes."""
    outcomes: list[bool] = []
    take_soon = ClientArena.take_soon

    def counted(*arguments: Any) -> Any:
        result = take_soon(*arguments)
        outcomes.append(result is not None)
        return result

    monkeypatch.setattr(ClientArena, "take_soon", counted)
    monkeypatch.setattr(receiving, "SOON_S", TIMEOUT_S)
    return outcomes


@pytest.mark.skipif(sys.platform != "linux", reason="readers announce planes on Linux")
def test_caller_takes_planes_that_a_reader_announces(
    client: ReaderClient, tmp_path: Path, taken: list[bool]
) -> None:
    paths = [tmp_path / f"{n}.ome.tif" for n in range(PLANES)]
    for path in paths:  # of one plane each, so that none is read ahead
        write_stack(path, 1)
        np.testing.assert_array_equal(read(client, path, 0), picture(0))
    assert taken, "this client's own thread received each time"
    assert all(taken)
    assert status(client).arena_used_bytes > 0
    for path in paths:  # the front knows them, too
        found = client.find(plane_request(path, index={"Z": 0}))
        assert found is not None
        np.testing.assert_array_equal(found, picture(0))


@pytest.mark.skipif(sys.platform != "linux", reason="readers announce planes on Linux")
def test_planes_come_by_message_to_those_who_wait_for_more_or_look_closer(
    client: ReaderClient, stack: Path, taken: list[bool]
) -> None:
    for z in range(PLANES):
        asked = Asked(client, plane_request(stack, index={"Z": z}))
        np.testing.assert_array_equal(asked.pixels(), picture(z))
    client.request(plane_request(stack, index={"Z": 0}, statistics=True), TIMEOUT_S)
    client.request(plane_request(stack, index={"Z": 1}, running=True), TIMEOUT_S)
    assert not taken


@pytest.mark.skipif(sys.platform != "linux", reason="readers announce planes on Linux")
def test_caller_who_has_no_time_for_an_announced_plane_is_answered(
    client: ReaderClient, stack: Path, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "SOON_S", -1.0)
    for z in range(PLANES):
        np.testing.assert_array_equal(read(client, stack, z), picture(z))


@pytest.mark.skipif(sys.platform != "linux", reason="readers announce planes on Linux")
def test_two_clients_who_ask_for_one_plane_both_get_it(
    worker: Worker, client: ReaderClient, stack: Path, taken: list[bool]
) -> None:
    other = ReaderClient(worker.address)
    try:
        for z in range(PLANES):
            asked = Asked(other, plane_request(stack, index={"Z": z}))
            np.testing.assert_array_equal(read(client, stack, z), picture(z))
            np.testing.assert_array_equal(asked.pixels(), picture(z))
    finally:
        other.close()


def test_caller_that_receives_gets_its_error(client: ReaderClient, tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match=r"nowhere\.tif"):
        client.request(plane_request(tmp_path / "nowhere.tif"), TIMEOUT_S)


def test_caller_gives_up_when_its_time_is_over_and_the_next_is_served(
    client: ReaderClient, stack: Path
) -> None:
    pids = [reader.pid for reader in status(client).readers]
    with stopped(*pids), pytest.raises(ReaderTimeoutError):
        client.request(plane_request(stack, index={"Z": 3}), 0.2)
    np.testing.assert_array_equal(read(client, stack, 4), picture(4))


def test_one_who_is_called_back_is_served_after_callers_who_received_alone(
    client: ReaderClient, stack: Path
) -> None:
    for z in range(PLANES):
        read(client, stack, z)  # nothing is left that the client's own thread waits for
        asked = Asked(client, plane_request(stack, index={"Z": z}))
        np.testing.assert_array_equal(asked.pixels(), picture(z))


def test_end_of_the_worker_is_told_although_nothing_is_waited_for(stack: Path) -> None:
    states: list[bool] = []
    with running_worker() as worker:
        client = ReaderClient(
            worker.address, on_state=lambda connected, _text: states.append(connected)
        )
        try:
            read(client, stack, 1)
            worker.kill()
            wait_until(lambda: states[-1] is False, "word of the worker's end")
            worker.start()
            np.testing.assert_array_equal(read(client, stack, 2), picture(2))
        finally:
            client.close()


def test_worker_killed_under_a_caller_is_asked_again_when_it_is_back(stack: Path) -> None:
    with running_worker() as worker:
        client = ReaderClient(worker.address)
        try:
            pids = [reader.pid for reader in status(client).readers]
            with stopped(*pids), ThreadPoolExecutor(1) as pool:
                reading = pool.submit(read, client, stack, 5)
                wait_until(lambda: status(client).queued + busy(client) > 0, "a read under way")
                worker.kill()
                for pid in pids:
                    send(pid, signal.SIGKILL)
                worker.start()
                np.testing.assert_array_equal(reading.result(TIMEOUT_S), picture(5))
        finally:
            client.close()


def busy(client: ReaderClient) -> int:
    return sum(reader.state == "busy" for reader in status(client).readers)


def test_client_closed_under_a_caller_ends_its_wait(worker: Worker, stack: Path) -> None:
    client = ReaderClient(worker.address)
    pids = [reader.pid for reader in status(client).readers]
    with stopped(*pids), ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read, client, stack, 6)
        wait_until(lambda: busy(client) > 0, "a read under way")
        client.close()
        with pytest.raises(CancelledError):
            reading.result(TIMEOUT_S)


def test_plane_of_many_strips_is_decoded_by_several_threads_and_right(
    client: ReaderClient, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    for compression in ("zstd", "zlib", "lzw", "packbits"):
        for tile in (None, (64, 96)):
            path = tmp_path / f"{compression}-{tile}.tif"
            pixels = rng.integers(0, 60_000, (500, 700)).astype(np.uint16)
            tifffile.imwrite(
                path, pixels, compression=compression, tile=tile, rowsperstrip=None if tile else 17
            )
            answer = client.request(plane_request(path), TIMEOUT_S)
            assert isinstance(answer, PixelAnswer)
            np.testing.assert_array_equal(answer.pixels, pixels)


def test_plane_whose_strip_is_damaged_is_an_error_and_no_half_picture(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.tif"
    tifffile.imwrite(path, picture(1, 512), compression="zstd", rowsperstrip=16)
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[0].dataoffsets[20]
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 64)
    with pytest.raises(PlanecastError, match=r"damaged\.tif"):
        client.request(plane_request(path), TIMEOUT_S)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="callers lead where there is epoll")
def test_connection_that_comes_while_a_caller_leads_on_the_last_is_heard() -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    (old, _), (new, peer) = [(Connection(ours, 0), theirs) for ours, theirs in pairs]
    own = receiving.Receiving()
    own.attach(old)
    assert own.take_over(old)
    own.detach(old)
    own.attach(new)
    own.hand_back(old, expects=True)
    own.wait(new)  # which wakes it once
    heard = threading.Event()

    def listen() -> None:
        while not own.receive(new):
            own.wait(new)
        heard.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert not heard.wait(0.2)  # it waits
    peer.sendall(frame(Done(request=1)))
    assert heard.wait(TIMEOUT_S)
    thread.join(TIMEOUT_S)
    own.close()
    for one in (*pairs[0], *pairs[1]):
        one.close()

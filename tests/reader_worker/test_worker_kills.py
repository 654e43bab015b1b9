"""Kills and hangs of readers, fronts and clients, and strangers at the door."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
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
    QuarantinedError,
    ReaderCrashedError,
    ReaderTimeoutError,
)
from planecast_reader.client import PixelAnswer, ReaderClient

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")


# ---------------------------------------------------------------- kills and hangs


def test_reader_killed_while_it_reads_costs_no_plane(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 2)
    Asked(client, plane_request(path)).pixels()
    pids = [reader.pid for reader in status(client).readers]
    with stopped(*pids):
        asked = Asked(client, plane_request(path, index={"Z": 1}))
        wait_until(lambda: any(r.state == "busy" for r in status(client).readers), "a busy reader")
        busy = next(r.pid for r in status(client).readers if r.state == "busy")
        send(busy, signal.SIGKILL)
        wait_until(lambda: busy not in {r.pid for r in status(client).readers}, "its replacement")
    np.testing.assert_array_equal(asked.pixels(), picture(1))
    assert status(client).readers_replaced >= 1


def test_file_that_kills_its_readers_is_quarantined_and_others_go_on(tmp_path: Path) -> None:
    poison, good = tmp_path / "poison.tif", tmp_path / "good.tif"
    # Slow to decode, so that none of those that are started meanwhile is done before it is killed.
    tifffile.imwrite(poison, picture(1, 3000), compression="lzma")
    tifffile.imwrite(good, picture(2))
    with running_worker() as worker:
        client = ReaderClient(worker.address)
        wait_until(lambda: len(_started(client)) == 3, "the start of all readers")
        for reader in _started(client):
            send(reader, signal.SIGSTOP)
        asked = Asked(client, plane_request(poison))
        while not asked.answered:
            busy = [r.pid for r in status(client).readers if r.state == "busy"]
            for pid in busy:
                send(pid, signal.SIGKILL)
        assert isinstance(asked.error(), ReaderCrashedError)
        assert "SIGKILL" in str(asked.error())
        for reader in _started(client):
            send(reader, signal.SIGCONT)
        assert isinstance(Asked(client, plane_request(poison)).error(), QuarantinedError)
        np.testing.assert_array_equal(Asked(client, plane_request(good)).pixels(), picture(2))
        tifffile.imwrite(poison, picture(3))
        wait_until(
            lambda: isinstance(Asked(client, plane_request(poison)).answer(), PixelAnswer),
            "the end of the quarantine of a file that was replaced",
        )
        client.close()


def _started(client: ReaderClient) -> list[int]:
    return [reader.pid for reader in status(client).readers if reader.state != "starting"]


def test_reader_that_hangs_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    with running_worker("--read-timeout-s", "0.4") as worker:
        client = ReaderClient(worker.address)
        wait_until(lambda: len(_started(client)) == 3, "the start of all readers")
        hanging = _started(client)
        for pid in hanging:
            send(pid, signal.SIGSTOP)
        error = Asked(client, plane_request(path)).error()
        assert isinstance(error, ReaderTimeoutError)
        assert "a.tif" in str(error)
        for pid in hanging:
            send(pid, signal.SIGCONT)
        wait_until(lambda: status(client).readers_replaced >= 2, "two new readers")
        client.close()


def test_client_gets_its_planes_from_the_next_front(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 3)
    states: list[bool] = []
    worker = Worker()
    client = ReaderClient(
        worker.address, on_state=lambda connected, _text: states.append(connected)
    )
    held = Asked(client, plane_request(tmp_path / "a.ome.tif")).pixels()
    readers = psutil.Process(worker.process.pid).children()
    worker.kill()
    _gone, alive = psutil.wait_procs(readers, timeout=5)
    assert not alive, "readers end with their front"
    asked = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": 2}))
    np.testing.assert_array_equal(held, picture(0))
    worker.start()
    np.testing.assert_array_equal(asked.pixels(), picture(2))
    client.close()
    worker.close()
    assert True in states
    assert False in states


HOLDER = """
import sys
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import open_image
client = ReaderClient(sys.argv[1])
held = [open_image(sys.argv[2], client).read_plane(Z=z) for z in (0, 1)]
print("held", flush=True)
sys.stdin.read()
"""


def test_killed_client_gives_its_leases_back(
    worker: Worker, client: ReaderClient, tmp_path: Path
) -> None:
    write_stack(tmp_path / "a.ome.tif", 2)
    before = status(client).leased_slots
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, worker.address, str(tmp_path / "a.ome.tif")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert status(client).leased_slots == before + 2
        holder.kill()
    wait_until(lambda: status(client).leased_slots == before, "the end of the leases")


# ---------------------------------------------------------------- strangers


def test_garbage_ends_only_its_own_connection(worker: Worker, client: ReaderClient) -> None:
    stranger = socket.socket(socket.AF_UNIX)
    stranger.settimeout(TIMEOUT_S)
    stranger.connect(worker.address.removeprefix("unix://"))
    _data, fds, _flags, _address = socket.recv_fds(stranger, 65536, 2)
    for fd in fds:
        os.close(fd)
    stranger.sendall(b"\xff" * 64)
    assert stranger.recv(1) == b""
    stranger.close()
    assert status(client).uptime_s > 0


def test_pixels_travel_over_tcp_too(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_stack(tmp_path / "a.ome.tif", 2)
    with running_worker("--address", f"tcp://127.0.0.1:{port}"):
        client = ReaderClient(f"tcp://127.0.0.1:{port}")
        for _ in range(2):
            pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": 1})).pixels()
            np.testing.assert_array_equal(pixels, picture(1))
        client.close()


def test_second_worker_at_an_address_is_told_why_not(worker: Worker) -> None:
    command = [sys.executable, "-m", "planecast_reader", "--address", worker.address]
    second = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert second.returncode == 1
    assert "another worker is running there" in second.stderr
    assert "Traceback" not in second.stderr


def test_address_of_another_machine_needs_keys() -> None:
    command = [sys.executable, "-m", "planecast_reader", "--address", "tcp://0.0.0.0:5815"]
    refused = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert refused.returncode == 1
    assert "without keys" in refused.stderr

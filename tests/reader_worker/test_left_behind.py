"""What a killed front or script leaves behind: nothing that runs, and nothing in the way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from worker_rig import (
    TIMEOUT_S,
    Asked,
    Worker,
    picture,
    plane_request,
    send,
    status,
    wait_until,
    write_stack,
)

from planecast_protocol.errors import WorkerUnreachableError
from planecast_reader.arena import shared_memory
from planecast_reader.client import ReaderClient
from planecast_reader.worker_link import find_worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")


@pytest.fixture
def own_worker() -> Iterator[Worker]:
    """A worker that the test may kill."""
    worker = Worker("--cache-mib", "64")
    yield worker
    if worker.process.poll() is not None:
        worker.start()
    worker.close()


def readers_of(front: int) -> list[psutil.Process]:
    readers = psutil.Process(front).children()
    assert readers
    return readers


def assert_all_end(processes: list[psutil.Process]) -> None:
    _gone, alive = psutil.wait_procs(processes, timeout=TIMEOUT_S)
    assert not alive


def test_readers_that_are_still_starting_end_with_their_front(own_worker: Worker) -> None:
    client = ReaderClient(own_worker.address)
    wait_until(lambda: status(client).uptime_s > 0, "the connection")
    readers = readers_of(own_worker.process.pid)
    own_worker.kill()
    client.close()
    assert_all_end(readers)


def test_readers_that_hang_end_with_their_front(own_worker: Worker, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 2)
    client = ReaderClient(own_worker.address)
    Asked(client, plane_request(tmp_path / "a.ome.tif")).pixels()
    wait_until(lambda: all(r.state == "idle" for r in status(client).readers), "idle readers")
    readers = readers_of(own_worker.process.pid)
    for reader in readers:
        send(reader.pid, signal.SIGSTOP)
    own_worker.kill()
    client.close()
    assert_all_end(readers)


@pytest.mark.parametrize("way", ["memfd", "posix"])
def test_the_next_front_starts_over_what_is_left(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(shared_memory.VARIABLE, way)
    write_stack(tmp_path / "a.ome.tif", 2)
    worker = Worker("--cache-mib", "64")
    for z in (0, 1):
        client = ReaderClient(worker.address)
        pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
        np.testing.assert_array_equal(pixels, picture(z))
        client.close()
        worker.kill()
        assert sorted(path.name for path in worker.folder.iterdir()) == ["w", "w.lock"]
        assert not list(Path("/dev/shm").glob("planecast-*"))
        with pytest.raises(WorkerUnreachableError, match=r"start one: planecast reader --address"):
            find_worker(worker.address)
        worker.start()
    client = ReaderClient(worker.address)
    assert status(client).leased_slots == 0
    client.close()
    worker.close()


HOLDER = """
import sys
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import open_image
client = ReaderClient()
held = open_image(sys.argv[1], client).read_plane(Z=1)
print("held", flush=True)
sys.stdin.read()
"""


def test_private_worker_ends_when_its_script_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 2)
    folder = tmp_path / "run"
    script = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PLANECAST_RUNTIME_DIR": str(folder), "PLANECAST_WORKER": ""},
    )
    with script:
        assert script.stdout is not None
        assert script.stdout.readline() == "held\n"
        family = psutil.Process(script.pid).children(recursive=True)
        assert len(family) >= 3, "a front and its readers"
        script.kill()
    assert_all_end(family)
    assert list(folder.iterdir()) == [], "a private worker has no address"

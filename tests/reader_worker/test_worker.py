"""The worker as its clients see it: real processes, sockets, files and kills."""

import gc
import io
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
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
    status,
    stopped,
    wait_until,
    wire,
    write_stack,
)

from planecast_protocol.errors import (
    CancelledError,
    EndpointError,
    FileMissingError,
    NotAllowedError,
    NotYetWrittenError,
    OutOfRangeError,
    PlanecastError,
    QuarantinedError,
    ReaderCrashedError,
    ReaderTimeoutError,
    UnsupportedFormatError,
    WorkerUnreachableError,
)
from planecast_protocol.reader_messages import OpenImage, ReadPixels, ReleaseFile
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.image import Image, open_image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "128") as worker:
        yield worker


@pytest.fixture
def client(worker: Worker) -> Iterator[ReaderClient]:
    client = ReaderClient(worker.address)
    yield client
    client.close()


# ---------------------------------------------------------------- planes


def test_planes_are_right_cold_and_cached(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 4)
    for _ in range(2):
        for z in range(4):
            pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
            np.testing.assert_array_equal(pixels, picture(z))
            assert not pixels.flags.writeable


def test_second_reading_comes_from_the_cache(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 1)
    first = client.request(plane_request(tmp_path / "a.ome.tif"))
    second = client.request(plane_request(tmp_path / "a.ome.tif"))
    assert isinstance(first, PixelAnswer)
    assert isinstance(second, PixelAnswer)
    assert (first.cached, second.cached) == (False, True)
    assert np.shares_memory(first.pixels, second.pixels)


def test_changed_file_is_read_again(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    np.testing.assert_array_equal(Asked(client, plane_request(path)).pixels(), picture(1))
    tifffile.imwrite(tmp_path / "b.tif", picture(2))
    (tmp_path / "b.tif").replace(path)
    wait_until(
        lambda: bool((Asked(client, plane_request(path)).pixels() == picture(2)).all()),
        "the new pixels",
    )


def test_plane_that_was_registered_again_is_read_again(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    assert Asked(client, plane_request(path, running=True)).pixels()[0, 0] == picture(1)[0, 0]
    tifffile.imwrite(path, picture(2))
    pixels = Asked(client, plane_request(path, running=True, revision=1)).pixels()
    np.testing.assert_array_equal(pixels, picture(2))


def test_held_planes_stay_right_while_the_cache_turns_over(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "many.ome.tif"
    write_stack(path, 40, 1024)
    held = {z: Asked(client, plane_request(path, index={"Z": z})).pixels() for z in range(5)}
    for _ in range(3):
        for z in range(40):
            Asked(client, plane_request(path, index={"Z": z})).pixels()
    for z, pixels in held.items():
        np.testing.assert_array_equal(pixels, picture(z, 1024))


def test_more_planes_held_than_the_cache_has_room_for(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "large.ome.tif"
    write_stack(path, 6, 4096)
    client = ReaderClient(worker.address)
    held = [Asked(client, plane_request(path, index={"Z": z})).pixels() for z in range(6)]
    for z, pixels in enumerate(held):
        np.testing.assert_array_equal(pixels, picture(z, 4096))
    client.close()


def test_leases_end_with_the_arrays(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 3)
    arrays = [
        Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
        for z in range(3)
    ]
    assert status(client).leased_slots == 3
    arrays.clear()
    gc.collect()
    assert status(client).leased_slots == 0


def test_statistics_come_along_when_asked_for(client: ReaderClient, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(5))
    answer = client.request(plane_request(tmp_path / "a.tif", statistics=True))
    assert isinstance(answer, PixelAnswer)
    assert answer.statistics is not None
    assert (answer.statistics.minimum, answer.statistics.maximum) == (
        picture(5).min(),
        picture(5).max(),
    )


def test_region_is_the_part_of_the_plane(worker: Worker, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(5))
    client = ReaderClient(worker.address)
    with open_image(tmp_path / "a.tif", client) as image:
        part = image.read_region(x=10, y=20, width=30, height=40)
    np.testing.assert_array_equal(part, picture(5)[20:60, 10:40])
    client.close()


def test_many_threads_get_the_planes_they_asked_for(worker: Worker, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 16)
    client = ReaderClient(worker.address)
    wrong: list[int] = []

    def read(seed: int) -> None:
        for z in np.random.default_rng(seed).integers(0, 16, 60).tolist():
            pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
            if not (pixels == picture(z)).all():
                wrong.append(z)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert wrong == []


# ---------------------------------------------------------------- files that are being written


def test_plane_appears_when_its_file_is_whole(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "later" / "a.tif"
    asked = Asked(client, plane_request(path, running=True, wait=True))
    wait_until(lambda: len(asked.pending) == 1, "the first notice")
    whole = io.BytesIO()
    tifffile.imwrite(whole, picture(9))
    data = whole.getvalue()
    path.parent.mkdir()
    with path.open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        wait_until(lambda: len(asked.pending) == 2, "the notice that it is half there")
        assert not asked.answered
        file.write(data[len(data) // 2 :])
    np.testing.assert_array_equal(asked.pixels(), picture(9))


def test_preallocated_plane_appears_when_it_is_filled(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, shape=(2, 256, 256), dtype=np.uint16, metadata={"axes": "ZYX"}, ome=True)
    asked = Asked(client, plane_request(path, index={"Z": 1}, running=True, wait=True))
    wait_until(lambda: len(asked.pending) == 1, "the notice of zeros")
    pages = tifffile.memmap(path, mode="r+")
    pages[1, :100] = picture(1)[:100]
    pages.flush()
    wait_until(lambda: len(asked.pending) == 2, "the notice of half a plane")
    pages[1] = picture(1)
    pages.flush()
    del pages
    np.testing.assert_array_equal(asked.pixels(), picture(1))


def test_black_plane_of_an_ended_acquisition_is_black(client: ReaderClient, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint16))
    assert not Asked(client, plane_request(tmp_path / "a.tif")).pixels().any()


def test_without_waiting_an_announced_plane_is_not_yet_written(
    client: ReaderClient, tmp_path: Path
) -> None:
    request = plane_request(tmp_path / "a.tif", running=True)
    assert isinstance(Asked(client, request).error(), NotYetWrittenError)


def test_waiting_request_can_be_withdrawn(client: ReaderClient, tmp_path: Path) -> None:
    asked = Asked(client, plane_request(tmp_path / "a.tif", running=True, wait=True))
    wait_until(lambda: len(asked.pending) == 1, "the notice")
    client.cancel(asked.number)
    assert isinstance(asked.error(), CancelledError)
    assert status(client).pending == 0


# ---------------------------------------------------------------- what can't be read


def test_missing_file_is_named(client: ReaderClient, tmp_path: Path) -> None:
    error = Asked(client, plane_request(tmp_path / "no.tif")).error()
    assert isinstance(error, FileMissingError)
    assert "no.tif" in str(error)


def test_fifo_is_refused_and_nothing_hangs(client: ReaderClient, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    assert isinstance(Asked(client, plane_request(tmp_path / "pipe.tif")).error(), NotAllowedError)


def test_unknown_format_is_named(client: ReaderClient, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    error = Asked(client, plane_request(tmp_path / "notes.txt")).error()
    assert isinstance(error, UnsupportedFormatError)


def test_index_beyond_the_axis_is_out_of_range(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 2)
    request = plane_request(tmp_path / "a.ome.tif", index={"Z": 2})
    assert isinstance(Asked(client, request).error(), OutOfRangeError)


def test_path_outside_the_roots_is_not_allowed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        tifffile.imwrite(folder / "a.tif", picture(1))
    (inside / "link.tif").symlink_to(outside / "a.tif")
    with running_worker("--root", f"data={inside}") as worker:
        client = ReaderClient(worker.address)
        good = Asked(client, ReadPixels(request=0, path="data:a.tif"))
        np.testing.assert_array_equal(good.pixels(), picture(1))
        for path in ("data:link.tif", wire(outside / "a.tif"), "other:a.tif"):
            error = Asked(client, ReadPixels(request=0, path=path)).error()
            assert isinstance(error, NotAllowedError)
        error = Asked(client, ReadPixels(request=0, path="data:../outside/a.tif")).error()
        assert isinstance(error, PlanecastError)
        client.close()


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
        os.kill(busy, signal.SIGKILL)
        wait_until(lambda: busy not in {r.pid for r in status(client).readers}, "its replacement")
    np.testing.assert_array_equal(asked.pixels(), picture(1))
    assert status(client).readers_replaced >= 1


def test_file_that_kills_its_readers_is_quarantined_and_others_go_on(tmp_path: Path) -> None:
    poison, good = tmp_path / "poison.tif", tmp_path / "good.tif"
    tifffile.imwrite(poison, picture(1))
    tifffile.imwrite(good, picture(2))
    with running_worker() as worker:
        client = ReaderClient(worker.address)
        wait_until(lambda: len(_started(client)) == 3, "the start of all readers")
        for reader in _started(client):
            os.kill(reader, signal.SIGSTOP)
        asked = Asked(client, plane_request(poison))
        while not asked.answered:
            busy = [r.pid for r in status(client).readers if r.state == "busy"]
            for pid in busy:
                os.kill(pid, signal.SIGKILL)
        assert isinstance(asked.error(), ReaderCrashedError)
        assert "SIGKILL" in str(asked.error())
        for reader in _started(client):
            os.kill(reader, signal.SIGCONT)
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
            os.kill(pid, signal.SIGSTOP)
        error = Asked(client, plane_request(path)).error()
        assert isinstance(error, ReaderTimeoutError)
        assert "a.tif" in str(error)
        for pid in hanging:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGCONT)
        assert status(client).readers_replaced >= 2
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
from planecast_reader.image import open_image
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


# ---------------------------------------------------------------- headless


def test_private_worker_starts_and_ends_with_its_script(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 3)
    script = (
        "import sys, os; from planecast_reader.image import open_image\n"
        "image = open_image(sys.argv[1]); print(int(image.read_plane(Z=2).sum()))\n"
        "import psutil; print(*[c.pid for c in psutil.Process().children(recursive=True)])"
    )
    environment = {**os.environ, "PLANECAST_RUNTIME_DIR": str(tmp_path / "run")}
    environment.pop("PLANECAST_WORKER", None)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.ome.tif")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment,
        check=True,
    )
    total, children = done.stdout.splitlines()
    assert int(total) == int(picture(2).sum())
    assert len(children.split()) >= 3
    wait_until(
        lambda: not any(psutil.pid_exists(int(pid)) for pid in children.split()),
        "the end of the private worker",
    )


def test_dask_array_pickles_and_computes(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANECAST_WORKER", worker.address)
    write_stack(tmp_path / "a.ome.tif", 4)
    client = ReaderClient(worker.address)
    with open_image(tmp_path / "a.ome.tif", client) as image:
        lazy = pickle.loads(pickle.dumps(image.to_dask()))
    assert lazy.shape == (4, 256, 256)
    computed = np.asarray(lazy[1:3, ::2].compute(scheduler="threads"))
    np.testing.assert_array_equal(computed, np.stack([picture(1), picture(2)])[:, ::2])
    client.close()


def test_image_says_what_it_holds(worker: Worker, tmp_path: Path) -> None:
    channels = np.stack([picture(1), picture(2)])
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}, "PhysicalSizeX": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", channels, metadata=metadata, ome=True)
    client = ReaderClient(worker.address)
    with open_image(tmp_path / "a.ome.tif", client) as image:
        assert isinstance(image, Image)
        assert [channel.name for channel in image.scenes[0].channels] == ["DAPI", "GFP"]
        assert image.scenes[0].sizes == {"C": 2, "Y": 256, "X": 256}
        np.testing.assert_array_equal(image.read_plane(C="GFP"), picture(2))
        with pytest.raises(OutOfRangeError, match="DAPI, GFP"):
            image.read_plane(C="Cy5")
        with pytest.raises(OutOfRangeError, match="no scene 3"):
            image.read_plane(scene=3)
        assert msgspec.json.encode(image.metadata)
    client.close()


def test_released_file_is_closed_in_every_reader(
    worker: Worker, client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 8)
    for z in range(8):
        Asked(client, plane_request(path, index={"Z": z})).pixels()

    def holders() -> list[int]:
        readers = psutil.Process(worker.process.pid).children()
        return [r.pid for r in readers if any(f.path == str(path) for f in r.open_files())]

    assert holders()
    assert client.request(ReleaseFile(request=0, path=wire(path)), TIMEOUT_S) is None
    assert holders() == []


def test_opening_tells_the_way_out_when_no_worker_can_be_reached() -> None:
    client = ReaderClient("unix:///tmp/planecast-nobody-listens-here")
    wait_until(lambda: "no reader worker answers" in client.trouble, "the reason")
    assert "planecast reader" in client.trouble
    client.close()
    with pytest.raises(WorkerUnreachableError, match="closed"):
        client.submit(OpenImage(request=0, path="local:a"), lambda _answer: None)


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(EndpointError, match="unix://PATH"):
        ReaderClient("nonsense")


FRONT_MODULES = """
import sys, planecast_reader.__main__, planecast_reader.client, planecast_reader.image
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_front_and_client_import_no_qt_and_no_file_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FRONT_MODULES], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    forbidden = {"PySide6", "ndv", "vispy", "qtpy", "tifffile", "aicspylibczi", "pylibCZIrw"}
    forbidden |= {"imagecodecs", "nd2", "readlif", "liffile", "pandas", "dask", "zmq"}
    assert loaded & forbidden == set()
    assert "planecast_reader" in loaded


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_running_front_has_mapped_no_qt_and_no_file_library(
    worker: Worker, client: ReaderClient, tmp_path: Path
) -> None:
    write_stack(tmp_path / "a.ome.tif", 1)
    Asked(client, plane_request(tmp_path / "a.ome.tif")).pixels()
    maps = Path(f"/proc/{worker.process.pid}/maps").read_text()
    assert "numpy" in maps
    for library in ("PySide6", "Qt6", "aicspylibczi", "pylibCZI", "imagecodecs", "pandas"):
        assert library not in maps

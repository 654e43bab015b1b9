"""Memory that is short or made another way: late or slower planes, never a SIGBUS."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from worker_rig import TIMEOUT_S, Asked, picture, plane_request, status, wait_until, write_stack

from planecast_protocol.errors import ConfigurationError
from planecast_reader.arena import shared_memory
from planecast_reader.arena.ledger import LEDGER_BYTES
from planecast_reader.arena.opening import open_arena
from planecast_reader.arena.prefault import SLAB_BYTES
from planecast_reader.arena.shared_memory.budget import affordable
from planecast_reader.client import ReaderClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has all ways")

SMALL_SHM = """
mount -t tmpfs -o size={nbytes} tmpfs /dev/shm && exec "$@"
"""
GIB = 1 << 30


# ---------------------------------------------------------------- ways


def test_a_way_that_this_system_lacks_is_refused_by_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(shared_memory.VARIABLE, "mapping")
    with pytest.raises(ConfigurationError, match=r"=mapping: .* one of memfd, posix, none"):
        shared_memory.supported()


@pytest.mark.parametrize("way", ["memfd", "posix"])
def test_memory_has_no_name_and_is_shared_by_its_descriptor(
    way: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(shared_memory.VARIABLE, way)
    fd = shared_memory.create("planecast-test", SLAB_BYTES)
    assert not list(Path("/dev/shm").glob("planecast-*"))
    with (
        shared_memory.map_writable(fd, SLAB_BYTES) as ours,
        shared_memory.map_readonly(fd, SLAB_BYTES) as theirs,
    ):
        os.close(fd)
        ours[SLAB_BYTES - 1] = 7
        assert theirs[SLAB_BYTES - 1] == 7
        with pytest.raises(TypeError, match=r"read-?only|can't modify"):
            theirs[0] = 1


def test_sealed_memory_can_not_be_shrunk_under_its_readers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(shared_memory.VARIABLE, "memfd")
    fd = shared_memory.create("planecast-test", SLAB_BYTES)
    with pytest.raises(PermissionError):
        os.ftruncate(fd, 0)
    os.close(fd)


@pytest.mark.parametrize("way", ["memfd", "posix", "none"])
def test_planes_are_right_whichever_way_they_travel(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(shared_memory.VARIABLE, way)
    write_stack(tmp_path / "a.ome.tif", 4)
    with worker_of("--cache-mib", "64") as (client, _log):
        for z in (0, 3, 1, 2, 0):
            pixels = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
            np.testing.assert_array_equal(pixels, picture(z))
        assert status(client).arena_bytes == (0 if way == "none" else 64 << 20)


# ---------------------------------------------------------------- too little


@contextmanager
def worker_of(*options: str, around: tuple[str, ...] = ()) -> Iterator[tuple[ReaderClient, Path]]:
    """Yield a client of a worker that was started by the words `around`, and the worker's log."""
    folder = Path(tempfile.mkdtemp(prefix="pc", dir="/tmp"))
    address = f"unix://{folder}/w"
    command = [*around, sys.executable, "-m", "planecast_reader", "--address", address]
    with (folder / "log").open("w") as log:
        worker = subprocess.Popen(
            [*command, "--readers", "2", *options], stdout=subprocess.PIPE, stderr=log, text=True
        )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline().startswith("ready"), (folder / "log").read_text()
        client = ReaderClient(address)
        try:
            yield client, folder / "log"
        finally:
            client.close()
            worker.terminate()
            assert worker.wait(10) == 0
    shutil.rmtree(folder)


def with_small_shm(nbytes: int) -> tuple[str, ...]:
    """Return the words that give a program a `/dev/shm` of its own, of so many bytes."""
    words = ("unshare", "--mount", "sh", "-c", SMALL_SHM.format(nbytes=nbytes), "sh")
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("this user may not mount a small /dev/shm")
    return words


def test_a_container_with_little_shared_memory_gets_all_its_planes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    around = with_small_shm(64 << 20)
    monkeypatch.setenv(shared_memory.VARIABLE, "posix")
    write_stack(tmp_path / "a.ome.tif", 12, 2048)
    with worker_of("--cache-mib", "256", around=around) as (client, log):
        held = []
        for z in range(12):  # 96 MiB, all of it held
            held.append(
                Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": z})).pixels()
            )
            np.testing.assert_array_equal(held[-1], picture(z, 2048))
        for z, pixels in enumerate(held):
            np.testing.assert_array_equal(pixels, picture(z, 2048))
        assert status(client).readers_replaced == 0, "nobody died of a SIGBUS"
        assert 0 < status(client).leased_slots < 12
        assert "it stays at 56 MiB" in log.read_text()
        assert "--shm-size" in log.read_text()


def test_the_budget_is_what_a_small_shm_has(monkeypatch: pytest.MonkeyPatch):
    around = with_small_shm(64 << 20)
    monkeypatch.setenv(shared_memory.VARIABLE, "posix")
    program = "from planecast_reader.arena import shared_memory as s; print(s.affordable_bytes())"
    told = subprocess.run(
        [*around, sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) == 64 << 20


def test_no_room_for_the_books_is_told_and_planes_go_through_the_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    around = with_small_shm(LEDGER_BYTES // 2)
    monkeypatch.setenv(shared_memory.VARIABLE, "posix")
    write_stack(tmp_path / "a.ome.tif", 1)
    with worker_of("--cache-mib", "64", around=around) as (client, log):
        pixels = Asked(client, plane_request(tmp_path / "a.ome.tif")).pixels()
        np.testing.assert_array_equal(pixels, picture(0))
        assert status(client).arena_bytes == 0
        assert "pixels travel through the sockets" in log.read_text()


def test_a_budget_below_a_slab_is_told_and_gives_no_arena(caplog: pytest.LogCaptureFixture):
    assert open_arena(SLAB_BYTES - 1) is None
    assert "7 MiB for shared planes are too little" in caplog.text
    assert "--cache-mib 8" in caplog.text


def test_a_plane_larger_than_the_arena_travels_through_the_socket(tmp_path: Path):
    path = tmp_path / "large.tif"
    large = np.random.default_rng(1).integers(1, 4000, (4200, 4200)).astype(np.uint16)
    tifffile.imwrite(path, large)
    assert large.nbytes > SLAB_BYTES
    with worker_of("--cache-mib", "32") as (client, _log):
        np.testing.assert_array_equal(Asked(client, plane_request(path)).pixels(), large)
        assert client.find(plane_request(path)) is None
        write_stack(tmp_path / "a.ome.tif", 2)
        small = Asked(client, plane_request(tmp_path / "a.ome.tif", index={"Z": 1})).pixels()
        np.testing.assert_array_equal(small, picture(1))
        wait_until(lambda: status(client).leased_slots == 1, "the small plane's place")


def test_more_than_the_system_has_is_refused_before_it_is_touched(
    monkeypatch: pytest.MonkeyPatch,
):
    around = with_small_shm(8 << 20)
    program = """
from planecast_protocol.errors import TooLargeError
from planecast_reader.arena import shared_memory
fd = shared_memory.create("test", 64 << 20)
try:
    shared_memory.back_with_pages(fd, 0, 64 << 20)
except TooLargeError as full:
    print(full)
"""
    monkeypatch.setenv(shared_memory.VARIABLE, "posix")
    told = subprocess.run(
        [*around, sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    assert told.stdout == "no 64 MiB of memory left for the plane cache\n"


def test_no_address_space_for_the_arena_is_told():
    program = """
import logging, resource
logging.basicConfig()
from planecast_reader.arena.opening import open_arena
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
print(open_arena(8 << 30))
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "None\n"
    assert "pixels travel through the sockets" in told.stderr


# ---------------------------------------------------------------- budgets


def written(folder: Path, **texts: str) -> None:
    """Write files as the kernel shows them; `/` in a name is `__`."""
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_D_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def kernel(tmp_path: Path) -> tuple[Path, Path]:
    """Folders in place of /proc and /sys/fs/cgroup, of a machine with 16 GiB to spare."""
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    written(proc, meminfo=f"MemTotal: 1 kB\nMemAvailable: {16 * GIB >> 10} kB\n")
    cgroups.mkdir()
    return proc, cgroups


def test_without_limits_it_is_a_quarter_of_what_is_free(kernel: tuple[Path, Path]):
    assert affordable(100 * GIB, *kernel) == 4 * GIB
    assert affordable(2 * GIB, *kernel) == 2 * GIB


def test_a_container_has_half_of_what_its_limit_leaves(kernel: tuple[Path, Path]):
    written(kernel[1], memory_D_max=str(GIB), memory_D_current=str(GIB // 2))
    assert affordable(2 * GIB, *kernel) == GIB // 4


def test_page_cache_is_not_held_against_a_container(kernel: tuple[Path, Path]):
    stat = f"anon 5\ninactive_file {GIB // 2}\n"
    written(kernel[1], memory_D_max=str(GIB), memory_D_current=str(GIB), memory_D_stat=stat)
    assert affordable(2 * GIB, *kernel) == GIB // 4


def test_the_tightest_group_above_a_service_counts(kernel: tuple[Path, Path]):
    proc, cgroups = kernel
    written(proc, self__cgroup="0::/lab.slice/worker.service\n")
    group = "lab_D_slice__"
    written(cgroups, **{f"{group}memory_D_max": str(GIB), f"{group}memory_D_current": "0"})
    inner = f"{group}worker_D_service__"
    written(cgroups, **{f"{inner}memory_D_max": "max", f"{inner}memory_D_current": "0"})
    assert affordable(2 * GIB, *kernel) == GIB // 2


def test_groups_of_version_1_are_read_too(kernel: tuple[Path, Path]):
    proc, cgroups = kernel
    written(proc, self__cgroup="5:devices:/\n4:memory:/job\n")
    job = "memory__job__memory_D_"
    written(cgroups, **{f"{job}limit_in_bytes": str(GIB), f"{job}usage_in_bytes": "0"})
    assert affordable(2 * GIB, *kernel) == GIB // 2

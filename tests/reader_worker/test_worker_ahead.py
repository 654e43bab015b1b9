"""What the worker does before it is asked, what it leaves, and planes found without a message."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

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
    wire,
    write_stack,
)

from planecast_protocol.errors import CancelledError
from planecast_protocol.reader_messages import ReadPixels, ReleaseFile
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.front.size_hints import SizeHints

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared memory is Linux's")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "256") as worker:
        yield worker


@pytest.fixture
def client(worker: Worker) -> Iterator[ReaderClient]:
    client = ReaderClient(worker.address)
    wait_until(lambda: status(client).uptime_s > 0, "the connection")
    yield client
    client.close()


def step(**index: int) -> ReadPixels:
    return ReadPixels(request=0, path="local:a/b.tif", index=index)


# ---------------------------------------------------------------- without a message


def test_cached_plane_is_found_without_a_message(client: ReaderClient, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 2)
    request = plane_request(tmp_path / "a.ome.tif", index={"Z": 1})
    assert client.find(request) is None
    Asked(client, request).pixels()
    before = status(client).requests
    found = client.find(request)
    assert found is not None
    np.testing.assert_array_equal(found, picture(1))
    assert not found.flags.writeable
    assert client.find(plane_request(tmp_path / "a.ome.tif", index={"Z": 0})) is None
    assert status(client).requests == before + 1


def test_replaced_file_is_not_found_without_a_message_for_long(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    Asked(client, plane_request(path)).pixels()
    tifffile.imwrite(tmp_path / "new.tif", picture(2))
    (tmp_path / "new.tif").replace(path)
    wait_until(lambda: client.find(plane_request(path)) is None, "the end of its certainty")
    np.testing.assert_array_equal(Asked(client, plane_request(path)).pixels(), picture(2))
    found = client.find(plane_request(path))
    assert found is not None
    np.testing.assert_array_equal(found, picture(2))


def test_released_file_is_looked_at_anew_at_once(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for n in range(5):
        tifffile.imwrite(tmp_path / "new.tif", picture(n))
        (tmp_path / "new.tif").replace(path)
        client.request(ReleaseFile(request=0, path=wire(path)), TIMEOUT_S)
        answer = client.request(plane_request(path), TIMEOUT_S)
        assert isinstance(answer, PixelAnswer)
        np.testing.assert_array_equal(answer.pixels, picture(n))


def test_plane_of_a_running_acquisition_is_found_only_if_it_was_checked(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(1))
    Asked(client, plane_request(path)).pixels()
    assert client.find(plane_request(path, running=True)) is None
    Asked(client, plane_request(path, running=True)).pixels()
    assert client.find(plane_request(path, running=True)) is not None
    assert client.find(plane_request(path, running=True, revision=1)) is None


def test_found_planes_are_used_planes(tmp_path: Path) -> None:
    """What is found without a message is not the first to be evicted."""
    path = tmp_path / "many.ome.tif"
    write_stack(path, 40, 1024)
    with running_worker("--cache-mib", "32") as worker:
        client = ReaderClient(worker.address)
        favourite = plane_request(path, index={"Z": 0}, running=True)
        Asked(client, favourite).pixels()
        for z in range(1, 40):
            assert client.find(favourite) is not None
            Asked(client, plane_request(path, index={"Z": z}, running=True)).pixels()
        assert client.find(plane_request(path, index={"Z": 1}, running=True)) is None
        client.close()


# ---------------------------------------------------------------- ahead


def test_stepping_through_a_stack_reads_ahead(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 8)
    for z in (0, 1):
        Asked(client, plane_request(path, index={"Z": z})).pixels()
    wait_until(
        lambda: all(client.find(plane_request(path, index={"Z": z})) is not None for z in (2, 3)),
        "planes that nobody asked for",
    )
    found = client.find(plane_request(path, index={"Z": 2}))
    assert found is not None
    np.testing.assert_array_equal(found, picture(2))


def test_reading_ahead_stops_at_the_end_without_an_error(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 3)
    for z in range(3):
        answer = Asked(client, plane_request(path, index={"Z": z})).answer()
        assert isinstance(answer, PixelAnswer)
    assert status(client).quarantined == []


def write_hyperstack(path: Path) -> None:
    """Write T=2, C=2, Z=3; the plane at (t, c, z) is `picture(100 * t + 10 * c + z)`."""
    planes = [[[picture(100 * t + 10 * c + z) for z in range(3)] for c in range(2)] for t in (0, 1)]
    tifffile.imwrite(path, np.array(planes), metadata={"axes": "TCZYX"}, ome=True)


def test_neighbours_of_a_screen_at_rest_are_read(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_hyperstack(path)
    here = {"T": 0, "C": 0, "Z": 1}
    Asked(client, plane_request(path, index=here, priority="screen")).pixels()
    for axis, place, number in (("Z", 2, 2), ("Z", 0, 0), ("C", 1, 11), ("T", 1, 101)):
        request = plane_request(path, index={**here, axis: place})
        wait_until(lambda request=request: client.find(request) is not None, f"{axis}={place}")
        found = client.find(request)
        assert found is not None
        np.testing.assert_array_equal(found, picture(number))
    beyond = status(client).reads
    Asked(client, plane_request(path, index={"T": 1, "C": 1, "Z": 0}, priority="screen")).pixels()
    assert client.find(plane_request(path, index={"T": 1, "C": 0, "Z": 2})) is None
    assert status(client).reads > beyond


def test_scripts_have_no_screen_around_which_to_read(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_hyperstack(path)
    Asked(client, plane_request(path, index={"T": 0, "C": 0, "Z": 1})).pixels()
    reads = status(client).reads
    let_rest(client, tmp_path)
    assert client.find(plane_request(path, index={"T": 0, "C": 0, "Z": 2})) is None
    assert status(client).reads <= reads + 2


def let_rest(client: ReaderClient, tmp_path: Path) -> None:
    """Wait until a screen that asks now has been at rest: its neighbour was read."""
    other = tmp_path / "other.ome.tif"
    write_stack(other, 2)
    Asked(client, plane_request(other, index={"Z": 0}, priority="screen")).pixels()
    neighbour = plane_request(other, index={"Z": 1})
    wait_until(lambda: client.find(neighbour) is not None, "the neighbour of another plane")


def test_nothing_is_read_ahead_of_a_running_acquisition(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 8)
    for z in (0, 1):
        request = plane_request(path, index={"Z": z}, priority="screen", running=True)
        Asked(client, request).pixels()
    let_rest(client, tmp_path)
    assert client.find(plane_request(path, index={"Z": 2})) is None
    assert client.find(plane_request(path, index={"Z": 2}, running=True)) is None


def test_planes_beyond_the_end_are_not_tried_again_and_again(
    worker: Worker, client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 2)
    last = plane_request(path, index={"Z": 1}, priority="screen")
    other = ReaderClient(worker.address)  # whose screen rests later than that of `client`
    tasks: list[int] = []
    for turn in range(4):
        Asked(client, last).pixels()
        (tmp_path / str(turn)).mkdir()
        let_rest(other, tmp_path / str(turn))
        wait_until(lambda: all(r.state == "idle" for r in status(client).readers), "idle readers")
        tasks.append(sum(reader.reads for reader in status(client).readers))
    other.close()
    assert np.diff(tasks).tolist() == [2, 2, 2], "no more than the two of the other screen"


def test_reading_ahead_leaves_a_reader_free(client: ReaderClient, tmp_path: Path) -> None:
    """Somebody who waits gets a reader at once, however much is to be read ahead."""
    path, urgent = tmp_path / "a.ome.tif", tmp_path / "urgent.tif"
    write_stack(path, 40)
    tifffile.imwrite(urgent, picture(7))
    for z in (0, 1):
        Asked(client, plane_request(path, index={"Z": z})).pixels()
    wait_until(lambda: all(r.state == "idle" for r in status(client).readers), "idle readers")
    pids = [reader.pid for reader in status(client).readers]
    with stopped(*pids):
        ahead = [
            Asked(client, plane_request(path, index={"Z": z}, priority="prefetch"))
            for z in range(10, 30)
        ]
        wait_until(lambda: status(client).queued == 19, "one of them to be begun")
        asked = Asked(client, plane_request(urgent, priority="screen"))
        wait_until(
            lambda: "urgent.tif" in " ".join(r.path for r in status(client).readers), "its start"
        )
        assert status(client).queued == 19
    np.testing.assert_array_equal(asked.pixels(), picture(7))
    for one in ahead:
        one.pixels()


def test_plane_read_ahead_is_hurried_when_somebody_wants_it(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 40)
    Asked(client, plane_request(path)).pixels()
    wait_until(lambda: all(r.state == "idle" for r in status(client).readers), "idle readers")
    with stopped(*(reader.pid for reader in status(client).readers)):
        ahead = [
            Asked(client, plane_request(path, index={"Z": z}, priority="prefetch"))
            for z in range(10, 20)
        ]
        wait_until(lambda: status(client).queued == 9, "one of them to be begun")
        wanted = Asked(client, plane_request(path, index={"Z": 19}, priority="screen"))
        wait_until(lambda: status(client).queued == 8, "the start of the one that is wanted")
    np.testing.assert_array_equal(wanted.pixels(), picture(19))
    for one in ahead:
        one.pixels()


# ---------------------------------------------------------------- views


def test_newer_turn_of_a_view_withdraws_the_older(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 60)
    Asked(client, plane_request(path)).pixels()
    readers = [reader.pid for reader in status(client).readers]
    reads_before = status(client).reads
    with stopped(*readers):
        asked = [
            Asked(client, plane_request(path, index={"Z": z}, view=1, turn=z, priority="screen"))
            for z in range(1, 60)
        ]
        wait_until(lambda: sum(a.answered for a in asked) >= 56, "the withdrawal of the older")
    np.testing.assert_array_equal(asked[-1].pixels(), picture(59))
    assert all(isinstance(a.answer(), CancelledError) for a in asked[:-4])
    assert status(client).reads - reads_before < 10, "withdrawn planes were not read"


def test_channels_of_one_turn_stay(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 3)
    asked = [Asked(client, plane_request(path, index={"Z": z}, view=2, turn=1)) for z in range(3)]
    for z, one in enumerate(asked):
        np.testing.assert_array_equal(one.pixels(), picture(z))


def test_views_do_not_disturb_each_other(client: ReaderClient, tmp_path: Path) -> None:
    path = tmp_path / "later.tif"
    waiting = Asked(client, plane_request(path, view=3, turn=1, running=True, wait=True))
    wait_until(lambda: bool(waiting.pending), "the notice")
    Asked(client, plane_request(path, view=4, turn=2)).answer()
    tifffile.imwrite(path, picture(1))
    np.testing.assert_array_equal(waiting.pixels(), picture(1))


# ---------------------------------------------------------------- sizes


def test_size_of_a_neighbour_is_guessed() -> None:
    hints = SizeHints()
    assert hints.guess(step(Z=1)) == 0
    hints.learn(step(Z=1), 1000)
    assert hints.guess(step(Z=2)) == 1000
    neighbour = ReadPixels(request=0, path="local:a/c.tif")
    assert hints.guess(neighbour) == 1000
    assert hints.guess(ReadPixels(request=0, path="local:x/c.tif")) == 0


def test_sizes_of_many_files_do_not_fill_the_memory() -> None:
    hints = SizeHints()
    for n in range(5000):
        hints.learn(ReadPixels(request=0, path=f"local:a/{n}.tif"), n)
    assert len(hints._sizes) <= 1024


def test_larger_plane_than_guessed_is_right(client: ReaderClient, tmp_path: Path) -> None:
    for n, size in enumerate((64, 1024, 300)):
        tifffile.imwrite(tmp_path / f"{n}.tif", picture(n, size))
    for n, size in enumerate((64, 1024, 300)):
        pixels = Asked(client, plane_request(tmp_path / f"{n}.tif")).pixels()
        np.testing.assert_array_equal(pixels, picture(n, size))


def test_reader_killed_while_it_reads_ahead_harms_nobody(
    client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 8)
    for z in (0, 1):
        Asked(client, plane_request(path, index={"Z": z})).pixels()
    for reader in status(client).readers:
        send(reader.pid, signal.SIGKILL)
    np.testing.assert_array_equal(
        Asked(client, plane_request(path, index={"Z": 5})).pixels(), picture(5)
    )

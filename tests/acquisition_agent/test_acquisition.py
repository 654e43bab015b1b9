"""What a controller may say, and what it is told when it says something else."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_agent.spool_reader import take_spool
from planecast_protocol.configuration import configured_roots
from planecast_protocol.errors import (
    AcquisitionError,
    BadPathError,
    ConfigurationError,
    EndpointError,
)
from planecast_protocol.event_messages import EndAcquisition, Event, RegisterImage
from planecast_protocol.messages import decode_event

Start = Callable[..., Acquisition]


@pytest.fixture(autouse=True)
def nobody_to_wait_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `close` not wait where no agent runs."""
    if "agent" not in request.fixturenames:
        monkeypatch.setattr("planecast_agent.acquisition.CLOSE_TIMEOUT_S", 0.0)


class NumpyLikeInt:
    """Stands for the integers that come out of arrays."""

    def __index__(self) -> int:
        return 2


def spooled(acquisition: Acquisition, folder: Path) -> list[Event]:
    """End the acquisition's sender, and return what is in its spool."""
    acquisition.close()
    reader = take_spool(folder / f"{acquisition.id}.spool")
    assert reader is not None
    events = [decode_event(body) for batch in reader.batches() for body in batch.bodies]
    reader.close()
    return events


BAD_PLANES = {
    "unknown channel": ({"channel": "GFP"}, "'GFP': this acquisition has BF, DAPI"),
    "channel number": ({"channel": 2}, "channel 2: this acquisition has 0 to 1"),
    "fov": ({"fov_idx": 2}, "fov 2: this acquisition has 0 to 1"),
    "negative fov": ({"fov_idx": -1}, "fov -1"),
    "z": ({"z": 3}, "z 3: this acquisition has 0 to 2"),
    "negative t": ({"t": -1}, "int"),
    "t of 2**40": ({"t": 2**40}, "int"),
    "t of 2**70": ({"t": 2**70}, "int"),
    "negative page": ({"page": -1}, "int"),
    "negative size": ({"size_bytes": -1}, "int"),
}


@pytest.mark.parametrize(("wrong", "why"), BAD_PLANES.values(), ids=BAD_PLANES.keys())
def test_a_plane_that_cant_be_is_refused_before_it_is_written(
    home: Path, start: Start, wrong: dict[str, object], why: str
):
    acquisition = start(spool_dir=home)
    plane = {"t": 0, "fov_idx": 0, "z": 0, "channel": "BF", "filepath": "/data/a.tif"}

    with pytest.raises(AcquisitionError, match=why):
        acquisition.register_image(**(plane | wrong))  # type: ignore[arg-type]

    assert len(spooled(acquisition, home)) == 1


def test_a_file_beneath_no_root_is_refused_with_the_roots(start: Start):
    with pytest.raises(BadPathError, match="data=/data"):
        start().register_image(0, 0, 0, 0, "/elsewhere/a.tif")


def test_paths_are_named_by_their_root_however_they_are_given(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(home)
    acquisition = start(spool_dir=home, roots={"here": home, "deep": home / "a"})
    for path in ("x.tif", home / "x.tif", f"{home}/b/../y.tif", "a/b/z.tif", "a/b/z2.tif"):
        acquisition.register_image(0, 0, 0, 0, path)

    images = [e for e in spooled(acquisition, home) if isinstance(e, RegisterImage)]
    paths = [image.source.path for image in images]
    assert paths == ["here:x.tif", "here:x.tif", "here:y.tif", "deep:b/z.tif", "deep:b/z2.tif"]


@pytest.mark.parametrize("name", ["a\\b.tif", "a\0b.tif"])
def test_a_name_that_no_reader_would_open_is_refused_in_a_known_folder_too(start: Start, name: str):
    acquisition = start()
    acquisition.register_image(0, 0, 0, 0, "/data/good.tif")

    with pytest.raises(BadPathError):
        acquisition.register_image(0, 0, 0, 0, f"/data/{name}")


def test_everything_the_controller_knows_reaches_the_spool(home: Path, start: Start):
    acquisition = start(spool_dir=home)
    number = NumpyLikeInt()

    acquisition.register_image(
        *(number, 1, number, "DAPI", "/data/a.ome.tif"),  # type: ignore[arg-type]
        page=7,
        scene=1,
        index={"T": number, "Z": 1},  # type: ignore[dict-item]
        size_bytes=100,
        mtime_ns=5,
    )

    image = spooled(acquisition, home)[1]
    assert isinstance(image, RegisterImage)
    assert tuple(getattr(image.index, axis) for axis in ("t", "fov", "z", "channel")) == (
        2,
        1,
        2,
        1,
    )
    source = image.source
    assert (source.path, source.page, source.scene) == ("data:a.ome.tif", 7, 1)
    assert (source.index, source.size_bytes, source.mtime_ns) == ({"T": 2, "Z": 1}, 100, 5)


BAD_STARTS = {
    "no channels": ({"channels": []}, "length"),
    "a channel twice": ({"channels": ["BF", "BF"]}, "once"),
    "a nameless channel": ({"channels": [""]}, "length"),
    "no fovs": ({"fov_labels": []}, "length"),
    "num_z of 0": ({"num_z": 0}, "int"),
    "pixel size of 0": ({"pixel_size_um": 0.0}, "pixel_size_um 0.0"),
    "z step of nan": ({"z_step_um": float("nan")}, "z_step_um nan"),
    "one color for two channels": ({"channel_colors": ["#ffffff"]}, "1 channel_colors for 2"),
    "too many fovs": ({"fov_labels": ["A1:0"] * 20_001}, "length"),
    "too much text": ({"fov_labels": ["x" * 100] * 5000}, "bytes"),
}


@pytest.mark.parametrize(("wrong", "why"), BAD_STARTS.values(), ids=BAD_STARTS.keys())
def test_an_acquisition_that_cant_be_is_refused(
    home: Path, start: Start, wrong: dict[str, object], why: str
):
    with pytest.raises(AcquisitionError, match=why):
        start(spool_dir=home / "spool", **wrong)

    assert not (home / "spool").exists()


def test_a_malformed_address_is_refused_at_the_start(start: Start):
    with pytest.raises(EndpointError, match="tcp://HOST:PORT"):
        start(agent="localhost")


def test_a_plane_after_the_end_is_refused(home: Path, start: Start):
    acquisition = start(spool_dir=home)
    acquisition.end()
    acquisition.end("aborted")

    with pytest.raises(AcquisitionError, match="has ended"):
        acquisition.register_image(0, 0, 0, 0, "/data/a.tif")

    events = spooled(acquisition, home)
    ends = [event for event in events if isinstance(event, EndAcquisition)]
    assert [end.status for end in ends] == ["done"]
    assert events[-1] is ends[0]


def test_leaving_the_context_ends_and_delivers(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    with start() as acquisition:
        acquisition.register_image(0, 0, 0, 0, "/data/a.tif")

    summary = subscriber.summary(acquisition.id)
    assert summary is not None
    assert (summary.state, summary.planes) == ("done", 1)


def test_an_error_in_the_context_aborts_with_its_text(home: Path, start: Start):
    with pytest.raises(RuntimeError), start(spool_dir=home) as acquisition:
        raise RuntimeError("stuck at " + os.fsdecode(b"\xff.tif"))

    end = spooled(acquisition, home)[-1]
    assert isinstance(end, EndAcquisition)
    assert (end.status, end.reason) == ("aborted", "RuntimeError: stuck at ?.tif")


def test_the_sender_ends_by_itself_when_all_is_delivered(agent: AgentProcess, start: Start):
    acquisition = start()
    acquisition.end()

    def is_running() -> bool:
        return any(thread.name == "planecast-sender" for thread in threading.enumerate())

    eventually(lambda: not is_running(), "the thread ends")
    assert acquisition.wait_delivered(0)


def test_many_threads_may_register(agent: AgentProcess, start: Start, subscriber: Subscriber):
    acquisition = start()

    def register(fov_idx: int) -> None:
        for t in range(300):
            acquisition.register_image(t, fov_idx, 0, 0, "/data/a.tif")

    threads = [threading.Thread(target=register, args=(number % 2,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    times = subscriber.wait_for(acquisition.id, 1201)
    assert sorted(times) == sorted(list(range(300)) * 4)


def test_ids_are_unique_and_fit_a_file_name(start: Start):
    ids = {start("Versuch/µ 7: \N{GREEK SMALL LETTER LAMDA}").id for _ in range(3)}

    assert len(ids) == 3
    assert all(one.startswith("Versuch-7-20") for one in ids)


def test_a_name_of_signs_only_still_has_an_id(start: Start):
    assert start("***").id.startswith("acquisition-")


def test_roots_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    listed = os.pathsep.join(["data=/data", "img=/srv/img"])
    monkeypatch.setenv("PLANECAST_ROOTS", listed)

    assert configured_roots() == {"data": Path("/data"), "img": Path("/srv/img")}


@pytest.mark.parametrize("listed", ["/data", "data=relative", "=/data", "a:b=/data"])
def test_malformed_roots_are_refused(monkeypatch: pytest.MonkeyPatch, listed: str):
    monkeypatch.setattr("os.pathsep", ";")
    monkeypatch.setenv("PLANECAST_ROOTS", listed)

    with pytest.raises(ConfigurationError, match="PLANECAST_ROOTS"):
        configured_roots()


def test_registering_does_not_wait_for_a_full_disk(
    start: Start, monkeypatch: pytest.MonkeyPatch, home: Path
):
    acquisition = start(spool_dir=home)
    with monkeypatch.context() as full:
        full.setattr(acquisition._spool, "_write", lambda _record: False)

        acquisition.register_image(0, 0, 0, 0, "/data/a.tif")

        assert "1 events wait in memory" in acquisition.alarm
        assert not acquisition.wait_delivered(0)
    assert len(spooled(acquisition, home)) == 2


def test_importing_the_client_is_light():
    program = (
        "import sys, planecast_agent.acquisition as a; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    heavy = {"sqlite3", "numpy", "typer", "rich", "asyncio", "tifffile", "PySide6", "qtpy", "ndv"}
    assert heavy.isdisjoint(ran.stdout.split())


FORKS = """
import multiprocessing, sys, warnings
from pathlib import Path
from planecast_agent.acquisition import Acquisition
from planecast_agent.spool_reader import take_spool
from planecast_protocol.errors import AcquisitionError

# Newer Pythons warn of threads at a fork: this is about those who fork all the same.
warnings.simplefilter("ignore", DeprecationWarning)
acquisition = Acquisition.start(
    "run", ["BF"], 1, 8, 8, ["A1:0"], agent=f"ipc://{sys.argv[1]}/a", spool_dir=sys.argv[1]
)
path = Path(sys.argv[1], acquisition.id + ".spool")
fork = multiprocessing.get_context("fork")
started, ended = fork.Event(), fork.Event()

def child():
    try:
        acquisition.register_image(0, 0, 0, 0, "/data/a.tif")
    except AcquisitionError as trouble:
        print(trouble, flush=True)
    started.set()
    ended.wait(30)

process = fork.Process(target=child)
process.start()
assert started.wait(30)
assert take_spool(path) is None, "the child took the lock away"
acquisition._sender.close()
reader = take_spool(path)
assert reader is not None, "the child holds the lock"
assert len([body for batch in reader.batches() for body in batch.bodies]) == 1
reader.close()
ended.set()
process.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_forked_child_may_not_register_and_does_not_hold_the_spool(home: Path):
    program = [sys.executable, "-c", FORKS, str(home)]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
    assert "register images in the process that started" in ran.stdout


def test_clocks_of_events_are_wall_time(home: Path, start: Start):
    before = time.time()
    acquisition = start(spool_dir=home)
    acquisition.register_image(0, 0, 0, 0, "/data/a.tif")

    image = spooled(acquisition, home)[1]
    assert isinstance(image, RegisterImage)
    assert before <= image.registered_at <= time.time()

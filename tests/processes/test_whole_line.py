"""The whole line on real processes: controller, agent, worker, viewer; and kills of each."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest
from demo_rig import Demo, running_demo, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="uses Xvfb and /proc"),
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed"),
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

SHARED_MEMORY = Path("/dev/shm")


def assert_all_well(demo: Demo, planes: int) -> None:
    report = demo.report()
    assert report["problems"] == []
    assert report["registered"] == planes
    assert (report["lost"], report["wrong"]) == (0, 0)
    assert report["exit_code"] == 0


def wait_shown(demo: Demo, planes: int) -> None:
    wait_until(
        lambda: demo.viewer_report().get("shown", 0) >= planes or demo.process.poll() is not None,
        f"{planes} planes on the canvas",
    )


def test_demo_shows_what_was_registered_and_leaves_nothing() -> None:
    before = set(SHARED_MEMORY.iterdir())
    with running_demo(planes=60) as demo:
        report = demo.report()
        assert report["exit_code"] == 0, report
        assert (report["registered"], report["lost"], report["wrong"]) == (60, 0, 0)
        assert report["shown"] >= 12, "the composites of several positions were on the canvas"
        assert report["register_to_shown_ms"]["p50"] > 0
        assert report["gui_longest_stall_ms"] > 0
        assert len(report["screenshots"]) >= 3
        assert all(Path(name).stat().st_size > 10_000 for name in report["screenshots"])
        assert set(report["restarts"].values()) == {0}
    assert set(SHARED_MEMORY.iterdir()) - before == set()


@pytest.mark.parametrize("victim", ["agent", "worker", "viewer"])
def test_killed_process_is_replaced_and_no_plane_is_lost(victim: str) -> None:
    with running_demo(planes=90) as demo:
        wait_shown(demo, 6)
        os.kill(demo.pid(victim), signal.SIGKILL)
        report = demo.report()
        assert report["restarts"][victim] == 1
        assert report["shown"] >= 12
        assert_all_well(demo, 90)


def test_killed_readers_are_replaced_and_no_plane_is_lost() -> None:
    with running_demo(planes=90) as demo:
        wait_shown(demo, 6)
        readers = psutil.Process(demo.pid("worker")).children()
        os.kill(readers[0].pid, signal.SIGKILL)
        wait_shown(demo, 15)
        os.kill(readers[-1].pid, signal.SIGKILL)
        report = demo.report()
        assert set(report["restarts"].values()) == {0}, "the front itself lived on"
        assert_all_well(demo, 90)


def test_killed_controller_loses_nothing_that_it_registered() -> None:
    with running_demo(planes=300) as demo:
        wait_shown(demo, 6)
        os.kill(demo.pid("controller"), signal.SIGKILL)
        report = demo.report()
        assert report["registered"] > 6
        assert (report["lost"], report["wrong"]) == (0, 0)


FILE_LIBRARIES = {"tifffile", "aicspylibczi", "pylibCZIrw", "imagecodecs", "czifile", "nd2"}
FILE_LIBRARIES |= {"readlif", "liffile", "oiffile", "zarr", "pydicom", "ndstorage"}
QT = {"PySide6", "shiboken6", "ndv", "vispy", "qtpy", "superqt"}


def test_processes_import_only_the_libraries_that_are_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sys.modules` of the real processes of a demo, written by each when it ends."""
    hook = Path(__file__).parent / "modules_at_exit"
    monkeypatch.setenv("PYTHONPATH", str(hook))
    monkeypatch.setenv("PLANECAST_TEST_MODULES_DIR", str(tmp_path))
    with running_demo(planes=30) as demo:
        assert_all_well(demo, 30)
    loaded: dict[str, set[str]] = {}
    for path in tmp_path.glob("*.json"):
        facts = json.loads(path.read_text())
        for program in ("planecast_agent", "planecast_reader", "planecast_viewer"):
            if facts["command"][1:3] == ["-m", program]:
                loaded[program] = set(facts["modules"])
    assert loaded.keys() == {"planecast_agent", "planecast_reader", "planecast_viewer"}
    assert loaded["planecast_agent"] & (FILE_LIBRARIES | QT | {"numpy"}) == set()
    assert loaded["planecast_reader"] & (FILE_LIBRARIES | QT) == set()
    assert loaded["planecast_viewer"] & (FILE_LIBRARIES | {"pandas", "dask"}) == set()
    assert "PySide6" in loaded["planecast_viewer"]

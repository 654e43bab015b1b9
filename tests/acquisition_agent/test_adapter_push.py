"""ndviewer_light's calls as controllers make them, in any order, with and without an agent."""

import os
import subprocess
import sys

import pytest
from agent_rig import eventually

from planecast_agent.adapters.ndviewer_light import LightweightViewer

LABELS = ["A1:0", "A1:1", "B2:0"]
QT_MODULES = ("PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy")


@pytest.fixture
def viewer(idle_agent):
    one = LightweightViewer(agent=idle_agent.address, spool_dir=idle_agent.spool_dir, late_s=0.2)
    yield one
    one.close()


def start(viewer):
    viewer.start_acquisition(["BF", "DAPI"], 2, 8, 8, LABELS)


def state(subscriber, acquisition):
    summary = subscriber.summary(acquisition)
    return None if summary is None else summary.state


def test_nothing_is_raised_and_nothing_waits_without_an_agent(viewer, tmp_path):
    start(viewer)
    for t in range(2000):
        viewer.register_image(t, 0, 0, "BF", str(tmp_path / str(t) / "A1_0_0_BF.tiff"))
    viewer.load_fov(1)
    assert viewer.go_to_well_fov("B2", 0)
    viewer.end_acquisition()
    assert viewer.alarm == ""


def test_calls_at_the_wrong_time_are_tolerated(viewer, caplog):
    viewer.register_image(0, 0, 0, "BF", "/x/0/A1_0_0_BF.tiff")
    viewer.notify_zarr_frame(0, 0, 0, "BF")
    viewer.end_acquisition()
    viewer.end_zarr_acquisition()
    viewer.refresh()
    assert not viewer.is_push_mode_active()
    assert not viewer.go_to_well_fov("A1", 0)
    assert (viewer.get_fov_list(), viewer.has_fov_dimension()) == ([], False)
    assert caplog.text.count("without an acquisition") == 1


def test_planes_that_do_not_fit_are_counted_and_said_not_raised(viewer, agent):
    start(viewer)
    viewer.register_image(0, 0, 0, "GFP", "/x/a.tiff")
    viewer.register_image(0, 9, 0, "BF", "/x/b.tiff")
    viewer.register_image(0, 0, 7, "BF", "/x/c.tiff")
    viewer.notify_zarr_frame(0, 0, 0, "BF")
    assert viewer.alarm.startswith("4 planes were not published")


@pytest.mark.parametrize(
    ("channels", "labels"), [([], LABELS), (["BF"] * 300, []), (["B" * 500], LABELS)]
)
def test_a_description_that_can_not_be_published_is_said_not_raised(viewer, channels, labels):
    viewer.start_acquisition([f"{n}{name}" for n, name in enumerate(channels)], 1, 8, 8, labels)
    viewer.register_image(0, 0, 0, "BF", "/x/a.tiff")
    viewer.end_acquisition()
    assert "not shown" in viewer.alarm
    start(viewer)
    assert viewer.alarm == ""


def test_what_ndviewer_light_refuses_is_refused(viewer):
    start(viewer)
    with pytest.raises(ValueError, match="page_idx must be >= 0, got -1"):
        viewer.register_image(0, 0, 0, "BF", "/x/a.tiff", page_idx=-1)
    with pytest.raises(ValueError, match="fov_paths must not be empty"):
        viewer.start_zarr_acquisition([], ["BF"], 1, [], 8, 8)
    with pytest.raises(ValueError, match="region_paths must not be empty"):
        viewer.start_zarr_acquisition_6d([], ["BF"], 1, [], 8, 8)
    with pytest.raises(ValueError, match="positive"):
        viewer.start_zarr_acquisition_6d(["/x/a.zarr"], ["BF"], 1, [0], 8, 8)
    with pytest.raises(ValueError, match="must match"):
        viewer.start_zarr_acquisition_6d(["/x/a.zarr"], ["BF"], 1, [1, 2], 8, 8)


def test_acquisition_ends_when_nothing_is_left_to_come(viewer, agent, subscriber, tmp_path):
    start(viewer)
    acquisition = viewer.acquisition_id
    path = tmp_path / "0" / "A1_0_0_BF.tiff"
    viewer.register_image(0, 0, 0, "BF", str(path))
    viewer.end_acquisition()
    eventually(lambda: state(subscriber, acquisition) == "running", "it is announced")
    path.parent.mkdir()
    path.touch()
    eventually(lambda: state(subscriber, acquisition) == "done", "it ends")
    assert viewer.is_push_mode_active(), "its fovs can still be gone to"


def test_another_start_ends_what_runs(viewer, agent, subscriber):
    start(viewer)
    first = viewer.acquisition_id
    viewer.start_zarr_acquisition(["/x/zarr/r/fov_0.zarr"], ["BF"], 1, ["r:0"], 8, 8)
    eventually(lambda: state(subscriber, first) == "aborted", "the first one ends")
    assert viewer.is_zarr_push_mode_active()
    viewer.end_acquisition()
    assert state(subscriber, viewer.acquisition_id) != "done", "that end was of the other kind"


def test_zarr_then_tiff_then_zarr_in_one_viewer(viewer, agent, subscriber, tmp_path):
    paths = []
    for name in ("one", "two"):
        store = f"/data/{name}/zarr/region/fov_0.ome.zarr"
        viewer.start_zarr_acquisition([store], ["BF"], 1, ["region:0"], 8, 8)
        assert viewer.acquisition_id.startswith(name)
        viewer.notify_zarr_frame(0, 0, 0, "BF")
        viewer.end_zarr_acquisition()
        paths.append(viewer.acquisition_id)
        start(viewer)
        assert not viewer.is_zarr_push_mode_active()
        (tmp_path / "plane.tiff").touch()
        viewer.register_image(0, 0, 0, "BF", str(tmp_path / "plane.tiff"))
        viewer.end_acquisition()
        paths.append(viewer.acquisition_id)
    for acquisition in paths:
        eventually(lambda a=acquisition: state(subscriber, a) == "done", f"{acquisition} ends")
        subscriber.next, subscriber.times = 1, []
        assert subscriber.pull(acquisition) == [0]


def test_plane_that_comes_after_the_end_is_still_published(viewer, agent, subscriber):
    viewer.start_zarr_acquisition(["/x/zarr/r/fov_0.zarr"], ["BF"], 1, ["r:0"], 8, 8)
    viewer.end_zarr_acquisition()
    for t in range(3):
        viewer.notify_zarr_frame(t, 0, 0, "BF")
    acquisition = viewer.acquisition_id
    eventually(lambda: state(subscriber, acquisition) == "done", "it ends")
    assert subscriber.pull(acquisition) == [0, 1, 2]


def test_channels_twice_and_numpy_numbers(viewer, agent, subscriber):
    import numpy as np

    viewer.start_acquisition(["BF", "BF"], np.int64(1), np.int32(8), np.uint16(8), LABELS)
    viewer.register_image(np.int64(3), np.uint8(1), np.int64(0), "BF", "/x/img.tiff")
    viewer.load_fov(np.int64(1))
    eventually(lambda: subscriber.summary(viewer.acquisition_id) is not None, "it is announced")
    assert subscriber.wait_for(viewer.acquisition_id, 2) == [3]
    assert viewer.alarm == ""


KILLED = """
import os, sys
from planecast_agent.adapters.ndviewer_light import LightweightViewer
viewer = LightweightViewer(agent=sys.argv[1], spool_dir=sys.argv[2])
viewer.start_acquisition(["BF"], 1, 8, 8, ["A1:0"])
for t in range(500):
    viewer.register_image(t, 0, 0, "BF", f"/nowhere/{t}/A1_0_0_BF.tiff")
print(viewer.acquisition_id, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_was_announced_survives_the_controller(idle_agent, subscriber):
    arguments = [idle_agent.address, str(idle_agent.spool_dir)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    idle_agent.start()
    assert subscriber.wait_for(done.stdout.strip(), 501) == list(range(500))


def run(program, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


WITHOUT_QT = f"""
import sys
from planecast_agent.adapters.ndviewer_light import LightweightViewer
viewer = LightweightViewer(agent=sys.argv[1], spool_dir=sys.argv[2])
viewer.setWindowTitle("Simulation"); viewer.resize(1200, 800); viewer.show()
viewer.start_acquisition(["BF"], 1, 8, 8, ["A1:0"])
viewer.end_acquisition()
viewer.close(); viewer.close()
print([name for name in {QT_MODULES!r} if name in sys.modules])
"""

IN_A_LAYOUT = """
import sys
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget, QLabel
from planecast_agent.adapters.ndviewer_light import LightweightViewer
app = QApplication([])
tab = QWidget()
viewer = LightweightViewer(agent=sys.argv[1], spool_dir=sys.argv[2])
QVBoxLayout(tab).addWidget(viewer, 1)
viewer.setVisible(True)
tab.show()
assert viewer.isVisible() and viewer.ndv_viewer is None
print(viewer.findChild(QLabel).text())
viewer.start_acquisition(["BF"], 1, 8, 8, ["A1:0"])
viewer.register_image(0, 0, 0, "BF", "/x/img.tiff")
viewer.end_acquisition()
app.processEvents()
print(viewer.close(), isinstance(viewer, LightweightViewer), viewer.alarm)
"""


def test_no_qt_is_loaded_for_a_controller_without_windows(idle_agent):
    assert run(WITHOUT_QT, idle_agent.address, idle_agent.spool_dir).strip() == "[]"


def test_in_a_program_with_windows_it_is_a_widget_that_says_where_the_pictures_are(agent):
    pytest.importorskip("PySide6", reason="PySide6 is not installed")
    told = run(IN_A_LAYOUT, agent.address, agent.spool_dir, QT_QPA_PLATFORM="offscreen")
    assert f"planecast view --agent {agent.address}" in told
    assert told.splitlines()[-1].strip() == "True True"

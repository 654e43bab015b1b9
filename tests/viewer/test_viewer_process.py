"""The viewer as a process: what it imports, and how it ends."""

import itertools
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from virtual_screen import virtual_screen

from planecast_agent.acquisition import Acquisition
from planecast_viewer.identity import MAGIC, check_byte
from planecast_viewer.probe import CELL_PX_VARIABLE

CELL_PX = 8
FILE_LIBRARIES = (
    "tifffile",
    "aicspylibczi",
    "pylibCZIrw",
    "nd2",
    "readlif",
    "czifile",
    "liffile",
    "imagecodecs",
    "pandas",
    "dask",
    "zarr",
)
IMPORTS = f"""
import json, sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from planecast_viewer.app import Viewer
from planecast_viewer.settings import Settings
viewer = Viewer(Settings(agent=sys.argv[1], canvas="raster"))
viewer.window.show()
app.processEvents()
viewer.window.close()
found = [name for name in {FILE_LIBRARIES!r} if name in sys.modules]
print(json.dumps(found))
"""


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PLANECAST_RUNTIME_DIR": str(tmp_path / "run"),
    }


def test_window_opens_without_a_file_library(environment, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, f"ipc://{tmp_path / 'agent'}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly_with_a_last_report(environment, tmp_path, number, qtbot):
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "planecast_viewer", "--canvas", "raster"]
    command += ["--agent", f"ipc://{tmp_path / 'agent'}", "--report", str(report)]
    process = subprocess.Popen(command, env=environment)
    try:
        qtbot.waitUntil(report.exists, timeout=60_000)
        process.send_signal(number)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    told = json.loads(report.read_text())
    assert told["link_state"] == "connecting"
    assert told["shown"] == 0


def write_acquisition(folder, agent, n_t):
    """Write planes that say which one they are, and register each when it is written."""
    with Acquisition.start(
        name="exp7",
        channels=["BF", "DAPI"],
        num_z=2,
        num_t=n_t,
        height=256,
        width=256,
        fov_labels=["A1:0"],
        agent=agent,
        spool_dir=folder / "spool",
    ) as acquisition:
        for t, z, channel in itertools.product(range(n_t), range(2), range(2)):
            plane = np.zeros((256, 256), np.uint16)
            x = channel * 8 * CELL_PX
            plane[: 8 * CELL_PX, x : x + 8 * CELL_PX] = 3000 * identity_block(t, 0, z, channel)
            path = folder / f"{t}_{z}_{channel}.tiff"
            tifffile.imwrite(path, plane)
            acquisition.register_image(t, 0, z, channel, path)
        assert acquisition.wait_delivered(20)


def identity_block(t, fov, z, channel):
    body = (MAGIC << 48) | (1 << 44) | (t << 28) | (fov << 16) | (z << 6) | channel
    number = (body << 8) | check_byte(body)
    bits = np.array([(number >> (63 - bit)) & 1 for bit in range(64)], np.uint16).reshape(8, 8)
    return np.kron(bits, np.ones((CELL_PX, CELL_PX), np.uint16))


@pytest.fixture(params=["raster", "vispy"])
def canvas(request, environment):
    """The name of a canvas; the environment has a screen that it can paint on."""
    if request.param == "raster":
        yield request.param
        return
    with virtual_screen() as display:
        environment |= {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        environment.pop("WAYLAND_DISPLAY", None)
        yield request.param


def test_live_acquisition_is_on_the_canvas_and_the_viewer_ends_itself(
    environment, canvas, tmp_path, start_agent
):
    address, report = f"ipc://{tmp_path / 'agent'}", tmp_path / "report.json"
    start_agent(address)
    command = [sys.executable, "-m", "planecast_viewer", "--canvas", canvas, "--exit-when-done"]
    command += ["--agent", address, "--report", str(report), "--screenshots", str(tmp_path)]
    process = subprocess.Popen(command, env={**environment, CELL_PX_VARIABLE: str(CELL_PX)})
    try:
        write_acquisition(tmp_path, address, n_t=5)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    told = json.loads(report.read_text())
    assert told["canvas"].lower().startswith(canvas)
    assert (told["state"], told["planes_registered"]) == ("done", 20)
    assert told["newest_shown"]
    assert told["wrong"] == 0
    assert [4, 0, 1, 0] in told["shown_planes"]
    assert [4, 0, 1, 1] in told["shown_planes"]
    assert (tmp_path / "end.png").stat().st_size > 1000


def test_a_machine_without_display_is_told_the_way_out():
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "planecast_viewer"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no display" in done.stderr
    assert "Traceback" not in done.stderr

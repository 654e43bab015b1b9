"""The viewer as a process, run twice: the second goes on where the first ended."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

RUN = """
import json, sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
app = QApplication([])
from planecast_viewer.app import Viewer
from planecast_viewer.looks import Look
from planecast_viewer.settings import Settings

memory, agent, target, z = sys.argv[1:]
viewer = Viewer(
    Settings(target=target or None, agent=agent, memory=Path(memory), canvas="raster")
)
viewer.start()
room, size = viewer.window.screen().availableSize(), viewer.window.size()
give_up_at = time.monotonic() + 60
while not viewer.window.docks_were_shown and time.monotonic() < give_up_at:
    app.processEvents()
session = viewer.session
told = {"name": session.facts.name, "z": session.shown.z, "state": session.state}
told["fits"] = size.width() <= room.width() and size.height() < room.height()
told["recent"] = viewer.memory.recent_files
told["info"] = viewer.window.docks["info"].isVisible()
channel = session.facts.channels[0].name
told["limits"] = session.looks.look(channel).limits
session.looks.set(channel, Look(limits=(10.0, 300.0)))
session.show(session.shown._replace(z=int(z)))
viewer.window.docks["info"].hide()
viewer.window.close()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run it with a file and then without; return the file and what each run told."""
    folder = tmp_path_factory.mktemp("next")
    path = folder / "stack.tif"
    stack = np.random.default_rng(1).integers(0, 999, (5, 32, 32), np.uint16)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"})
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PLANECAST_RUNTIME_DIR": str(folder / "run"),
    }

    def run(target="", z=0):
        arguments = [str(folder / "viewer.ini"), f"ipc://{folder / 'nobody'}", target, str(z)]
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    return path, run(str(path), z=3), run()


def test_next_run_shows_the_same_place_of_the_same_file(runs):
    path, first, second = runs
    assert (first["name"], first["z"], first["info"]) == ("stack.tif", 0, True)
    assert first["fits"]
    assert (second["name"], second["z"], second["state"]) == ("stack.tif", 3, "file")
    assert second["recent"] == [str(path)]
    assert not second["info"]


def test_next_run_has_the_contrast_that_was_chosen(runs):
    _path, first, second = runs
    assert first["limits"] is None
    assert second["limits"] == [10, 300]

"""The faults of ndviewer_light, each shown to be none of ours. `docs/viewer.md` lists them.

Agent and worker are processes, the window is whole and wired as in the program; a test writes
files and registers them as a microscope does, and looks at the pixels of the canvas.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zarr
from peer_rig import Line, plane, running_programs, save
from PySide6.QtCore import QCoreApplication, QEvent


@pytest.fixture(scope="package")
def programs() -> Iterator[tuple[Path, str]]:
    with running_programs() as running:
        yield running


@pytest.fixture(scope="package")
def live_viewer(ndv_offline: None, programs: tuple[Path, str]) -> Iterator[Any]:
    """Return a viewer that listens to the agent: one, as each `ArrayViewer` leaks 20 MB."""
    from planecast_viewer.app import Viewer
    from planecast_viewer.settings import Settings

    folder = programs[0]
    viewer = Viewer(Settings(agent=programs[1], worker=f"unix://{folder}/worker", canvas="raster"))
    viewer.start()
    _connect(Line(viewer, programs[1], programs[0]))
    yield viewer
    viewer.window.close()
    viewer.close()
    viewer.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _connect(line: Line) -> None:
    """Have the window connect and draw all that any test does: what lasts is no test's."""
    run = line.start("first", n_channels=6)
    for channel in range(6):
        path = save(line.folder / f"{channel}.tif", plane(0, channel=channel, n_channels=6))
        run.register_image(0, 0, 0, channel, path)
    line.wait_shown(*((0, 0, 0, channel) for channel in range(4)))
    line.end_all()
    # Its threads begin with the first array, and last.
    zarr.create_array({}, shape=(1,), dtype="u1")[:] = 1


@pytest.fixture
def line(live_viewer: Any, programs: tuple[Path, str]) -> Iterator[Line]:
    """Return what the tests work with; the viewer follows the newest."""
    session = live_viewer.session
    session.looks.forget()
    session.projection.set(False)
    session.set_following(True)
    folder, agent = programs
    line = Line(live_viewer, agent, folder)
    live_viewer.window.show()
    yield line
    line.end_all()
    # It lasts longer than these tests, and would lie between the mouse and other windows.
    live_viewer.window.hide()

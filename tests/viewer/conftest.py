"""Shared by the viewer's tests: no display is needed, and no test may leave anything behind."""

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from left_behind import held, left
from thread_watch import ThreadWatch

# Qt reads these when the application is made.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_API"] = "pyside6"

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from planecast_agent.subscriber.news import AcquisitionChosen, AcquisitionsListed
from planecast_protocol.planes import PlaneStatistics, Seen
from planecast_protocol.reader_messages import ReadPixels

WATCH = ThreadWatch()


def _settle() -> None:
    """Run what Qt has put off, deletion of closed widgets included."""
    gc.collect()
    for _ in range(2):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _windows() -> set[QWidget]:
    """Return the windows that nothing else will delete; a popup ends with its parent."""
    return {w for w in QApplication.topLevelWidgets() if w.parentWidget() is None}


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a window, thread, process, open file, socket or shared memory."""
    _settle()
    # What is there by now stays: to look through all of it after each test takes up to a second.
    gc.freeze()
    widgets, before = _windows(), held()
    yield
    found = left(before, _settle)
    found += [f"window: {window}" for window in _windows() - widgets]
    assert not found, f"left behind: {'; '.join(found)}"


@pytest.fixture(autouse=True)
def slots_ran_in_the_gui_thread() -> Iterator[None]:
    """Fail a test in which a slot ran in another thread."""
    WATCH.begin()
    yield
    wrong = WATCH.end()
    assert not wrong, "; ".join(sorted(set(wrong)))


@pytest.fixture(scope="module", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the viewer remember nothing of the person who runs the tests, nor of other tests.

    A window that another file of tests left wide would be wider than the screen here.
    """
    os.environ["PLANECAST_CONFIG_DIR"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def ndv_offline(qapp: QApplication) -> None:
    """Give ndv the raster canvas and the bundled icons, once for the process."""
    from planecast_viewer.canvas import install_canvas
    from planecast_viewer.icons.offline import install_offline_icons

    install_offline_icons()
    install_canvas("raster")


# ---------------------------------------------------------------- events, planes and a reader


@dataclass
class Asked:
    """A request that a fake client got."""

    request: int
    message: ReadPixels
    on_answer: Callable[[Any], None]
    on_pending: Callable[[str], None]
    on_draft: Callable[[Any], None] | None = None


@dataclass
class FakeClient:
    """Has the interface of the reader's client and answers when a test says so."""

    asked: list[Asked] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    is_remote: bool = False
    looked_at: list[tuple[Seen, tuple[int, ...]]] = field(default_factory=list)

    def submit(
        self, message: ReadPixels, on_answer: Any, on_pending: Any = None, on_draft: Any = None
    ) -> int:
        request = len(self.asked) + 1
        self.asked.append(Asked(request, message, on_answer, on_pending, on_draft))
        return request

    def look_at(self, seen: Seen, *requests: int) -> None:
        self.looked_at.append((seen, requests))

    def cancel(self, *requests: int) -> None:
        self.cancelled.extend(requests)

    @property
    def open(self) -> list[Asked]:
        """Return what the screen waits for."""
        return [
            entry
            for entry in self.asked
            if entry.request not in self.cancelled and entry.message.priority == "screen"
        ]

    @property
    def prefetched(self) -> list[Asked]:
        return [
            entry
            for entry in self.asked
            if entry.request not in self.cancelled and entry.message.priority == "prefetch"
        ]

    def answer(self, entry: Asked, answer: Any) -> None:
        """Answer from another thread, as the real client does."""
        self.cancelled.append(entry.request)
        thread = threading.Thread(target=entry.on_answer, args=(answer,))
        thread.start()
        thread.join()

    def answer_all(self, value: Callable[[ReadPixels], Any]) -> None:
        for entry in self.open:
            self.answer(entry, value(entry.message))


def pixels_of(plane: np.ndarray) -> SimpleNamespace:
    """Return an answer with statistics, as the worker gives it."""
    low, high = float(plane.min()), float(plane.max())
    statistics = PlaneStatistics(
        minimum=low,
        maximum=high,
        percentiles={"0.1": low, "1": low, "50": low, "99": high, "99.9": high},
        histogram=[1] * 256,
    )
    return SimpleNamespace(
        pixels=plane, statistics=statistics, cached=False, read_ms=1.0, draft=False
    )


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def answer_with() -> Callable[[np.ndarray], SimpleNamespace]:
    return pixels_of


# ---------------------------------------------------------------- the window


@pytest.fixture(scope="session")
def the_viewer(ndv_offline: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the one window of the process: each `ArrayViewer` leaks 20 MB."""
    from planecast_viewer.app import Viewer
    from planecast_viewer.settings import Settings

    nobody = tmp_path_factory.mktemp("run") / "nobody"
    viewer = Viewer(Settings(agent=f"ipc://{nobody}", canvas="raster"))
    # Tests feed it: a listing must not make it look for a worker.
    viewer.session.acquisitions_changed.disconnect(viewer.worker.connect_now)
    # Its thread would come and go while tests count threads.
    viewer.address_check.close()
    viewer.window.show()
    _make_rows(viewer)
    viewer.no_docks = viewer.window.saveState()
    yield viewer
    viewer.window.close()
    viewer.window.deleteLater()
    _settle()


def _make_rows(viewer: Any) -> None:
    """Draw as many channels as any test does: ndv keeps their rows, and so no test makes one."""
    from planecast_agent.subscriber.known_planes import Position
    from planecast_viewer.facts import ChannelFacts, Facts
    from planecast_viewer.frame import Frame, FramePlane

    for n_channels, shape in ((4, (8, 8)), (1, (8, 8, 3))):
        channels = tuple(ChannelFacts(name=f"c{n}") for n in range(n_channels))
        size = {"num_t": 1, "num_z": 1, "height": 8, "width": 8, "fov_labels": ("A1:0",)}
        rgb = len(shape) == 3
        facts = Facts(identity="x", name="x", kind="live", channels=channels, rgb=rgb, **size)
        planes = (FramePlane(np.zeros(shape, np.uint8), None, None),) * n_channels
        viewer.window.view.set_facts(facts)
        viewer.window.show_page(viewer.window.view.widget)
        frame = Frame(0, Position(0, 0, 0), planes, tuple(range(n_channels)))
        viewer.window.view.draw(frame, calm=False)
        shown = QEventLoop()
        viewer.window.view.canvas.frame_shown.connect(shown.quit)
        QTimer.singleShot(20_000, shown.quit)
        shown.exec()
        viewer.window.view.canvas.frame_shown.disconnect(shown.quit)
    viewer.window.view.set_facts(None)
    viewer.window.show_page()


def _tidy(viewer: Any) -> None:
    """Give the window its first size and the keyboard, and close its panels."""
    from planecast_viewer.main_window import FIRST_SIZE

    window = viewer.window
    window.restoreState(viewer.no_docks)
    # A panel opens where a test says so, whichever test was the first.
    window.docks_were_shown = True
    window.resize(FIRST_SIZE)
    # A dialog takes it along when it closes: no window manager gives it back here.
    window.activateWindow()
    window.setFocus()
    assert QTest.qWaitForWindowActive(window, 20_000)


@pytest.fixture
def viewer(the_viewer: Any, client: FakeClient) -> Iterator[Any]:
    """Return the window with nothing shown and no panel open, fed by `client`."""
    _tidy(the_viewer)
    the_viewer.feed.set_client(client)
    the_viewer.thumbnails.set_client(client)
    the_viewer.session.looks.forget()
    the_viewer.session.projection.set(False)
    the_viewer.window.channels.set_single(False)
    the_viewer.session.take_news([AcquisitionChosen(None), AcquisitionsListed((), "")])
    # A channel that another test has hidden would be so in the next acquisition.
    the_viewer.session.hidden.names.clear()
    yield the_viewer
    the_viewer.session.show_nothing()
    the_viewer.session.looks.close()


# ---------------------------------------------------------------- real processes


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start an agent process and wait until it listens; ended after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(address: str, state: str = "state") -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "planecast_agent", "--address", address]
        command += ["--state-dir", str(tmp_path / state), "--spool-dir", str(tmp_path / "spool")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

"""Builds all parts of the viewer, and closes them."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

os.environ["QT_API"] = "pyside6"  # read by qtpy at its import, which ndv brings about

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication

from planecast_protocol.errors import PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_viewer.canvas import install_canvas, installed_choice
from planecast_viewer.display import check_display
from planecast_viewer.follow import Presenter
from planecast_viewer.icons.offline import application_icon, install_offline_icons
from planecast_viewer.link import AgentLink
from planecast_viewer.planes import PlaneFeed, PlaneKey
from planecast_viewer.session import Session
from planecast_viewer.settings import Settings
from planecast_viewer.worker import WorkerConnection

SWITCH_INTERVAL_S = 0.001


class Viewer:
    """All parts, in the GUI thread. Needs a `QApplication`; `close` ends every thread."""

    def __init__(self, settings: Settings) -> None:
        install_offline_icons()
        install_canvas(settings.canvas)
        # Only now: ndv asks for icons and a canvas when its views are imported.
        from planecast_viewer.main_window import MainWindow

        live = settings.target is None
        self._settings = settings
        self.session = Session(settings.agent if live else None)
        self.feed = PlaneFeed()
        self.presenter = Presenter(self.session, self.feed)
        canvas = installed_choice()
        assert canvas is not None
        self.window = MainWindow(self.session, self.presenter, canvas)
        self.window.setWindowIcon(application_icon())
        self.worker = WorkerConnection(self.session, self.feed, settings.worker)
        self.link: AgentLink | None = None
        self.feed.failed.connect(self._on_plane_failed)
        self.window.closed.connect(self.close)
        if live:
            self.link = AgentLink(settings.agent, settings.acquisition)
            self.link.news.delivered.connect(self.session.take_news)
            self.window.tools.acquisition_chosen.connect(self.link.choose)

    def start(self) -> None:
        """Show the window and begin to listen, or to open the file."""
        self.window.show()
        if self.link is not None:
            self.link.start()
        elif self._settings.target is not None:
            path = str(Path(self._settings.target).absolute())
            self.window.empty.set_opening(path)
            try:
                self.worker.open_image(path, self._on_opened)
            except PlanecastError as trouble:
                self._on_opened(trouble)

    def close(self) -> None:
        """End every thread and let go of all pixels. May be called twice."""
        if self.link is not None:
            self.link.close()
        self.presenter.stop()
        self.worker.close()

    def _on_opened(self, answer: ImageInfo | PlanecastError) -> None:
        if isinstance(answer, PlanecastError):
            # People know the file by the name they gave, not by its name on the wire.
            path = str(Path(self._settings.target or "").absolute())
            message = answer.message.replace(answer.path or path, path)
            self.window.empty.set_failure(message)
            self.session.logged.emit("error", message)
        elif not answer.scenes:
            self.window.empty.set_failure(f"{answer.path}: there is no image in it")
        else:
            self.session.open_image(answer)

    def _on_plane_failed(self, key: PlaneKey, why: str) -> None:
        facts = self.session.facts
        if facts is None or facts.identity != key.acquisition:
            return
        index = key.index
        name = facts.channels[index.channel].name
        where = f"t {index.t}, {self.session.fov_label(index.fov)}, z {index.z}, {name}"
        self.session.logged.emit("error", f"{where}: {why}")


def run(settings: Settings) -> int:
    """Run the viewer until its window is closed; return the exit code.

    Raises `PlanecastError` where there is no display.
    """
    check_display()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("planecast")
    # The GUI thread waits for so long, each time it wants Python while another thread has it.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    viewer = Viewer(settings)
    signals = SignalWatcher(viewer.window.close)
    probe = None
    if settings.report or settings.screenshots or settings.exit_when_done:
        from planecast_viewer.probe import Probe

        probe = Probe(viewer.window, viewer.session, viewer.presenter, settings)
        probe.done.connect(viewer.window.close)
        viewer.window.closed.connect(probe.finish)
    viewer.start()
    print("ready", flush=True)  # for whoever started this process and waits for its window
    code = application.exec()
    viewer.close()
    signals.stop()
    return code


class SignalWatcher:
    """Calls `close` in the GUI thread at SIGINT and SIGTERM, as long as this object lives.

    Python runs its handlers only between its own instructions, and Qt's loop has none: the
    interpreter writes to a socket that Qt watches.
    """

    def __init__(self, close: Callable[[], object]) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._close = close
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._on_signal)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: None)

    def stop(self) -> None:
        """Give the signals their usual meaning again."""
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        self._read.close()
        self._write.close()

    def _on_signal(self) -> None:
        self._read.recv(64)
        self._close()

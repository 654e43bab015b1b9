"""Builds all parts of the viewer, and closes them."""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable

os.environ["QT_API"] = "pyside6"  # read by qtpy at its import, which ndv brings about

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication

from planecast_viewer.address_check import AddressCheck
from planecast_viewer.canvas import install_canvas, installed_choice
from planecast_viewer.control_link import ControlLink
from planecast_viewer.display import check_display
from planecast_viewer.follow import Presenter
from planecast_viewer.icons.offline import application_icon, install_offline_icons
from planecast_viewer.keep.job_bar import JobBar
from planecast_viewer.link import AgentLink
from planecast_viewer.looks import FILE_NAME as LOOKS_FILE
from planecast_viewer.looks import Looks
from planecast_viewer.memory import Memory
from planecast_viewer.planes import PlaneFeed, PlaneKey
from planecast_viewer.session import Session
from planecast_viewer.settings import Settings
from planecast_viewer.short_slices import ask_for_short_slices
from planecast_viewer.steering import Steering
from planecast_viewer.targets import Targets
from planecast_viewer.thumbnail_feed import ThumbnailFeed
from planecast_viewer.worker import WorkerConnection
from planecast_viewer.worker_pulse import WorkerPulse

SWITCH_INTERVAL_S = 0.005
"""The GUI thread keeps Python's lock for so long before another thread may have it: mostly until
it is done. It gets the lock sooner than that, as the others work in numpy or wait."""


class Viewer:
    """All parts, in the GUI thread. Needs a `QApplication`; `close` ends every thread."""

    def __init__(self, settings: Settings) -> None:
        install_offline_icons()
        install_canvas(settings.canvas)
        # Only now: ndv asks for icons and a canvas when its views are imported.
        from planecast_viewer.main_window import MainWindow
        from planecast_viewer.stack.views import StackViews

        live = settings.target is None
        self._settings = settings
        looks = Looks(settings.memory and settings.memory.with_name(LOOKS_FILE))
        self.session = Session(settings.agent if live else None, looks=looks)
        self.feed = PlaneFeed()
        self.presenter = Presenter(self.session, self.feed)
        canvas = installed_choice()
        assert canvas is not None
        self.window = MainWindow(self.session, self.presenter, canvas)
        self.window.setWindowIcon(application_icon())
        self.worker = WorkerConnection(self.session, self.feed, settings.worker)
        self.thumbnails = ThumbnailFeed(self.session.wishes)
        self.worker.add_feed(self.thumbnails)
        self.pulse = WorkerPulse(self.session)
        self.worker.add_feed(self.pulse)
        self.stacks = StackViews(self.session, self.presenter, self.window)
        self.worker.add_feed(self.stacks)
        self.memory = Memory(settings.memory)
        self.targets = Targets(self.session, self.worker, self.memory, self._listen_now)
        self.targets.opening.connect(self.window.empty.set_opening)
        self.targets.failed.connect(self.window.show_failure)
        self.window.tools.acquisition_chosen.connect(self.targets.choose_acquisition)
        self._add_what_people_do()
        self.address_check = AddressCheck(self.session)
        self.link: AgentLink | None = None
        self.control: ControlLink | None = None
        self.feed.failed.connect(self._on_plane_failed)
        self.window.closed.connect(self.close)
        if live:
            self._listen()

    def _add_what_people_do(self) -> None:
        """Add menus, what is there before a picture, saving, measuring, and remembering it all."""
        from planecast_viewer.keep.keeping import Keeping
        from planecast_viewer.measure.measuring import Measuring
        from planecast_viewer.menus import Menus
        from planecast_viewer.remembering import Remembering
        from planecast_viewer.welcome import Welcome

        self.menus = Menus(self.window, self.session, self.memory)
        self.welcome = Welcome(self.memory, self.menus.dialogs, self.session.wishes)
        self.window.empty.put_below(self.welcome)
        bar = JobBar()
        self.window.status.add_passing(bar)
        self.keeping = Keeping(self.session, self.window.view, self.window.player, bar, self.window)
        self.worker.add_feed(self.keeping)
        self.measuring = Measuring(self.session, self.presenter, self.window)
        self.worker.add_feed(self.measuring)
        self.menus.add_saving(self.keeping.actions())
        self.menus.add_viewing(self.stacks.actions())
        self.remembering = Remembering(self.memory, self.session, self.window)

    def start(self) -> None:
        """Show the window and begin to listen, or to open the file."""
        self.window.show()
        self.window.rows_ahead.start()
        if self._settings.target is not None:
            self.targets.open_file(self._settings.target)
        else:
            assert self.link is not None
            assert self.control is not None
            self.link.start()
            self.control.start()
            self.targets.reopen_last()

    def _listen(self) -> AgentLink:
        self.link = AgentLink(self._settings.agent, self._settings.acquisition)
        self.link.news.delivered.connect(self.session.take_news)
        self.control = ControlLink(self._settings.agent, self.session, self.link)
        self.steering = Steering(self.session, self.targets.choose_acquisition)
        self.targets.set_link(self.link)
        return self.link

    def _listen_now(self) -> AgentLink:
        """Begin to listen although a file is shown."""
        link = self._listen()
        link.leave()
        self.session.set_agent_address(self._settings.agent)
        link.start()
        assert self.control is not None
        self.control.start()
        return link

    def close(self) -> None:
        """End every thread and let go of all pixels. May be called twice."""
        if self.control is not None:
            self.control.close()
        if self.link is not None:
            self.link.close()
        self.address_check.close()
        self.menus.other_agent.close()
        self.presenter.stop()
        self.stacks.close()
        self.worker.close()
        self.session.looks.close()

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

    Garbage is collected from when the window is there, also if that was switched off before.
    Raises `PlanecastError` where there is no display.
    """
    check_display()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("planecast")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    ask_for_short_slices()
    viewer = Viewer(settings)
    signals = SignalWatcher(viewer.window.close)
    probe = None
    if settings.report or settings.screenshots or settings.exit_when_done:
        from planecast_viewer.probe import Probe

        probe = Probe(viewer.window, viewer.session, viewer.presenter, settings)
        probe.done.connect(viewer.window.close)
        viewer.window.closed.connect(probe.finish)
    viewer.start()
    # What is there now stays to the end. A walk over all of it, whenever enough new objects have
    # come, would hold the picture for 80 ms.
    gc.freeze()
    gc.enable()
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

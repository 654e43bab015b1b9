"""Saves what is shown: asks, starts the job, shows how it goes."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QWidget

from planecast_protocol.errors import PlanecastError
from planecast_viewer.canvas.view import View
from planecast_viewer.keep.choice import Choice, movie_pictures, stack_order
from planecast_viewer.keep.dialogs import MovieDialog, StackDialog, ask_path
from planecast_viewer.keep.encoder import check_movie
from planecast_viewer.keep.job import Control, Job, ThreadJob
from planecast_viewer.keep.job_bar import JobBar
from planecast_viewer.keep.movie import MoviePlan, write_movie
from planecast_viewer.keep.picture import write_picture
from planecast_viewer.keep.stack_job import StackJob
from planecast_viewer.ndv_view import NdvView
from planecast_viewer.planes import PixelSource
from planecast_viewer.playback import Player
from planecast_viewer.session import Session

LEVELS = {"done": "info", "failed": "error", "cancelled": "warning"}


class Keeping(QObject):
    """One job at a time. GUI thread only; what takes time happens in threads and processes."""

    def __init__(
        self, session: Session, view: NdvView, player: Player, bar: JobBar, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session, self._view, self._player = session, view, player
        self._bar, self._window = bar, window
        self._source: PixelSource | None = None
        self._job: Job | None = None
        self.folder = ""
        """Where something was saved last."""

    def set_client(self, client: PixelSource) -> None:
        """Take the client that movies read from."""
        self._source = client

    def close(self) -> None:
        """Cancel what is being saved and wait for its end. May be called twice."""
        if self._job is not None:
            self._job.close()
            self._job = None
        self._source = None

    def actions(self) -> list[QAction]:
        """Return new actions for a menu, each with its key."""
        actions = []
        for text, key, tip, slot in (
            ("&Save picture…", "Ctrl+S", "The view as it is, with its scale bar", self.ask_picture),
            ("&Copy picture", "Ctrl+Shift+C", "The view, for another program", self.copy_picture),
            ("Save &planes…", "Ctrl+Shift+S", "Plane or stack as OME-TIFF", self.ask_stack),
            ("Save &movie…", "Ctrl+M", "Along time, z or the fields of view", self.ask_movie),
        ):
            action = QAction(text, self._window)
            action.setShortcut(QKeySequence(key))
            action.setToolTip(tip)
            action.triggered.connect(lambda _on, s=slot: s())
            actions.append(action)
        return actions

    # ------------------------------------------------------------ asking

    def ask_picture(self) -> None:
        """Ask where the picture is to be saved."""
        if self._is_possible():
            filters = "Pictures (*.png *.jpg *.tif *.webp)"
            self._ask("Save the picture", ".png", filters, self.save_picture)

    def ask_stack(self) -> None:
        """Ask which planes are to be saved, and where."""
        if not self._is_possible():
            return
        dialog = StackDialog(self._session, self._window)
        dialog.accepted.connect(lambda: self._ask_stack_path(dialog.choice))
        dialog.open()

    def ask_movie(self) -> None:
        """Ask along what a movie is to go, and where it is to be saved."""
        if not self._is_possible():
            return
        dialog = MovieDialog(self._session, self._player.rate_fps, self._window)
        dialog.accepted.connect(lambda: self._ask_movie_path(dialog.axis, dialog.rate.value()))
        dialog.open()

    def _ask_stack_path(self, choice: Choice) -> None:
        self._ask(
            "Save as OME-TIFF", ".ome.tif", "OME-TIFF (*.ome.tif)", partial(self.save_stack, choice)
        )

    def _ask_movie_path(self, axis: str, rate_fps: float) -> None:
        save = partial(self.save_movie, axis, rate_fps)
        self._ask("Save the movie", ".mp4", "Movies (*.mp4 *.gif)", save)

    def _ask(self, title: str, suffix: str, filters: str, save: Callable[[str], object]) -> None:
        proposed = str(Path(self.folder or Path.home()) / f"{self._proposed_name()}{suffix}")

        def on_chosen(path: str) -> None:
            self.folder = str(Path(path).parent)
            save(path if Path(path).suffix else path + suffix)

        ask_path(self._window, title, proposed, filters, on_chosen)

    def _proposed_name(self) -> str:
        session = self._session
        facts = session.facts
        words = "" if facts is None else facts.name
        if facts is not None and facts.kind == "image":
            # The end of the file that was opened is not that of what is saved.
            words = re.sub(r"(\.ome)?\.\w{1,5}$", "", words)
        return re.sub(r"[^\w.-]+", "_", f"{words}_{session.describe(session.shown)}").strip("_")

    def _is_possible(self) -> bool:
        """Tell whether something can be saved now; if not, say why."""
        if self._bar.job is not None:
            self._say("warning", f"{self._bar.job.title} is not done yet")
            return False
        if self._session.facts is None or self._view.canvas.shown_image is None:
            self._say("warning", "there is no picture to save yet")
            return False
        return True

    # ------------------------------------------------------------ saving

    def copy_picture(self) -> None:
        """Put the picture onto the clipboard."""
        picture = self._view.picture()
        if self._is_possible() and picture is not None:
            QGuiApplication.clipboard().setImage(picture)
            self._say("info", "the picture is on the clipboard")

    def save_picture(self, path: str) -> None:
        """Save the view, with its scale bar."""
        picture = self._view.picture()
        if not self._is_possible() or picture is None:
            return

        def work(_control: Control) -> str:
            write_picture(Path(path), picture)
            return f"saved {path}"

        self._start(ThreadJob(f"Saving {Path(path).name}", work, self))

    def save_stack(self, choice: Choice, path: str) -> None:
        """Save the visible channels' planes as OME-TIFF."""
        if not self._is_possible():
            return
        if not self._session.visible_channels():
            self._say("warning", "all channels are hidden: there is nothing to save")
            return
        self._start(StackJob(stack_order(self._session, choice, path), self))

    def save_movie(self, axis: str, rate_fps: float, path: str) -> None:
        """Save a movie along an axis, the rest as it is shown."""
        source = self._source
        if not self._is_possible():
            return
        try:
            check_movie(Path(path))
        except PlanecastError as error:
            self._say("error", error.message)
            return
        if source is None:
            self._say("warning", "there is no reader worker to read the planes")
            return
        plan = self._movie_plan(axis, rate_fps)

        def work(control: Control) -> str:
            return write_movie(Path(path), plan, source, control)

        self._start(ThreadJob(f"Saving {Path(path).name}", work, self))

    def _movie_plan(self, axis: str, rate_fps: float) -> MoviePlan:
        session, canvas = self._session, self._view.canvas
        widget = canvas.frontend_widget()
        ratio = widget.devicePixelRatioF()
        # The codecs of MP4 need even numbers.
        width, height = (
            max(2, int(side * ratio) // 2 * 2) for side in (widget.width(), widget.height())
        )
        x0, y0, world_per_px = canvas.view
        facts = session.facts
        pixel_um = None if facts is None else facts.pixel_size_um
        return MoviePlan(
            pictures=movie_pictures(session, axis, self._view.luts(session.visible_channels())),
            view=View(x0, y0, world_per_px / ratio),
            width=width,
            height=height,
            rate_fps=rate_fps,
            um_per_px=None if pixel_um is None else pixel_um * world_per_px / ratio,
        )

    # ------------------------------------------------------------ inside

    def _start(self, job: Job) -> None:
        self._job = job
        job.ended.connect(self._on_ended)
        self._bar.show_job(job)
        job.start()

    def _on_ended(self, outcome: str, text: str) -> None:
        if self._job is not None:
            self._job.deleteLater()
            self._job = None
        self._session.logged.emit(LEVELS[outcome], text)

    def _say(self, level: str, text: str) -> None:
        self._session.logged.emit(level, text)
        if self._bar.job is None:
            self._bar.say(text, level)

"""The thread that composes pictures: the newest wish wins, the newest picture wins.

Where one wish follows another, as while an acquisition is followed or a slider dragged, it
composes drafts, and the last of them in full once nothing more comes.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from planecast_viewer.canvas.compositing import Layer, Packed, compose, gains_from_draft
from planecast_viewer.canvas.view import View

logger = logging.getLogger(__name__)

HURRY_S = 0.25
"""A wish that comes so soon after another is composed as a draft."""
REST_S = 0.15
"""A draft is composed in full when nothing came for so long."""


@dataclass(frozen=True, eq=False)
class Wish:
    """What is to be composed."""

    layers: tuple[Layer, ...]
    width: int
    """Of the picture, in device pixels."""
    height: int
    view: View
    """In logical pixels."""
    device_pixel_ratio: float = 1.0
    change: int = 0
    """The number of the last change of layers or view that is in here."""


class Frame:
    """A picture and what it shows. The image looks at `pixels`, so both live together."""

    def __init__(self, pixels: Packed, wish: Wish, *, draft: bool = False) -> None:
        height, width = pixels.shape
        self._pixels = pixels
        self.draft = draft
        """The same in full will follow, if nothing else is wished for."""
        self.view = wish.view
        self.change = wish.change
        self.image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        self.image.setDevicePixelRatio(wish.device_pixel_ratio)


def _compose(wish: Wish, *, draft: bool) -> Frame:
    device_view = _device_view(wish)
    pixels = compose(wish.layers, wish.width, wish.height, device_view, draft=draft)
    return Frame(pixels, wish, draft=draft)


def _device_view(wish: Wish) -> View:
    x0, y0, world_per_px = wish.view
    return View(x0, y0, world_per_px / wish.device_pixel_ratio)


class RenderThread(QObject):
    """Composes in one thread of its own, started by the first wish.

    At most one wish waits and at most one frame waits. All methods are for the GUI thread.
    """

    frame_ready = Signal()
    """`take` has a new frame; emitted for delivery in the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self._condition = threading.Condition()
        self._wish: Wish | None = None
        self._frame: Frame | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, wish: Wish) -> None:
        """Compose this instead of any wish still waiting. Does nothing after `close`."""
        with self._condition:
            if self._closed:
                return
            self._wish = wish
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="raster canvas", daemon=True)
            self._thread.start()

    def take(self) -> Frame | None:
        """Return the newest frame that was not taken yet."""
        with self._condition:
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        """Drop what waits and end the thread. May be called twice."""
        with self._condition:
            self._closed = True
            self._wish = self._frame = None
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        wished_at = float("-inf")
        while (wish := self._next_wish()) is not None:
            before, wished_at = wished_at, time.monotonic()
            hurries = wished_at - before < HURRY_S
            draft = hurries and gains_from_draft(wish.layers, _device_view(wish))
            self._show(wish, draft=draft)
            if draft and self._rests():
                self._show(wish, draft=False)
            # Planes are leased from the worker: an idle thread must not hold them.
            del wish

    def _show(self, wish: Wish, *, draft: bool) -> None:
        try:
            frame = _compose(wish, draft=draft)
        except Exception:
            # One odd plane must not end the canvas; the picture before it stays.
            logger.exception("a picture could not be composed")
            return
        self._deliver(frame)

    def _rests(self) -> bool:
        """Wait a little; tell whether nothing was wished for meanwhile."""
        with self._condition:
            return not self._condition.wait_for(lambda: self._closed or self._wish, REST_S)

    def _next_wish(self) -> Wish | None:
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._wish is not None)
            wish, self._wish = self._wish, None
            return None if self._closed else wish

    def _deliver(self, frame: Frame) -> None:
        with self._condition:
            is_first = self._frame is None
            self._frame = None if self._closed else frame
        if is_first:
            self.frame_ready.emit()

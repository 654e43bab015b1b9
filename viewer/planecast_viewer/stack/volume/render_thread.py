"""The thread that draws volumes: coarse at once, fine when it has the time.

It has an OpenGL context of its own and shows nothing: pictures come back as arrays. So the
window stays as it is, drawn without OpenGL where that is slow, and no other thread waits.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QSurfaceFormat

from planecast_protocol.errors import PlanecastError
from planecast_viewer.canvas.compositing import Packed
from planecast_viewer.stack.volume import gl
from planecast_viewer.stack.volume.painter import Painter, Quality, VolumeWish

logger = logging.getLogger(__name__)

COARSE_S = 0.1
"""A picture that will take longer is drawn coarsely first."""
FINE_S = 1.5
"""A picture is never drawn so finely that it takes longer than about this."""
STRIP_S = 0.04
"""So often it is looked whether there is a newer wish."""
OVERHEAD_S = 0.003
"""Of a picture, however small it is."""
UPLOAD_BYTES = 48 << 20
"""Planes that are brought to the card between two pictures."""
NO_OPENGL = (
    "3D needs OpenGL 3.3, which this screen does not offer{why}. Orthogonal views (O) and the "
    "brightest of all z (M) need none."
)


@dataclass(frozen=True, eq=False)
class VolumePicture:
    """A picture, and what it shows."""

    pixels: Packed
    """(y, x), perhaps smaller than `wish` says: it is to be drawn at that size."""
    wish: VolumeWish
    fine: bool
    """False: a better one follows."""
    quality: Quality
    all_layers: bool
    """False: there are more channels than OpenGL draws at a time."""


class VolumeThread(QObject):
    """Draws in one thread, started by the first wish. All methods are for the GUI thread."""

    picture_ready = Signal()
    """`take` has a new picture; emitted for delivery in the GUI thread."""
    failed = Signal(str)
    """There will be no picture, and why."""
    renderer_known = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._condition = threading.Condition()
        self._wish: VolumeWish | None = None
        self._picture: VolumePicture | None = None
        self._closed = False
        self._thread: threading.Thread | None = None
        self._s_per_value = 2e-9
        self._compiled_for = 0
        self._format = QSurfaceFormat()
        self._format.setVersion(3, 3)
        self._format.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
        # A surface belongs to the GUI thread, the context to the other.
        self._surface = QOffscreenSurface()
        self._surface.setFormat(self._format)
        self._surface.create()

    def submit(self, wish: VolumeWish) -> None:
        """Draw this instead of any wish still waiting. Does nothing after `close`."""
        with self._condition:
            if self._closed:
                return
            self._wish = wish
            self._condition.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="volume", daemon=True)
            self._thread.start()

    def take(self) -> VolumePicture | None:
        """Return the newest picture that was not taken yet."""
        with self._condition:
            picture, self._picture = self._picture, None
            return picture

    def close(self) -> None:
        """Drop what waits and end the thread. May be called twice."""
        with self._condition:
            self._closed = True
            self._wish = self._picture = None
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._surface.destroy()

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        context = QOpenGLContext()
        context.setFormat(self._format)
        try:
            painter = self._begin(context)
        except PlanecastError as error:
            self.failed.emit(error.message)
            return
        try:
            while (wish := self._next_wish()) is not None:
                self._draw(painter, wish)
                del wish
        except PlanecastError as error:
            self.failed.emit(error.message)
        except Exception as error:
            # The top of this thread: whoever waits must be told.
            logger.exception("a volume could not be drawn")
            self.failed.emit(f"{type(error).__name__}: {error}")
        finally:
            painter.close()
            context.doneCurrent()

    def _begin(self, context: QOpenGLContext) -> Painter:
        if not (self._surface.isValid() and context.create()):
            raise PlanecastError(NO_OPENGL.format(why=""))
        found = context.format()
        if context.isOpenGLES() or found.version() < (3, 3):
            kind = "OpenGL ES" if context.isOpenGLES() else "OpenGL"
            major, minor = found.version()
            raise PlanecastError(NO_OPENGL.format(why=f" (it has {kind} {major}.{minor})"))
        if not context.makeCurrent(self._surface):
            raise PlanecastError(NO_OPENGL.format(why=" to this thread"))
        functions = gl.Gl(lambda name: int(context.getProcAddress(name) or 0))
        renderer = functions.GetString(gl.RENDERER)
        self.renderer_known.emit("" if renderer is None else renderer.decode(errors="replace"))
        return Painter(functions)

    def _next_wish(self) -> VolumeWish | None:
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._wish is not None)
            wish, self._wish = self._wish, None
            return None if self._closed else wish

    def _is_newest(self) -> bool:
        with self._condition:
            return self._wish is None and not self._closed

    def _draw(self, painter: Painter, wish: VolumeWish) -> None:
        """Draw one wish better and better, until it is good or there is a newer one."""
        complete = painter.textures.upload(wish.stack, wish.size_yx, UPLOAD_BYTES)
        fine = self._quality(painter.cost(wish, Quality()), FINE_S)
        coarse = self._quality(painter.cost(wish, Quality()), COARSE_S)
        self._paint(painter, wish, coarse, fine=complete and coarse == fine)
        while not complete and self._is_newest():
            complete = painter.textures.upload(wish.stack, wish.size_yx, UPLOAD_BYTES)
            if self._is_newest():
                self._paint(painter, wish, coarse, fine=complete and coarse == fine)
        if coarse != fine and self._is_newest():
            self._paint(painter, wish, fine, fine=True)

    def _paint(self, painter: Painter, wish: VolumeWish, quality: Quality, *, fine: bool) -> None:
        cost = painter.cost(wish, quality)
        strips = max(1, round(cost * self._s_per_value / STRIP_S))
        started = time.monotonic()
        # A coarse picture is delivered even if there is a newer wish: else a camera that is
        # moved all the time would show none.
        go_on = self._is_newest if fine and strips > 1 else _always
        pixels = painter.paint(wish, quality, strips, go_on)
        if pixels is None:
            return
        took_s = max(time.monotonic() - started - OVERHEAD_S, 1e-4)
        # The first picture of so many layers waits until the driver has compiled the program.
        if len(drawn := painter.layers(wish)) == self._compiled_for:
            self._s_per_value += 0.5 * (took_s / cost - self._s_per_value)
        self._compiled_for = len(drawn)
        there = [one for one in painter.textures.volumes if one.channel in wish.luts]
        self._deliver(VolumePicture(pixels, wish, fine, quality, len(drawn) == len(there)))

    def _quality(self, cost: float, seconds: float) -> Quality:
        """Return the finest that takes about so long: pixels and steps grow alike."""
        factor = max(1.0, (cost * self._s_per_value / seconds) ** (1 / 3))
        return Quality(factor, factor)

    def _deliver(self, picture: VolumePicture) -> None:
        with self._condition:
            is_first = self._picture is None
            self._picture = None if self._closed else picture
        if is_first:
            self.picture_ready.emit()


def _always() -> bool:
    return True

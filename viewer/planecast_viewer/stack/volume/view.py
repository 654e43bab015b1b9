"""The stack as a volume: the brightest along each line of sight, turned by mouse and keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from planecast_viewer.canvas.choice import is_software
from planecast_viewer.canvas.overlay import length_text
from planecast_viewer.stack.planes import Stack
from planecast_viewer.stack.view import StackSource, StackView
from planecast_viewer.stack.volume.box import paint_box
from planecast_viewer.stack.volume.camera import Camera, Vector
from planecast_viewer.stack.volume.painter import MAX_LAYERS, VolumeWish
from planecast_viewer.stack.volume.render_thread import VolumePicture, VolumeThread
from planecast_viewer.stack.voxel import Voxel, voxel_of

DEG_PER_PX = 0.4
NUDGE_DEG = 5.0
ZOOM_PER_NOTCH = 1.25
WHEEL_NOTCH = 120.0


class VolumeView(StackView):
    """Drag: turn. Drag with another button or Shift: move. Wheel: zoom. GUI thread only."""

    drawn = Signal(bool)
    """A picture is on the screen; true: no better one follows."""

    def __init__(self, source: StackSource, parent: QWidget | None = None) -> None:
        super().__init__(source, parent)
        self.camera = Camera()
        self.renderer = ""
        """What OpenGL calls what draws; empty until it is known."""
        self._picture: VolumePicture | None = None
        self._image: QImage | None = None
        self._voxel = Voxel(1.0, 1.0, is_um=False)
        self._extent: Vector = (1.0, 1.0, 1.0)
        self._dragged_from: QPointF | None = None
        self._thread = VolumeThread()
        self._thread.picture_ready.connect(self._on_picture_ready)
        self._thread.failed.connect(self._on_failed)
        self._thread.renderer_known.connect(self._on_renderer_known)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    # ------------------------------------------------------------ what is drawn

    def submit(self) -> None:
        """See `StackView`: an empty stack whose planes come soon leaves the picture before it."""
        session, feed = self.source.session, self.source.feed
        stack, facts = feed.stack(), session.facts
        if stack is None or facts is None or (stack.is_empty and feed.state().n_coming):
            return
        self._voxel = voxel_of(facts)
        height, width = self.size_yx(stack)
        xy, z = self._voxel.xy, self._voxel.z
        self._extent = (width * xy, height * xy, stack.num_z * z)
        ratio = self.devicePixelRatioF()
        wish = VolumeWish(
            stack=stack,
            luts=self.source.luts(session.visible_channels()),
            size_yx=(height, width),
            extent=self._extent,
            step=min(_side(stack, xy), z),
            camera=self.camera,
            width=max(round(self.width() * ratio), 1),
            height=max(round(self.height() * ratio), 1),
        )
        self._thread.submit(wish)
        self._scale_overlay()

    def _scale_overlay(self) -> None:
        scale = self.camera.units_per_px(self._extent, self.width(), self.height())
        self.overlay.set_um_per_screen_px(scale if self._voxel.is_um else None)

    def _on_picture_ready(self) -> None:
        picture = self._thread.take()
        if picture is None:
            return
        height, width = picture.pixels.shape
        image = QImage(
            picture.pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32
        ).copy()
        self._picture, self._image = picture, image
        self.update()
        self.drawn.emit(picture.fine)
        self.noted.emit()

    def _on_failed(self, why: str) -> None:
        self.failure = why
        self.source.session.logged.emit("warning", why)
        self.noted.emit()

    def _on_renderer_known(self, renderer: str) -> None:
        self.renderer = renderer
        self.noted.emit()

    # ------------------------------------------------------------ as people want it

    def fit(self) -> None:
        """See `StackView`: and look at it as at the start."""
        self._look(Camera())

    def one_to_one(self) -> None:
        """See `StackView`."""
        scale = self.camera.units_per_px(self._extent, self.width(), self.height())
        self.zoom_by(scale * self.devicePixelRatioF() / self._voxel.xy)

    def zoom_by(self, factor: float) -> None:
        """See `StackView`."""
        self._look(self.camera.zoomed(factor))

    def nudge(self, right: int, down: int) -> None:
        """See `StackView`: the camera, by degrees."""
        self._look(self.camera.turned(right * NUDGE_DEG, down * NUDGE_DEG))

    def note(self) -> str:
        """See `StackView`."""
        picture = self._picture
        notes = []
        if is_software(self.renderer):
            notes.append("drawn by the processor: slow while it is turned")
        if picture is not None and not picture.all_layers:
            notes.append(f"the first {MAX_LAYERS} of the visible channels")
        return " · ".join(notes)

    def stop(self) -> None:
        """See `StackView`."""
        self._thread.close()
        self._picture = self._image = None

    def _look(self, camera: Camera) -> None:
        self.camera = camera
        self.refresh()

    # ------------------------------------------------------------ the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of it."""
        self._dragged_from = event.position()
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Turn or move it."""
        if self._dragged_from is None:
            return
        moved = event.position() - self._dragged_from
        self._dragged_from = event.position()
        held = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.buttons() & Qt.MouseButton.LeftButton and not held:
            self._look(self.camera.turned(moved.x() * DEG_PER_PX, moved.y() * DEG_PER_PX))
        else:
            scale = self.camera.units_per_px(self._extent, self.width(), self.height())
            self._look(self.camera.panned(moved.x() * scale, -moved.y() * scale))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """Let go."""
        self._dragged_from = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Look at it as at the start."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom."""
        self.zoom_by(ZOOM_PER_NOTCH ** (event.angleDelta().y() / WHEEL_NOTCH))
        event.accept()

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Paint the newest picture, and the box where it has it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self._image is not None and self._picture is not None and not self.failure:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(self.rect()), self._image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            wish = self._picture.wish
            size = (float(self.width()), float(self.height()))
            paint_box(painter, wish.camera, wish.extent, size, self._side_texts(wish))
        painter.end()

    def _side_texts(self, wish: VolumeWish) -> tuple[str, str, str]:
        if self._voxel.is_um:
            x, y, z = (
                f"{name} {length_text(float(f'{length:.3g}'))}"
                for name, length in zip("xyz", wish.extent, strict=True)
            )
            return x, y, z
        height, width = wish.size_yx
        return f"x {width} px", f"y {height} px", f"z {wish.stack.num_z} planes"


def _side(stack: Stack, xy: float) -> float:
    """Return the smallest side of a pixel that is in the stack."""
    planes = [stack.first(channel) for channel in stack.planes]
    return min((xy * plane.block for plane in planes if plane is not None), default=xy)

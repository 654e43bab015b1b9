"""A scrolling grid of fovs: paints what is visible, and nothing else exists."""

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from planecast_viewer import theme
from planecast_viewer.focus_keys import FocusKeys

SIDES_PX = (64, 96, 128, 176)
GAP_PX, LABEL_PX = 6, 16

Picture = Callable[[int], QImage | str]
"""The picture of a fov, or what is said in its place."""


class ThumbnailView(QAbstractScrollArea):
    """Fovs in rows, as many to a row as there is room for. GUI thread only."""

    fov_chosen = Signal(int)
    visible_changed = Signal()
    """Other fovs are visible: scrolled, resized, or another number of them."""

    def __init__(
        self, picture: Picture, label: Callable[[int], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._picture, self._label = picture, label
        self._n = 0
        self._side = SIDES_PX[1]
        self._current = -1
        self.cursor_fov = 0
        """Where the arrow keys are."""
        self._keys = FocusKeys(self, (Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Equal))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.setAccessibleName("Thumbnails of fovs")

    def sizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(260, 240)

    def set_count(self, n: int) -> None:
        """Show another number of fovs, from the first on."""
        self._n, self.cursor_fov = n, 0
        self.verticalScrollBar().setValue(0)
        self._relayout()

    def set_current(self, fov: int) -> None:
        """Mark the fov that is shown, and bring it into view if it has changed."""
        if fov != self._current:
            self._current = fov
            if not self.hasFocus():
                self.cursor_fov = fov
                self._bring_into_view(fov)
            self.viewport().update()

    def visible_fovs(self) -> range:
        """Return the fovs that are at least partly visible."""
        first = self.verticalScrollBar().value() // self._row_px
        last = (self.verticalScrollBar().value() + self.viewport().height()) // self._row_px
        return range(first * self._columns, min(self._n, (last + 1) * self._columns))

    def place_of(self, fov: int) -> QRect:
        """Return where a fov's picture is, in the viewport."""
        row, column = divmod(fov, self._columns)
        free = self.viewport().width() - self._columns * (self._side + GAP_PX) - GAP_PX
        left = GAP_PX + max(0, free) // 2 + column * (self._side + GAP_PX)
        top = GAP_PX + row * self._row_px - self.verticalScrollBar().value()
        return QRect(left, top, self._side, self._side)

    def fov_at(self, point: QPoint) -> int:
        """Return the fov at a point of the viewport; -1: none."""
        for fov in self.visible_fovs():
            if self.place_of(fov).adjusted(0, 0, 0, LABEL_PX).contains(point):
                return fov
        return -1

    # ------------------------------------------------------------ inside

    @property
    def _columns(self) -> int:
        return max(1, (self.viewport().width() - GAP_PX) // (self._side + GAP_PX))

    @property
    def _row_px(self) -> int:
        return self._side + LABEL_PX + GAP_PX

    def _relayout(self) -> None:
        rows = math.ceil(self._n / self._columns)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, rows * self._row_px + GAP_PX - self.viewport().height()))
        bar.setSingleStep(self._row_px // 2)
        bar.setPageStep(self.viewport().height())
        self.viewport().update()
        self.visible_changed.emit()

    def _on_scrolled(self, _value: int) -> None:
        self.viewport().update()
        self.visible_changed.emit()

    def _bring_into_view(self, fov: int) -> None:
        bar = self.verticalScrollBar()
        place = self.place_of(fov).adjusted(0, -GAP_PX, 0, LABEL_PX)
        if place.top() < 0:
            bar.setValue(bar.value() + place.top())
        elif place.bottom() > self.viewport().height():
            bar.setValue(bar.value() + place.bottom() - self.viewport().height())

    # ------------------------------------------------------------ painting

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint the visible fovs."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        for fov in self.visible_fovs():
            self._paint_fov(painter, fov)
        painter.end()

    def _paint_fov(self, painter: QPainter, fov: int) -> None:
        place = self.place_of(fov)
        picture = self._picture(fov)
        if isinstance(picture, QImage):
            painter.fillRect(place, Qt.GlobalColor.black)
            size = picture.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            inside = QRect(QPoint(0, 0), size)
            inside.moveCenter(place.center())
            painter.drawImage(inside, picture)
        else:
            painter.fillRect(place, self.palette().color(QPalette.ColorRole.AlternateBase))
            painter.setPen(theme.color(theme.muted()))
            within = place.adjusted(4, 4, -4, -4)
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(within, int(middle), picture)
        if fov == self._current:
            painter.setPen(QPen(theme.color(theme.accent()), 3))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        elif self.hasFocus() and fov == self.cursor_fov:
            text = self.palette().color(QPalette.ColorRole.Text)
            painter.setPen(QPen(text, 1.5, Qt.PenStyle.DotLine))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        below = QRect(place.left(), place.bottom() + 1, place.width(), LABEL_PX)
        text_of = painter.fontMetrics().elidedText(
            self._label(fov), Qt.TextElideMode.ElideMiddle, below.width()
        )
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text_of)

    # ------------------------------------------------------------ mouse and keys

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        """Name what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            fov = self.fov_at(event.pos())
            if fov < 0:
                QToolTip.hideText()
                return True
            picture = self._picture(fov)
            why = f"\n{picture}" if isinstance(picture, str) else ""
            QToolTip.showText(event.globalPos(), f"{self._label(fov)}{why}", self)
            return True
        return super().viewportEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the fov that was clicked."""
        fov = self.fov_at(event.position().toPoint())
        if fov >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.cursor_fov = fov
            self.fov_chosen.emit(fov)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll; with Ctrl make the pictures larger or smaller."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._resize(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows and pages move, Enter chooses, plus and minus change the size."""
        a_page = max(1, self.viewport().height() // self._row_px) * self._columns
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns,
            Qt.Key.Key_Down: self._columns,
            Qt.Key.Key_PageUp: -a_page,
            Qt.Key.Key_PageDown: a_page,
            Qt.Key.Key_Home: -self._n,
            Qt.Key.Key_End: self._n,
        }
        key = event.key()
        if key in steps and self._n:
            self.cursor_fov = min(max(self.cursor_fov + steps[Qt.Key(key)], 0), self._n - 1)
            self._bring_into_view(self.cursor_fov)
            self.viewport().update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._n:
            self.fov_chosen.emit(self.cursor_fov)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._resize(-1 if key == Qt.Key.Key_Minus else 1)
        else:
            super().keyPressEvent(event)

    def _resize(self, by: int) -> None:
        at = min(max(SIDES_PX.index(self._side) + by, 0), len(SIDES_PX) - 1)
        self._side = SIDES_PX[at]
        self._relayout()
        self._bring_into_view(self.cursor_fov)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lay out anew."""
        super().resizeEvent(event)
        self._relayout()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show where the keys are."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Hide where the keys were."""
        super().focusOutEvent(event)
        self.viewport().update()

"""What every panel is."""

from typing import ClassVar, Literal

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.facts import Facts
from planecast_viewer.session import Session

COLUMN_PX = 300


class _Column(QScrollArea):
    """Scrolls up and down; as wide as what is in it needs."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        inside = self.widget()
        width = inside.minimumSizeHint().width() if inside is not None else 0
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(width + bar, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Grow wider with what is in it; Qt asks for no more than to scroll."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class Panel(QWidget):
    """A widget in a dock that shows one aspect of the session. GUI thread only."""

    title: ClassVar[str]
    area: ClassVar[Literal["right", "bottom"]] = "right"
    open_at_start: ClassVar[bool] = True

    @classmethod
    def opens_with(cls, _facts: Facts) -> bool:
        """Tell whether the panel opens by itself with the first acquisition or file."""
        return cls.open_at_start

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt; in the column at the right the names of the panels are whole."""
        least = super().minimumSizeHint()
        return QSize(max(least.width(), COLUMN_PX if self.area == "right" else 0), least.height())

    def theme_changed(self) -> None:
        """Take the colours of another theme, where they are not taken at each painting."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """See Qt."""
        super().changeEvent(event)
        if theme.is_change(event):
            self.theme_changed()

    def scrolled(self) -> QWidget:
        """Return a widget to lay out in, which scrolls where the panel is too small for it.

        A panel that insists on its height makes the window grow beyond a small screen.
        """
        area = _Column(self)
        inside = QWidget(area)
        area.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        return inside

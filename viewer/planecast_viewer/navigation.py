"""The sliders below the canvas: one row each for time, field of view and z."""

from PySide6.QtCore import QObject, QRect, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QWidget,
)

from planecast_viewer import theme
from planecast_viewer.play_button import PlayButton
from planecast_viewer.playback import Player
from planecast_viewer.session import AXES, Session

AXIS_TITLES = {"t": "time", "fov": "fov", "z": "z"}
HOLD_KEYS = {"t": "Ctrl+Shift+T", "fov": "Ctrl+Shift+V", "z": "Ctrl+Shift+Z"}
HOLD_TEXTS = {"t": "Hold time", "fov": "Hold the field of view", "z": "Hold z"}
MAX_NAME_WIDTH_PX = 300
"""Longer names are cut in their middle: they differ at their ends. The tooltip has them whole."""
MAX_LABELS_IN_LIST = 2000
"""A list of more labels opens too slowly to be of use."""


class AxisSlider(QSlider):
    """A slider that goes where it is clicked, and whose wheel moves by one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._grabbed_at = 0.0
        """Where the handle is held, in pixels from its middle."""
        self.setPageStep(1)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of the handle, or bring it to the mouse."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        handle = self._part(QStyle.SubControl.SC_SliderHandle)
        point = event.position()
        on_handle = handle.contains(point.toPoint())
        self._grabbed_at = point.x() - handle.center().x() if on_handle else 0.0
        self.setSliderDown(True)
        if not on_handle:
            self.setValue(self._value_at(point.x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the mouse."""
        if self.isSliderDown():
            self.setValue(self._value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """Let go of the handle."""
        self.setSliderDown(False)

    def _value_at(self, x: float) -> int:
        groove = self._part(QStyle.SubControl.SC_SliderGroove)
        width = self._part(QStyle.SubControl.SC_SliderHandle).width()
        at = round(x - self._grabbed_at - groove.x() - width / 2)
        room = groove.width() - width
        return QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), at, room)

    def _part(self, part: QStyle.SubControl) -> QRect:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        complex_control = QStyle.ComplexControl.CC_Slider
        return self.style().subControlRect(complex_control, option, part, self)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Move by one value per notch, up is more."""
        step = 1 if event.angleDelta().y() > 0 else -1
        self.setValue(self.value() + step)
        event.accept()


class AxisRow(QObject):
    """One axis: its name, slider, where it is in words, and a pin that holds it in follow."""

    moved = Signal(str, int)
    """(axis, value): a person moved it."""
    touched = Signal(str)
    """Its handle was taken, and perhaps not moved yet."""
    pinned = Signal(str, bool)

    def __init__(
        self, axis: str, player: Player, layout: QGridLayout, row: int, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.axis = axis
        self.play = PlayButton(axis, AXIS_TITLES[axis], player, parent)
        self.title = QLabel(AXIS_TITLES[axis], parent)
        self.slider = AxisSlider(parent)
        self.slider.sliderPressed.connect(lambda: self.touched.emit(axis))
        self.slider.valueChanged.connect(self._on_slider)
        self.names = QComboBox(parent)
        self.names.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.names.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.names.activated.connect(self._on_name_chosen)
        self._labels: tuple[str, ...] = ()
        self.text = QLabel(parent)
        self.text.setMinimumWidth(self.text.fontMetrics().horizontalAdvance("000   (000 of 000)"))
        self.text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.pin = QToolButton(parent)
        self.pin.setText("hold")
        self.pin.setCheckable(True)
        self.pin.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.pin.setToolTip(
            f"Stay at this {AXIS_TITLES[axis]} while following the newest planes; its slider "
            "then chooses which one is held"
        )
        self.pin.setStyleSheet(theme.chosen("QToolButton"))
        self.pin.toggled.connect(self._on_pin)
        self._state: tuple[object, ...] = ()
        self._widgets = (self.title, self.play, self.slider, self.names, self.text, self.pin)
        for column, widget in enumerate(self._widgets):
            layout.addWidget(widget, row, column)

    def set_labels(self, labels: tuple[str, ...]) -> None:
        """Take names for the values; they are offered in a list where it is not too long."""
        self._labels = labels
        with QSignalBlocker(self.names):
            self.names.clear()
            if len(labels) <= MAX_LABELS_IN_LIST:
                self.names.addItems([self._cut(label) for label in labels])

    def _cut(self, label: str) -> str:
        metrics = self.text.fontMetrics()
        return metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, MAX_NAME_WIDTH_PX)

    def set_state(self, value: int, length: int, total: int | None, *, live: bool) -> None:
        """Show a value of an axis that has `length` so far and `total` in the end.

        An axis that will have several values has its row from the start: the picture must not
        jump when the second one comes.
        """
        label = self._labels[value] if value < len(self._labels) else ""
        state = (value, length, total, live, self.names.count(), label)
        if state == self._state and self.slider.value() == value:
            return
        self._state = state
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, length - 1)
            self.slider.setValue(value)
        end = max(length, total or 0)
        place = f"({value + 1} of {end}{'+' if live and total is None else ''})"
        name = self._cut(label)
        # An axis with names says its value by them.
        self.text.setText(place if self.names.count() else f"{name or value}   {place}")
        self.text.setToolTip(label)
        self.names.setToolTip(label)
        if self.names.count() > value:
            with QSignalBlocker(self.names):
                self.names.setCurrentIndex(value)
        shown = length > 1 or (live and total != 1)
        for widget in self._widgets:
            widget.setVisible(shown)
        self.names.setVisible(shown and self.names.count() > 0)
        self.pin.setVisible(shown and live)

    def _on_slider(self, value: int) -> None:
        self.moved.emit(self.axis, value)

    def _on_name_chosen(self, value: int) -> None:
        self.moved.emit(self.axis, value)

    def _on_pin(self, pinned: bool) -> None:
        self.pinned.emit(self.axis, pinned)


class AxisBar(QWidget):
    """The rows of all axes. Moving one by hand stops following."""

    def __init__(self, session: Session, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setVerticalSpacing(2)
        layout.setHorizontalSpacing(8)
        layout.setColumnStretch(2, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.rows = {
            axis: AxisRow(axis, player, layout, row, self) for row, axis in enumerate(AXES)
        }
        for row in self.rows.values():
            row.moved.connect(self._on_moved)
            row.touched.connect(self._on_touched)
            row.pinned.connect(session.set_lock)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.extents_changed.connect(self._refresh)
        session.projection.changed.connect(self._refresh)
        session.shown_changed.connect(self._refresh)
        session.state_changed.connect(self._refresh)
        session.locks_changed.connect(self._on_locks_changed)
        self._on_acquisition_changed()

    def _on_acquisition_changed(self) -> None:
        facts = self._session.facts
        labels = () if facts is None else facts.fov_labels
        self.rows["fov"].set_labels(labels)
        is_image = facts is not None and facts.kind == "image"
        self.rows["fov"].title.setText("scene" if is_image else AXIS_TITLES["fov"])
        self.rows["z"].title.setText(AXIS_TITLES["z"] if facts is None else facts.z_title)
        self._on_locks_changed()
        self._refresh()

    def _on_locks_changed(self) -> None:
        for axis, row in self.rows.items():
            with QSignalBlocker(row.pin):
                row.pin.setChecked(axis in self._session.locks)

    def _on_moved(self, axis: str, value: int) -> None:
        self._session.show(self._session.shown._replace(**{axis: value}))

    def _on_touched(self, axis: str) -> None:
        if axis not in self._session.locks:
            self._session.set_following(False)

    def _refresh(self) -> None:
        session = self._session
        shown, extents, facts = session.shown, session.extents, session.facts
        running = session.running and facts is not None
        num_t = extents.t if facts is None or not session.running else facts.num_t
        self.rows["t"].set_state(shown.t, extents.t, num_t, live=running)
        self.rows["fov"].set_state(shown.fov, extents.fov, extents.fov, live=running)
        z = self.rows["z"]
        z.set_state(shown.z, extents.z, extents.z, live=running)
        z.slider.setEnabled(not session.projection.on)
        if session.projection.on:
            z.text.setText(f"brightest of {extents.z}")


def hold_actions(parent: QWidget, session: Session) -> list[QAction]:
    """Return what the buttons beside the sliders do, each with a key. They belong to `parent`."""
    actions = {}
    for axis in AXES:
        action = actions[axis] = QAction(HOLD_TEXTS[axis], parent)
        action.setCheckable(True)
        action.setShortcut(QKeySequence(HOLD_KEYS[axis]))
        action.setToolTip("Stay there while the newest planes are followed")
        action.triggered.connect(lambda held, a=axis: session.set_lock(a, held))

    def refresh() -> None:
        for axis, action in actions.items():
            action.setChecked(axis in session.locks)

    session.locks_changed.connect(refresh)
    session.acquisition_changed.connect(refresh)
    return list(actions.values())

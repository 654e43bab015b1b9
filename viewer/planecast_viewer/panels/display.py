"""How a channel is shown: contrast, gamma, and which of the z planes."""

from typing import ClassVar

import msgspec
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from planecast_viewer import theme
from planecast_viewer.focus_keys import FocusKeys
from planecast_viewer.looks import Look, with_gamma
from planecast_viewer.panels.panel import Panel
from planecast_viewer.session import Session

CONTINUOUS, FIXED = range(2)
EXCLUDED_PERCENT = (0.0, 0.1, 0.5, 1.0, 5.0)
GAMMA_STEPS = 100
"""To each side of the middle, which is a gamma of 1."""
GAMMA_SPAN = 5.0
"""The gamma at the right end; at the left it is its inverse."""


class DisplayPanel(Panel):
    """One channel at a time. What is set here is remembered for all channels of that name."""

    title: ClassVar[str] = "Display"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.channels = QComboBox(self)
        self.channels.activated.connect(self._refresh)
        self.contrast = QComboBox(self)
        self.contrast.addItems(["follows each plane", "stays as it is"])
        self.contrast.setToolTip("Limits that are dragged in the channel's row stay, too")
        self.contrast.activated.connect(self._on_contrast)
        self.once = QPushButton("Now", self)
        self.once.setToolTip("Take the limits from the plane that is shown, once")
        self.once.clicked.connect(self._on_once)
        self.excluded = QComboBox(self)
        self.excluded.setToolTip("So many of the darkest and of the brightest pixels do not count")
        for percent in EXCLUDED_PERCENT:
            self.excluded.addItem(f"{percent:g} %" if percent else "nothing", percent)
        self.excluded.activated.connect(self._on_excluded)
        self.gamma = QSlider(Qt.Orientation.Horizontal, self)
        self.gamma.setRange(-GAMMA_STEPS, GAMMA_STEPS)
        self.gamma.setToolTip("Below 1 dark structures become brighter")
        self.gamma.valueChanged.connect(self._on_gamma)
        self.gamma_text = QLabel(self)
        self.gamma_text.setMinimumWidth(self.gamma_text.fontMetrics().horizontalAdvance("0.00"))
        self.reset = QPushButton("Reset", self)
        self.reset.setToolTip("Let this channel look as it would by itself")
        self.reset.clicked.connect(self._on_reset)
        self.all = QPushButton("Use for all", self)
        self.all.setToolTip("Give every channel this gamma and this way of finding limits")
        self.all.clicked.connect(self._on_all)
        self.brightest = QCheckBox("brightest of all z (M)", self)
        self.brightest.setToolTip("Maximum projection over z")
        self.brightest.toggled.connect(session.projection.set)
        self.nothing = QLabel("no acquisition yet", self)
        self.theme_changed()
        self._controls = self._lay_out()
        for widget in (
            self.channels, self.contrast, self.once, self.excluded, self.gamma, self.reset,
            self.all, self.brightest,
        ):  # fmt: skip
            FocusKeys(widget, [Qt.Key.Key_Space])
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.looks.changed.connect(self._refresh)
        session.projection.changed.connect(self._refresh)
        self._on_acquisition_changed()

    def theme_changed(self) -> None:
        """See `Panel`."""
        self.nothing.setStyleSheet(f"color: {theme.muted()}")

    @property
    def channel(self) -> str:
        """The name of the channel that is chosen; empty: there is none."""
        return self.channels.currentText()

    def _lay_out(self) -> QWidget:
        controls = QWidget(self)
        form = QFormLayout(controls)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("channel", self.channels)
        form.addRow("contrast", _row(self.contrast, self.once))
        form.addRow("leaves out", self.excluded)
        form.addRow("gamma", _row(self.gamma, self.gamma_text))
        form.addRow("", _row(self.reset, self.all))
        form.addRow("z", self.brightest)
        layout = QVBoxLayout(self.scrolled())
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self.nothing)
        layout.addWidget(controls)
        layout.addStretch(1)
        return controls

    # ------------------------------------------------------------ showing

    def _on_acquisition_changed(self) -> None:
        facts = self.session.facts
        names = [] if facts is None else list(dict.fromkeys(one.name for one in facts.channels))
        before = self.channel
        with QSignalBlocker(self.channels):
            self.channels.clear()
            self.channels.addItems(names)
            self.channels.setCurrentIndex(max(self.channels.findText(before), 0))
        self._controls.setVisible(bool(names))
        self.nothing.setVisible(not names)
        self._refresh()

    def _refresh(self) -> None:
        look = self._look()
        self.contrast.setCurrentIndex(CONTINUOUS if look.automatic else FIXED)
        nearest = min(EXCLUDED_PERCENT, key=lambda percent: abs(percent - look.exclude))
        self.excluded.setCurrentIndex(EXCLUDED_PERCENT.index(nearest))
        with QSignalBlocker(self.gamma):
            self.gamma.setValue(slider_of(look.gamma))
        self.gamma_text.setText(f"{look.gamma:.2f}")
        self.reset.setEnabled(look != Look())
        with QSignalBlocker(self.brightest):
            self.brightest.setChecked(self.session.projection.on)
        self.brightest.setEnabled(self.session.projection.possible)

    def _look(self) -> Look:
        return self.session.looks.look(self.channel)

    # ------------------------------------------------------------ what people choose

    def _set(self, look: Look) -> None:
        if self.channel:
            self.session.looks.set(self.channel, look)

    def _on_contrast(self, way: int) -> None:
        if way == FIXED:
            self._on_once()
        else:
            self._set(msgspec.structs.replace(self._look(), limits=None))

    def _on_once(self) -> None:
        self.session.looks.fix_wanted.emit(self.channel)
        self._refresh()

    def _on_excluded(self, row: int) -> None:
        look = msgspec.structs.replace(self._look(), exclude=EXCLUDED_PERCENT[row])
        self._set(look)
        if not look.automatic:
            self._on_once()

    def _on_gamma(self, value: int) -> None:
        self._set(with_gamma(self._look(), gamma_of(value)))

    def _on_reset(self) -> None:
        self._set(Look())

    def _on_all(self) -> None:
        look = self._look()
        for row in range(self.channels.count()):
            name = self.channels.itemText(row)
            other = self.session.looks.look(name)
            other = msgspec.structs.replace(other, gamma=look.gamma, exclude=look.exclude)
            if look.automatic:
                other = msgspec.structs.replace(other, limits=None)
            self.session.looks.set(name, other)


def gamma_of(value: int) -> float:
    """Return the gamma at a value of the slider."""
    return round(float(GAMMA_SPAN ** (value / GAMMA_STEPS)), 3)


def slider_of(gamma: float) -> int:
    """Return the value of the slider that is nearest to a gamma."""
    return min(range(-GAMMA_STEPS, GAMMA_STEPS + 1), key=lambda v: abs(gamma_of(v) - gamma))


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, 0 if number else 1)
    return row

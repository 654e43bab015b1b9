"""Asks what is to be kept, and where. None of them blocks the picture."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from planecast_viewer import theme
from planecast_viewer.keep.choice import Choice
from planecast_viewer.navigation import AXIS_TITLES
from planecast_viewer.session import AXES, Session

MAX_RATE_FPS = 60.0
ENDS = ("ome.tif", "png", "mp4")


def ask_path(
    window: QWidget, title: str, proposed: str, filters: str, on_chosen: Callable[[str], None]
) -> QFileDialog:
    """Ask where to save. `proposed` is folder and name; its end is added where it is left out."""
    dialog = QFileDialog(window, title, proposed, filters)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    # Before Qt asks whether a file is to be replaced.
    dialog.setDefaultSuffix(next(end for end in ENDS if proposed.endswith(end)))
    dialog.selectFile(proposed)
    dialog.fileSelected.connect(on_chosen)
    dialog.open()
    return dialog


class StackDialog(QDialog):
    """Which planes go into an OME-TIFF."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Save as OME-TIFF")
        self.choices: dict[Choice, QRadioButton] = {}
        layout = QVBoxLayout(self)
        names = (
            [session.facts.channels[c].name for c in session.visible_channels()]
            if session.facts is not None
            else []
        )
        layout.addWidget(QLabel(f"{session.fov_label(session.shown.fov)}, {', '.join(names)}"))
        self._group = QButtonGroup(self)
        for choice, text in _choices(session):
            count = len(choice.positions(session)) * len(names)
            button = QRadioButton(f"{text}: {count:,} plane{'' if count == 1 else 's'}", self)
            self._group.addButton(button)
            self.choices[choice] = button
            layout.addWidget(button)
        list(self.choices.values())[-1].setChecked(True)
        hint = QLabel("Hidden channels are left out. Values are those of the file.", self)
        hint.setStyleSheet(f"color: {theme.muted()}")
        layout.addWidget(hint)
        layout.addWidget(_buttons(self))

    @property
    def choice(self) -> Choice:
        """What is chosen now."""
        return next(choice for choice, button in self.choices.items() if button.isChecked())


class MovieDialog(QDialog):
    """Along which axis a movie goes, and how fast."""

    def __init__(self, session: Session, rate_fps: float, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Save a movie")
        self.axes = QComboBox(self)
        for axis in AXES:
            length = getattr(session.extents, axis)
            if length > 1:
                self.axes.addItem(f"{AXIS_TITLES[axis]}: {length:,} pictures", axis)
        self.rate = QDoubleSpinBox(self)
        self.rate.setRange(0.5, MAX_RATE_FPS)
        self.rate.setDecimals(1)
        self.rate.setSuffix(" per second")
        self.rate.setValue(rate_fps)
        form = QFormLayout(self)
        form.addRow("along", self.axes)
        form.addRow("pictures", self.rate)
        hint = QLabel("Part, channels, contrast and scale bar as they are shown now.", self)
        hint.setStyleSheet(f"color: {theme.muted()}")
        form.addRow(hint)
        form.addRow(_buttons(self))

    @property
    def axis(self) -> str:
        """The axis that is chosen now."""
        return str(self.axes.currentData())


def _choices(session: Session) -> list[tuple[Choice, str]]:
    extents = session.extents
    choices = [(Choice(), "this plane")]
    if extents.z > 1:
        choices.append((Choice(along_z=True), "z stack"))
    if extents.t > 1:
        choices.append(
            (Choice(along_t=True), "time series of this z" if extents.z > 1 else "time series")
        )
    if extents.z > 1 and extents.t > 1:
        choices.append((Choice(along_t=True, along_z=True), "time series of z stacks"))
    return choices


def _buttons(dialog: QDialog) -> QDialogButtonBox:
    standard = QDialogButtonBox.StandardButton
    buttons = QDialogButtonBox(standard.Save | standard.Cancel, dialog)
    buttons.button(standard.Save).setText("Choose a name…")
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons

"""The small box to go somewhere by name."""

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import QCompleter, QDialog, QLabel, QLineEdit, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.goto import EXAMPLES, UnknownPlaceError, completions, parse_place
from planecast_viewer.session import Session

WIDTH_PX = 340


class GoToBox(QDialog):
    """Understands wells, fovs and axes; says what is wrong while there is time to mend it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Go to")
        self.setMinimumWidth(WIDTH_PX)
        self.edit = QLineEdit(self)
        self.edit.setPlaceholderText("well, fov, or t=5 z=3")
        self.edit.setClearButtonEnabled(True)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        layout = QVBoxLayout(self)
        layout.addWidget(self.edit)
        layout.addWidget(self.message)
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(8)
        completer.popup()  # made now: at the first letter a person would wait for it
        self.edit.setCompleter(completer)
        self.edit.textEdited.connect(self._say_examples)
        # Queued: a press of Enter in the list of completions comes here before its text.
        self.edit.returnPressed.connect(self.go, Qt.ConnectionType.QueuedConnection)

    def ask(self) -> None:
        """Open, without blocking the picture."""
        facts = self._session.facts
        self._names.setStringList([] if facts is None else completions(facts.fov_labels))
        self._say_examples()
        self.edit.clear()
        self.show()
        self.raise_()
        self.activateWindow()
        self.edit.setFocus()

    def go(self) -> None:
        """Go to what was typed and close, or say why not."""
        session = self._session
        if session.facts is None:
            self._say_wrong("nothing is shown yet")
            return
        try:
            place = parse_place(
                self.edit.text(), session.facts.fov_labels, session.shown, session.extents
            )
        except UnknownPlaceError as trouble:
            self._say_wrong(str(trouble))
            return
        session.show(place)
        self.accept()

    def _say_examples(self, _text: str = "") -> None:
        self.message.setText(EXAMPLES)
        self.message.setStyleSheet(f"color: {theme.muted()}")

    def _say_wrong(self, why: str) -> None:
        self.message.setText(why)
        self.message.setStyleSheet(f"color: {theme.bad()}")
        self.edit.selectAll()

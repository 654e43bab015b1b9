"""A form for one command: a field for each argument, as its controller declared it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planecast_protocol.arguments import check_arguments, describe, parse_argument
from planecast_protocol.command_messages import ArgumentSpec, CommandSpec
from planecast_protocol.errors import CommandRefusedError
from planecast_protocol.values import Scalar
from planecast_viewer import theme

Field = QCheckBox | QComboBox | QLineEdit


class CommandForm(QWidget):
    """What may be given to a command, and the button that sends it; twice if something moves."""

    sent = Signal(object)
    """The arguments, checked: `dict[str, Scalar]`."""

    def __init__(self, spec: CommandSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.fields = {one.name: _field_for(one) for one in spec.arguments}
        self._waiting: dict[str, Scalar] = {}
        """What is sent once it is confirmed."""
        text = QLabel(spec.text, self)
        text.setWordWrap(True)
        text.setVisible(bool(spec.text))
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for one in spec.arguments:
            form.addRow(one.name, self.fields[one.name])
        self.send = QPushButton(f"{spec.name} …" if spec.confirm else spec.name, self)
        self.confirm = QPushButton("Yes, do it", self)
        self.cancel = QPushButton("Cancel", self)
        self.question = QLabel(self)
        self.question.setWordWrap(True)
        self.trouble = QLabel(self)
        self.trouble.setWordWrap(True)
        self.trouble.setStyleSheet(f"color: {theme.bad()}")
        buttons = QHBoxLayout()
        for button in (self.send, self.confirm, self.cancel):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text)
        layout.addLayout(form)
        layout.addWidget(self.trouble)
        layout.addWidget(self.question)
        layout.addLayout(buttons)
        self.send.clicked.connect(self._on_send)
        self.confirm.clicked.connect(self._on_confirm)
        self.cancel.clicked.connect(self._end_question)
        for field in self.fields.values():
            if isinstance(field, QLineEdit):
                field.returnPressed.connect(self._on_send)
                field.textEdited.connect(self._end_question)
        self.trouble.hide()
        self._end_question()

    def arguments(self) -> dict[str, Scalar]:
        """Return what the fields hold; a field left empty keeps the controller's default.

        Raises `CommandRefusedError`, which names the argument and what it may be.
        """
        given: dict[str, Scalar] = {}
        for one in self.spec.arguments:
            field = self.fields[one.name]
            if isinstance(field, QCheckBox):
                given[one.name] = field.isChecked()
            elif isinstance(field, QComboBox):
                given[one.name] = one.choices[field.currentIndex()]
            elif field.text().strip() or (one.required and one.kind == "str"):
                given[one.name] = parse_argument(one, field.text().strip())
        return check_arguments(self.spec, given)

    def _on_send(self) -> None:
        try:
            arguments = self.arguments()
        except CommandRefusedError as refusal:
            self._end_question()
            self._complain(refusal.message)
            return
        self._complain("")
        if not self.spec.confirm:
            self.sent.emit(arguments)
            return
        self._waiting = arguments
        given = ", ".join(f"{name} = {value}" for name, value in arguments.items())
        self.question.setText(f"{self.spec.name}: {given}?" if given else f"{self.spec.name}?")
        self._ask(asking=True)

    def _on_confirm(self) -> None:
        self._end_question()
        self.sent.emit(self._waiting)

    def _end_question(self) -> None:
        self._ask(asking=False)

    def _ask(self, *, asking: bool) -> None:
        self.question.setVisible(asking)
        self.send.setVisible(not asking)
        self.confirm.setVisible(asking)
        self.cancel.setVisible(asking)

    def _complain(self, trouble: str) -> None:
        self.trouble.setText(trouble)
        self.trouble.setVisible(bool(trouble))


def _field_for(spec: ArgumentSpec) -> Field:
    if spec.kind == "bool":
        box = QCheckBox()
        box.setChecked(spec.default is True)
        box.setToolTip(spec.text)
        return box
    if spec.kind == "choice":
        choices = QComboBox()
        choices.addItems([str(choice) for choice in spec.choices])
        if spec.default in spec.choices:
            choices.setCurrentIndex(spec.choices.index(spec.default))
        choices.setToolTip(spec.text)
        return choices
    line = QLineEdit()
    hint = describe(spec)
    if not spec.required:
        hint += " (optional)" if spec.default is None else f" ({spec.default})"
    line.setPlaceholderText(hint)
    line.setToolTip(spec.text)
    return line

"""Controllers: what they show, and what may be asked of them."""

import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planecast_protocol.command_messages import CommandAnswer
from planecast_protocol.state_messages import ControllerState, StateEntry
from planecast_protocol.values import Scalar, Value
from planecast_viewer import theme
from planecast_viewer.command_form import CommandForm
from planecast_viewer.command_wish import CommandWish
from planecast_viewer.panels.panel import Panel
from planecast_viewer.part_text import describe_part
from planecast_viewer.session import Session
from planecast_viewer.who import controller_part

TIMEOUT_S = 30.0
"""A stage may take its time; the panel does not wait, it shows that it goes on."""
ROW_PX = 22
ROWS_SHOWN = 9
"""More are scrolled."""


class ControllerPanel(Panel):
    """One controller at a time: how it is, its state values, a form for its commands."""

    title: ClassVar[str] = "Controller"
    open_at_start: ClassVar[bool] = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.choice = QComboBox(self)
        self.life = QLabel(self)
        self.life.setWordWrap(True)
        self.values = _make_table(self)
        self.commands = QComboBox(self)
        self.form: CommandForm | None = None
        self._form_of = ""
        """The controller whose command the form is."""
        self.result = QLabel(self)
        self.result.setWordWrap(True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.result.hide()
        self.parts = QLabel(self)
        self.parts.setWordWrap(True)
        self._layout = QVBoxLayout(self.scrolled())
        self._layout.setContentsMargins(6, 4, 6, 4)
        for widget in (self.choice, self.life, self.values, self.commands, self.result, self.parts):
            self._layout.addWidget(widget)
        self._layout.addStretch()
        self._form_at = self._layout.indexOf(self.commands) + 1
        self._sent: CommandWish | None = None
        self._said: tuple[str, Callable[[], str]] = ("", theme.muted)
        self._picked = ""
        """The controller that a person has chosen; empty: that of the acquisition is shown."""
        self.choice.activated.connect(self._on_picked)
        self.commands.activated.connect(self._show_form)
        session.control_changed.connect(self._refresh)
        session.link_state_changed.connect(self._refresh)
        session.command_answered.connect(self._on_answered)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        self._refresh()

    @property
    def controller(self) -> ControllerState | None:
        """The controller that is shown."""
        wanted = self.choice.currentData()
        known = self.session.control.controllers
        return next((one for one in known if one.controller == wanted), None)

    # ------------------------------------------------------------ showing

    def theme_changed(self) -> None:
        """See `Panel`."""
        self._refresh()
        self._say(*self._said)

    def _refresh(self) -> None:
        self._refresh_choice()
        controller = self.controller
        self._refresh_life(controller)
        fresh = controller is not None and controller.life == "live" and self._agent_is_live()
        _fill(self.values, [] if controller is None else controller.values, fresh=fresh)
        self._refresh_commands(controller)
        if self.form is not None:
            self.form.setEnabled(fresh and self.session.control.may_command)
        self._refresh_parts()

    def _agent_is_live(self) -> bool:
        return self.session.control.agent == "live"

    def _refresh_choice(self) -> None:
        controllers = self.session.control.controllers
        wanted = [(one.name, one.controller) for one in controllers]
        rows = range(self.choice.count())
        shown = [(self.choice.itemText(row), self.choice.itemData(row)) for row in rows]
        if wanted != shown:
            self.choice.clear()
            for name, identity in wanted:
                self.choice.addItem(name, identity)
        self.choice.setCurrentIndex(self.choice.findData(self._wanted_controller()))
        self.choice.setVisible(len(wanted) > 1)

    def _wanted_controller(self) -> str:
        """Return the controller to show: who was picked, who acquires what is shown, who lives."""
        controllers = self.session.control.controllers
        known = {one.controller for one in controllers}
        part = controller_part(self.session)
        acquires = "" if part is None else part.part.part
        # What is being written must not go to another one.
        written = self._form_of if self._is_writing() else ""
        for wanted in (written, self._picked, acquires):
            if wanted in known:
                return wanted
        live = [one.controller for one in controllers if one.life == "live"]
        return next(reversed(live or [one.controller for one in controllers]), "")

    def _is_writing(self) -> bool:
        focus = QApplication.focusWidget()
        return self.form is not None and focus is not None and self.form.isAncestorOf(focus)

    def _on_picked(self) -> None:
        self._picked = self.choice.currentData() or ""
        self._refresh()

    def _on_acquisition_changed(self) -> None:
        self._picked = ""
        self._refresh()

    def _refresh_life(self, controller: ControllerState | None) -> None:
        if controller is None:
            text, color = "no controller shows its state", theme.muted()
        elif not self._agent_is_live():
            text, color = f"{controller.name}: not known, the agent is away", theme.warning()
        else:
            parts = {one.part.part: one for one in self.session.control.parts}
            part = parts.get(controller.controller)
            life = describe_part(part) if part else f"controller {controller.life}"
            colors = {"live": theme.good(), "silent": theme.bad(), "gone": theme.warning()}
            text, color = f"● {controller.name}: {life}", colors[controller.life]
            if controller.commands and not self.session.control.may_command:
                text += "; the agent lets no commands through"
        self.life.setText(text)
        self.life.setStyleSheet(f"color: {color}")
        self.life.setToolTip(f"process {controller.pid} on {controller.host}" if controller else "")

    def _refresh_commands(self, controller: ControllerState | None) -> None:
        specs = [] if controller is None else controller.commands
        shown = [self.commands.itemText(i) for i in range(self.commands.count())]
        if [spec.name for spec in specs] != shown:
            self.commands.clear()
            self.commands.addItems([spec.name for spec in specs])
        self.commands.setVisible(bool(specs))
        spec = specs[self.commands.currentIndex()] if specs else None
        if spec != (None if self.form is None else self.form.spec):
            self._show_form()

    def _show_form(self) -> None:
        if self.form is not None:
            self._layout.removeWidget(self.form)
            self.form.deleteLater()
            self.form = None
        controller = self.controller
        if controller is None or not controller.commands:
            return
        self._form_of = controller.controller
        self.form = CommandForm(controller.commands[self.commands.currentIndex()], self)
        self.form.sent.connect(self._on_sent)
        self._layout.insertWidget(self._form_at, self.form)

    def _refresh_parts(self) -> None:
        others = [one for one in self.session.control.parts if one.part.kind != "controller"]
        lines = [
            f"{describe_part(one)} · {one.part.host} {one.part.pid or ''}".rstrip(" ·")
            for one in others
        ]
        self.parts.setText("\n".join(lines))
        self.parts.setVisible(bool(lines) and self._agent_is_live())
        self.parts.setStyleSheet(f"color: {theme.muted()}")

    # ------------------------------------------------------------ sending

    def _on_sent(self, arguments: dict[str, Scalar]) -> None:
        controller = self.controller
        if controller is None or self.form is None:
            return
        self._sent = CommandWish(controller.controller, self.form.spec.name, arguments, TIMEOUT_S)
        self._say(f"{self._sent.name} …", theme.muted)
        self.session.command_wanted.emit(self._sent)

    def _on_answered(self, wish: CommandWish, answer: CommandAnswer) -> None:
        if wish is not self._sent:
            return
        said = f"{wish.name}: {answer.outcome}"
        if answer.value is not None:
            said += f": {as_text(answer.value)}"
        said += f": {answer.why}" if answer.why else ""
        self._say(said, theme.good if answer.outcome == "done" else theme.bad)

    def _say(self, text: str, color: Callable[[], str]) -> None:
        self._said = (text, color)
        self.result.setText(text)
        self.result.setVisible(bool(text))
        self.result.setStyleSheet(f"color: {color()}")


def as_text(value: Value) -> str:
    """Return a value as people read it."""
    if isinstance(value, dict):
        return "  ".join(f"{name} {as_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(as_text(one) for one in value)
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _make_table(parent: QWidget) -> QTableWidget:
    table = QTableWidget(0, 2, parent)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setStretchLastSection(True)
    table.horizontalHeader().hide()
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_PX)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setShowGrid(False)
    return table


def _fill(table: QTableWidget, entries: list[StateEntry], *, fresh: bool) -> None:
    """Show the entries, by name; those of a controller that is not live are greyed."""
    rows = [row for entry in sorted(entries, key=lambda one: one.name) for row in _rows(entry)]
    table.setRowCount(len(rows))
    table.setVisible(bool(rows))
    table.setFixedHeight(min(len(rows), ROWS_SHOWN) * ROW_PX + 2 * table.frameWidth())
    color = theme.color(theme.text() if fresh else theme.muted())
    for number, (name, text, set_at) in enumerate(rows):
        for column, said in enumerate((name, text)):
            cell = table.item(number, column)
            if cell is None:
                cell = QTableWidgetItem()
                table.setItem(number, column, cell)
            cell.setText(said)
            cell.setToolTip(f"{name} = {text}, set at {set_at}{'' if fresh else ', stale'}")
            font = cell.font()
            font.setItalic(not fresh)
            cell.setFont(font)
            cell.setForeground(color)


def _rows(entry: StateEntry) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value, time): one row, or one for each item of a map."""
    set_at = time.strftime("%H:%M:%S", time.localtime(entry.set_at))
    if isinstance(entry.value, dict) and entry.value:
        for key, value in entry.value.items():
            yield f"{entry.name} {key}", as_text(value), set_at
    else:
        yield entry.name, as_text(entry.value), set_at

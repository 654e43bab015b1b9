"""Keys that a widget keeps for itself while it has the focus; else they would move sliders."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

NAVIGATION = frozenset({
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return, Qt.Key.Key_Enter,
    Qt.Key.Key_Escape,
})  # fmt: skip
LEAVE_TIP = "Esc: back to the picture"


class FocusKeys(QObject):
    """Gives a widget its keys before the window's shortcuts take them. Esc gives up the focus."""

    def __init__(self, widget: QWidget, more: Iterable[Qt.Key] = ()) -> None:
        super().__init__(widget)
        self._widget = widget
        self._keys = NAVIGATION | set(more)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Accept the announcement of a shortcut, so that the key itself is delivered."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.KeypadModifier,
            )
            if plain and event.key() in self._keys:
                event.accept()
                return True
        is_press = event.type() == QEvent.Type.KeyPress
        if is_press and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._widget.window().setFocus()
            return True
        return super().eventFilter(watched, event)

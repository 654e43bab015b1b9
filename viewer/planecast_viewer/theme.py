"""Colours that can be read on light and on dark windows."""

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication


def is_dark() -> bool:
    """Tell whether the window's background is dark."""
    return QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


def good() -> str:
    """Return the colour of what works."""
    return "#5ad18a" if is_dark() else "#0b7a3b"


def warning() -> str:
    """Return the colour of what needs a look."""
    return "#ffb84d" if is_dark() else "#9a5b00"


def bad() -> str:
    """Return the colour of what failed."""
    return "#ff7b72" if is_dark() else "#b3261e"


def muted() -> str:
    """Return the colour of what is less important; still 4.5 to 1."""
    return "#a8adb5" if is_dark() else "#5a5f66"


def accent() -> str:
    """Return the colour of what can be pressed to get somewhere."""
    return "#2f6fd6"


def link() -> str:
    """Return the colour of a text that leads somewhere; 4.5 to 1."""
    return "#7fb0ff" if is_dark() else "#1f5fc4"


def complete() -> str:
    """Return the colour of an area that has all it will have."""
    return "#3c9a66" if is_dark() else "#63b589"


def mark() -> str:
    """Return the colour of the line around what is shown."""
    return "#ffffff" if is_dark() else "#101418"


def chosen(widget: str) -> str:
    """Return the style of a button that shows at a glance that it is pressed."""
    return (
        f"{widget}:checked {{ background: {accent()}; color: white; border: none;"
        " border-radius: 3px; padding: 3px 8px; }"
    )


def color(name: str) -> QColor:
    """Return the colour as Qt has it."""
    return QColor(name)

"""Colours that can be read on light and on dark windows."""

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette
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


def text() -> str:
    """Return the colour of ordinary text."""
    return QGuiApplication.palette().color(QPalette.ColorRole.WindowText).name()


def is_change(event: QEvent) -> bool:
    """Tell whether a widget's `changeEvent` says that the colours are others now."""
    return event.type() == QEvent.Type.PaletteChange


def drawn_in(icon: QIcon, color_name: str, side_px: int = 64) -> QIcon:
    """Return an icon of one colour in another one."""
    pixmap = icon.pixmap(side_px, side_px)
    painter = QPainter(pixmap)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(pixmap.rect(), QColor(color_name))
    painter.end()
    return QIcon(pixmap)


def palette(*, dark: bool) -> QPalette:
    """Return the colours of a window where the system has none of that kind."""
    made = QPalette()
    for role, colors in _PALETTE.items():
        made.setColor(role, QColor(colors[dark]))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText,
                 QPalette.ColorRole.ButtonText):  # fmt: skip
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(("#a0a3a8", "#75797f")[dark]))
    return made


_ROLE = QPalette.ColorRole
_PALETTE: dict[QPalette.ColorRole, tuple[str, str]] = {
    _ROLE.Window: ("#efefef", "#2b2d30"),
    _ROLE.WindowText: ("#101214", "#e6e8eb"),
    _ROLE.Base: ("#ffffff", "#1f2123"),
    _ROLE.AlternateBase: ("#f6f6f7", "#26282b"),
    _ROLE.Text: ("#101214", "#e6e8eb"),
    _ROLE.Button: ("#efefef", "#3a3d41"),
    _ROLE.ButtonText: ("#101214", "#e6e8eb"),
    _ROLE.BrightText: ("#ffffff", "#ffffff"),
    _ROLE.ToolTipBase: ("#fbfbe8", "#3a3d41"),
    _ROLE.ToolTipText: ("#101214", "#e6e8eb"),
    _ROLE.PlaceholderText: ("#73777d", "#8f949b"),
    _ROLE.Highlight: ("#2f6fd6", "#2f6fd6"),
    _ROLE.HighlightedText: ("#ffffff", "#ffffff"),
    _ROLE.Link: ("#1f5fc4", "#7fb0ff"),
    _ROLE.Light: ("#ffffff", "#505459"),
    _ROLE.Midlight: ("#e3e3e5", "#43474b"),
    _ROLE.Mid: ("#b8b8bb", "#303336"),
    _ROLE.Dark: ("#9f9fa3", "#1b1c1e"),
    _ROLE.Shadow: ("#767679", "#111111"),
}
"""Of each role the colour on light windows, and on dark ones."""


def color(name: str) -> QColor:
    """Return the colour as Qt has it."""
    return QColor(name)

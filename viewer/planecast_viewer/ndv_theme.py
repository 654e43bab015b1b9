"""Gives what ndv has drawn in the colours of one theme those of another."""

from PySide6.QtWidgets import QPushButton, QWidget

from planecast_viewer import theme


def recolor(widget: QWidget) -> None:
    """Recolour the icons of ndv's buttons, and have their style sheets read the palette again."""
    for button in widget.findChildren(QPushButton):
        if not button.icon().isNull():
            button.setIcon(theme.drawn_in(button.icon(), theme.text()))
        if button.styleSheet():
            sheet = button.styleSheet()
            button.setStyleSheet("")
            button.setStyleSheet(sheet)

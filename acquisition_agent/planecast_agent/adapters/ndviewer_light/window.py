"""`LightweightViewer`: without a window, or a widget of the Qt that the controller runs itself."""

import functools
import sys
from typing import Any, Self

from planecast_agent.adapters.ndviewer_light.viewer import PushViewer
from planecast_protocol.endpoints import default_agent_address

_QTS = ("PyQt5", "PyQt6", "PySide6", "PySide2")
_OF_WINDOWS = ("show", "hide", "setVisible", "setWindowTitle", "resize")
"""What does nothing without a window, and what Qt says with one."""


class LightweightViewer(PushViewer):
    """Publishes what ndviewer_light's viewer would show. It loads no Qt.

    Controllers that run Qt, Squid among them, put their viewer into a layout, which takes
    nothing but widgets: in a process that has a `QApplication` this becomes a widget, which
    says where the pictures are. Elsewhere the calls that concern a window do nothing.
    """

    def __new__(cls, *_arguments: object, **_settings: object) -> Self:
        """Make a widget where there are windows."""
        widgets = _running_qt() if cls is LightweightViewer else None
        if widgets is not None:
            cls = _widget_class(widgets)  # noqa: PLW0642 - the same, with a base more
        return super().__new__(cls)

    def show(self) -> None:
        """Do nothing: viewers are programs of their own (`planecast view`)."""

    def hide(self) -> None:
        """Do nothing."""

    def setVisible(self, visible: bool) -> None:  # noqa: N802 - as Qt has it
        """Do nothing."""

    def setWindowTitle(self, title: str) -> None:  # noqa: N802 - as Qt has it
        """Do nothing."""

    def resize(self, width: int, height: int) -> None:
        """Do nothing."""


def _running_qt() -> Any:
    """Return the module of widgets of a Qt that has an application; `None` if there is none."""
    for name in _QTS:
        widgets = sys.modules.get(f"{name}.QtWidgets")
        if widgets is not None and widgets.QApplication.instance() is not None:
            return widgets
    return None


@functools.cache
def _widget_class(widgets: Any) -> Any:
    qwidget = widgets.QWidget

    def initialise(self: Any, dataset_path: str = "", **settings: Any) -> None:
        qwidget.__init__(self)
        label = widgets.QLabel(
            "Pictures of this program are shown by planecast, on this machine or another:\n\n"
            f"planecast view --agent {settings.get('agent') or default_agent_address()}"
        )
        label.setWordWrap(True)
        widgets.QVBoxLayout(self).addWidget(label)
        PushViewer.__init__(self, dataset_path, **settings)

    def close(self: Any) -> bool:
        PushViewer.close(self)
        return bool(qwidget.close(self))

    names: dict[str, Any] = {name: _method(qwidget, name) for name in _OF_WINDOWS}
    names |= {"__init__": initialise, "close": close, "__doc__": LightweightViewer.__doc__}
    return type("LightweightViewer", (LightweightViewer, qwidget), names)


def _method(qwidget: Any, name: str) -> Any:
    """Return a method that does what Qt's does; PyQt's own do not bind in another class."""

    def call(self: Any, *arguments: Any) -> Any:
        return getattr(qwidget, name)(self, *arguments)

    return call

"""What can be done with the picture, as actions for keys and a menu."""

from collections.abc import Callable
from functools import partial

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from planecast_viewer.measure.choice import Tool
from planecast_viewer.ndv_view import NdvView
from planecast_viewer.playback import Player
from planecast_viewer.session import Session


def picture_actions(
    parent: QWidget, session: Session, view: NdvView, player: Player
) -> list[QAction]:
    """Return the actions, each with its key and a tip. They belong to `parent`."""

    def action(text: str, keys: tuple[str, ...], tip: str, slot: Callable[[], None]) -> QAction:
        made = QAction(text, parent)
        made.setShortcuts([QKeySequence(key) for key in keys])
        made.setToolTip(tip)
        made.triggered.connect(lambda _on: slot())
        return made

    def measure(tool: Tool) -> None:
        session.measuring.set_tool(None if session.measuring.tool == tool else tool)

    brightest = action(
        "Brightest of all z", ("M",), "Maximum projection over z, or one z plane",
        session.projection.toggle,
    )  # fmt: skip
    brightest.setCheckable(True)

    def refresh() -> None:
        brightest.setChecked(session.projection.on)
        brightest.setEnabled(session.projection.possible)

    session.projection.changed.connect(refresh)
    refresh()
    return [
        action("Zoom in", ("+", "="), "Show the middle of the picture larger", view.zoom_in),
        action("Zoom out", ("-",), "Show more of the picture", view.zoom_out),
        action(
            "Play or pause",
            ("Space",),
            "Along time, else along z or the fields of view",
            player.toggle,
        ),
        brightest,
        action("Measure a line", ("L",), "Distance, and values along it", partial(measure, "line")),
        action(
            "Measure a rectangle",
            ("R",),
            "Mean and extremes, over z and time",
            partial(measure, "rectangle"),
        ),
        action("Measure nothing", ("Shift+R",), "Take the shape away", session.measuring.clear),
    ]

"""The two canvases of the viewer, and the switch between them."""

from planecast_viewer.canvas.choice import CanvasChoice, CanvasKind, choose_canvas
from planecast_viewer.canvas.extras import CanvasExtras, canvas_of
from planecast_viewer.canvas.install import install_canvas, installed_choice
from planecast_viewer.canvas.view import View

__all__ = [
    "CanvasChoice",
    "CanvasExtras",
    "CanvasKind",
    "View",
    "canvas_of",
    "choose_canvas",
    "install_canvas",
    "installed_choice",
]

"""The panels beside the picture. One module each; they know the session, never each other."""

from importlib import import_module

from planecast_viewer.panels.panel import Panel

PANELS = {
    "info": "info:InfoPanel",
    "display": "display:DisplayPanel",
    "measure": "measure:MeasurePanel",
    "controller": "controller:ControllerPanel",
    "plate": "plate_map:PlateMapPanel",
    "thumbnails": "thumbnails:ThumbnailsPanel",
    "acquisitions": "acquisitions:AcquisitionsPanel",
    "planetable": "planetable:PlanetablePanel",
    "log": "event_log:EventLogPanel",
    "programs": "programs:ProgramsPanel",
}
"""Name to `module:class`, in the order of the window's menu."""

TABBED = (
    ("info", "display", "measure", "controller"),
    ("plate", "thumbnails"),
    ("log", "acquisitions", "planetable", "programs"),
)
"""Panels that share a place: the first is behind the others when they open."""


def panel_class(name: str) -> type[Panel]:
    """Import the class of a panel."""
    module, _colon, attribute = PANELS[name].partition(":")
    panel: type[Panel] = getattr(import_module(f"{__name__}.{module}"), attribute)
    assert issubclass(panel, Panel)
    return panel

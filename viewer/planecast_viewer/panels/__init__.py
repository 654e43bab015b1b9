"""The panels beside the picture. One module each; they know the session, never each other."""

from importlib import import_module

from planecast_viewer.panels.panel import Panel

PANELS = {
    "info": "info:InfoPanel",
    "log": "event_log:EventLogPanel",
}
"""Name to `module:class`, in the order of the window's menu."""


def panel_class(name: str) -> type[Panel]:
    """Import the class of a panel."""
    module, _colon, attribute = PANELS[name].partition(":")
    panel: type[Panel] = getattr(import_module(f"{__name__}.{module}"), attribute)
    assert issubclass(panel, Panel)
    return panel

"""The icons of the viewer; LICENSES.txt names where they come from."""

from planecast_viewer.icons.offline import application_icon, install_offline_icons

__all__ = ["application_icon", "install_offline_icons"]

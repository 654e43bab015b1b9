"""ndviewer_light's `LightweightViewer`, which publishes instead of showing.

A controller that feeds ndviewer_light changes one import, and its pictures appear in every
planecast viewer that listens, on this machine or another:

    from planecast_agent.adapters.ndviewer_light import LightweightViewer
"""

from planecast_agent.adapters.ndviewer_light.window import LightweightViewer

__all__ = ["LightweightViewer"]

"""Which canvas suits this screen: vispy where a graphics card draws, raster elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Literal, NamedTuple

from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

CanvasKind = Literal["vispy", "raster"]

PLATFORMS_WITHOUT_GL = frozenset({"offscreen", "minimal", "linuxfb", "vnc"})
SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "software", "svga", "gdi generic")
# What desktops for many users set in the sessions they start.
REMOTE_SESSION_VARIABLES = {
    "XRDP_SESSION": "an XRDP session",
    "XRDP_SOCKET_PATH": "an XRDP session",
    "VNCDESKTOP": "a VNC session",
    "X2GO_SESSION": "an X2Go session",
    "NX_SESSION_ID": "an NX session",
    "CHROME_REMOTE_DESKTOP_SESSION": "a Chrome remote desktop session",
}
GL_RENDERER = 0x1F01
SM_REMOTESESSION = 0x1000


class CanvasChoice(NamedTuple):
    """The canvas to use, and the reason as one sentence."""

    kind: CanvasKind
    why: str


def choose_canvas(wanted: Literal["auto", "vispy", "raster"] = "auto") -> CanvasChoice:
    """Choose a canvas. Needs a `QGuiApplication`; takes milliseconds.

    Even where vispy is wanted, raster is chosen if there is no OpenGL at all.
    """
    if wanted == "raster":
        return CanvasChoice("raster", "The raster canvas was asked for.")
    remote = remote_session(os.environ)
    if wanted == "auto" and remote is not None:
        return CanvasChoice("raster", f"The screen is {remote}, where OpenGL is slow.")
    platform = QGuiApplication.platformName()
    renderer = None if platform in PLATFORMS_WITHOUT_GL else gl_renderer()
    if renderer is None:
        return CanvasChoice("raster", f"The Qt platform {platform} has no OpenGL here.")
    if wanted == "vispy":
        return CanvasChoice("vispy", "The vispy canvas was asked for.")
    if is_software(renderer):
        return CanvasChoice("raster", f"OpenGL is drawn by the processor ({renderer}).")
    return CanvasChoice("vispy", f"OpenGL is drawn by {renderer}.")


def remote_session(environ: Mapping[str, str]) -> str | None:
    """Return what kind of remote screen this is, or `None` if it is a local one."""
    for variable, name in REMOTE_SESSION_VARIABLES.items():
        if environ.get(variable):
            return name
    # A forwarded display has a host before the colon: localhost:10.0; a local one is :0.
    host = environ.get("DISPLAY", "").partition(":")[0]
    if environ.get("SSH_CONNECTION") and host and not host.startswith("/"):
        return "forwarded over SSH"
    if _is_windows_remote_session():
        return "a Windows remote desktop"
    return None


def _is_windows_remote_session() -> bool:
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.user32.GetSystemMetrics(SM_REMOTESESSION))
    return False


def is_software(renderer: str) -> bool:
    """Return whether an OpenGL renderer of this name draws without a graphics card."""
    name = renderer.lower()
    return any(word in name for word in SOFTWARE_RENDERERS)


def gl_renderer() -> str | None:
    """Return the name of the OpenGL renderer, or `None` if no context can be made."""
    context = QOpenGLContext()
    if not context.create():
        return None
    surface = QOffscreenSurface()
    surface.setFormat(context.format())
    surface.create()
    try:
        if not (surface.isValid() and context.makeCurrent(surface)):
            return None
        name = context.functions().glGetString(GL_RENDERER)
        context.doneCurrent()
        return str(name) if name else "an unnamed renderer"
    finally:
        surface.destroy()

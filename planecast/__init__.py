"""Live viewer for microscope acquisitions: the public API.

Names are imported when they are first used, so that `import planecast` costs an acquisition
script next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planecast import aio as aio
    from planecast.connecting import Microscope as Microscope
    from planecast.connecting import connect as connect
    from planecast_agent.acquisition import Acquisition as Acquisition
    from planecast_agent.controller import Controller as Controller
    from planecast_agent.subscriber.control_client import ControlClient as ControlClient
    from planecast_agent.subscriber.join import join as join
    from planecast_protocol import errors as errors
    from planecast_reader.formats import list_formats as list_formats
    from planecast_reader.headless.image import open_image as open_image
    from planecast_reader.headless.release import release as release

    __version__: str

__all__ = [
    "Acquisition",
    "ControlClient",
    "Controller",
    "Microscope",
    "__version__",
    "aio",
    "connect",
    "errors",
    "join",
    "list_formats",
    "open_image",
    "release",
]

_HOMES = {
    "Acquisition": ("planecast_agent.acquisition", ""),
    "ControlClient": ("planecast_agent.subscriber.control_client", ""),
    "Controller": ("planecast_agent.controller", ""),
    "Microscope": ("planecast.connecting", "reader"),
    "aio": ("planecast.aio", "reader"),
    "connect": ("planecast.connecting", "reader"),
    "join": ("planecast_agent.subscriber.join", "reader"),
    "list_formats": ("planecast_reader.formats", "reader"),
    "open_image": ("planecast_reader.headless.image", "reader"),
    "release": ("planecast_reader.headless.release", "reader"),
}
"""Public name to its module, and the extra that brings what the module imports."""


def __getattr__(name: str) -> object:
    if name == "errors":
        return import_module("planecast_protocol.errors")
    if name == "__version__":
        return import_module("importlib.metadata").version("planecast")
    if name not in _HOMES:
        raise AttributeError(f"module 'planecast' has no attribute {name!r}")
    module, extra = _HOMES[name]
    try:
        found = import_module(module)
    except ModuleNotFoundError as missing:
        if not extra or (missing.name or "").startswith("planecast"):
            raise
        raise ImportError(
            f"planecast.{name} needs {missing.name}: pip install 'planecast[{extra}]'",
            name=missing.name,
        ) from missing
    return found if module == f"planecast.{name}" else getattr(found, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

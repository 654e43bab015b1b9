"""The roots that are configured: names of folders that images lie in."""

from pathlib import Path

from planecast_protocol.configuration.loading import configuration
from planecast_protocol.paths import local_roots


def configured_roots() -> dict[str, Path]:
    """Return the configured roots, else the whole file system as `local:`.

    Raises `ConfigurationError`.
    """
    return _roots() or local_roots()


def known_roots() -> dict[str, Path]:
    """Return the configured roots, and the whole file system for what is beneath none of them."""
    return {**local_roots(), **_roots()}


def _roots() -> dict[str, Path]:
    return {alias: Path(folder) for alias, folder in configuration().roots.items()}

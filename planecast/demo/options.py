"""What a demo is started with."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """The settings of `planecast demo`."""

    out: Path | None = None
    """Where the files go; `None`: a temporary folder, removed at the end unless `keep`."""
    planes: int = 0
    """0: until the window is closed; 200 where nobody can close it."""
    rate: float = 10.0
    """Planes per second."""
    size: int = 1024
    """Height and width of a plane in pixels."""
    channels: tuple[str, ...] = ("BF", "DAPI", "GFP")
    headless: bool = False
    """On a virtual display."""
    canvas: str = "auto"
    """`auto`, `vispy` or `raster`."""
    open: Path | None = None
    """A file to show after the acquisition."""
    keep: bool = False
    json: bool = False
    """Print a report for programs instead of one for people."""

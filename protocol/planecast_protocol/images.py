"""What a file holds, as any reader describes it."""

from typing import Annotated

import msgspec

from planecast_protocol.axes import Count
from planecast_protocol.planes import DtypeName


class ChannelInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One channel of a scene. What the file doesn't say is `None`."""

    name: str
    """As in the file; `Channel 0` … where it gives none."""
    color: str | None = None
    """`#rrggbb`."""
    emission_nm: float | None = None
    excitation_nm: float | None = None
    exposure_ms: float | None = None
    fluor: str | None = None
    """The dye, where the file names it besides the channel."""
    acquisition_mode: str | None = None
    """Such as `WideField`, `LaserScanningConfocalMicroscopy`: OME's words where they fit."""
    contrast_method: str | None = None
    """Such as `Brightfield`, `Phase`, `DIC`, `Fluorescence`."""
    pinhole_um: float | None = None
    dtype: DtypeName | None = None
    """Where it differs from the scene's."""


class TileInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tile of a mosaic, in the file's pixel coordinates."""

    tile: Count
    """The file's own number of the tile (CZI: M)."""
    x: int
    y: int
    width: Count
    height: Count


class LevelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One level of a pyramid; level 0 is full resolution."""

    width: Count
    height: Count
    downsampling: float


class SceneInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scene: CZI scene, TIFF series, or fov of an acquisition folder."""

    name: str
    sizes: dict[str, Count]
    """Axis letter to length, in the file's own order; ends in Y, X or Y, X, S."""
    dtype: DtypeName
    channels: list[ChannelInfo] = []
    """One for each index of C; one where the scene has no C."""
    pixel_size_um: dict[str, float | None] = {}
    """`{"x": …, "y": …, "z": …}`; `None` where the file doesn't say."""
    tiles: list[TileInfo] = []
    """Empty where the scene is not a mosaic."""
    levels: list[LevelInfo] = []
    """At least level 0 where the format has pyramids; empty where it has none."""
    starts: dict[str, int] = {}
    """Axis letter to the file's first value on it, where that is not 0. Indices start at 0."""


class ImageInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file or folder, as its reader describes it."""

    path: str
    """As it was asked for: `alias:relative`."""
    format: str
    """Name in the table of readers: `tiff`, `czi` …"""
    reader: str
    """Library that reads it, with its version."""
    scenes: list[SceneInfo]
    size_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    has_planetable: bool = False
    warnings: list[str] = []

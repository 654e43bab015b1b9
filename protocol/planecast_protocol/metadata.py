"""What a file says of its acquisition: one model for all formats, JSON-able.

Units are in the names. What a file doesn't say is `None`, or an empty list.
"""

from typing import Annotated, Any

import msgspec

from planecast_protocol.images import SceneInfo


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """The objective that was used."""

    name: str | None = None
    """As the vendor calls it, such as `Plan-Apochromat 20x/0.8 M27`."""
    magnification: float | None = None
    numerical_aperture: float | None = None
    immersion: str | None = None
    """`air`, `water`, `oil`, `glycerol`, `silicone` …; as in the file if it is none of these."""


class StagePosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stage stood, in the stage's own coordinates."""

    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None


class SceneMetadata(SceneInfo, frozen=True, kw_only=True, omit_defaults=False):
    """A scene's facts, and what is known of how it was acquired."""

    significant_bits: int | None = None
    """Of the camera: 12 in a uint16 that never exceeds 4095."""
    well: str | None = None
    """Such as `A1`."""
    stage_positions: list[StagePosition] = msgspec.field(default_factory=list)
    """One for the scene; one for each tile of a mosaic if the file says so."""
    timestamps_s: list[float] = msgspec.field(default_factory=list)
    """One for each index of T, seconds since the first."""
    time_interval_s: float | None = None
    """The interval that was asked for, where there are no time stamps or besides them."""


class ImageMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a file says that is not pixels."""

    path: str = ""
    format: str = ""
    file_size_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    acquisition_date: str | None = None
    """ISO 8601, with the zone if the file gives it."""
    microscope: str | None = None
    software: str | None = None
    objective: Objective | None = None
    """Of the file's first scene, where they differ."""
    scenes: list[SceneMetadata] = msgspec.field(default_factory=list)
    vendor: dict[str, Any] = msgspec.field(default_factory=dict)
    """The format's own metadata, JSON-able: as rich and as odd as the vendor made it."""
    warnings: list[str] = msgspec.field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the whole as dicts, lists, strings and numbers, for `json.dumps`."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _plain(value: Any) -> Any:
    """Turn structs into dicts that keep what is `None`: on the wire it is left out."""
    match value:
        case msgspec.Struct():
            return {name: _plain(field) for name, field in msgspec.structs.asdict(value).items()}
        case dict():
            return {str(name): _plain(field) for name, field in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def scene_metadata(scene: SceneInfo, **more: Any) -> SceneMetadata:
    """Return a scene's facts with what is known beyond them."""
    return SceneMetadata(**{**msgspec.structs.asdict(scene), **more})

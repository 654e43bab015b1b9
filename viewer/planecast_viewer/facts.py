"""What is shown, as far as it is known at its start: from a live acquisition or a file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from planecast_protocol.event_messages import StartAcquisition
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_viewer.scene_axes import (
    depth,
    depth_axis,
    height_and_width,
    plane_axes,
    unshown_axes,
)

SQUARE_WITHIN = 1e-3
"""Width and height of a pixel that differ by a smaller part are the same number, rounded."""


@dataclass(frozen=True, kw_only=True)
class ChannelFacts:
    """One channel. What nobody said is `None`."""

    name: str
    color: str | None = None
    """`#rrggbb`."""
    wavelength_nm: float | None = None
    """Emission, else excitation."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an acquisition or a file is. What nobody said is `None`."""

    identity: str
    """The acquisition's id, or the file's wire path."""
    name: str
    kind: Literal["live", "image"]
    channels: tuple[ChannelFacts, ...]
    fov_labels: tuple[str, ...]
    num_t: int | None
    num_z: int
    z_title: str = "z"
    """What the slider of z moves along: another axis, where planes are not chosen on Z."""
    height: int
    width: int
    dtype: str | None = None
    pixel_size_um: float | None = None
    z_step_um: float | None = None
    time_interval_s: float | None = None
    started_at: float | None = None
    format: str | None = None
    rgb: bool = False
    """The one channel's planes are (y, x, rgb)."""
    has_planetable: bool = False
    """The file has a row of times and positions for each plane."""
    notes: tuple[str, ...] = ()
    """What a person must know of how it is shown."""

    @property
    def num_planes(self) -> int | None:
        """Return how many planes there will be, if that is known."""
        if self.num_t is None:
            return None
        return self.num_t * len(self.fov_labels) * self.num_z * len(self.channels)


def facts_of_acquisition(start: StartAcquisition) -> Facts:
    """Describe a live acquisition."""
    colors = start.channel_colors or []
    padded = [*colors, *([None] * len(start.channels))]
    return Facts(
        identity=start.acquisition,
        name=start.name,
        kind="live",
        channels=tuple(
            ChannelFacts(name=name, color=color)
            for name, color in zip(start.channels, padded, strict=False)
        ),
        fov_labels=tuple(start.fov_labels),
        num_t=start.num_t,
        num_z=start.num_z,
        height=start.height,
        width=start.width,
        dtype=start.dtype,
        pixel_size_um=start.pixel_size_um,
        z_step_um=start.z_step_um,
        time_interval_s=start.time_interval_s,
        started_at=start.started_at,
    )


def facts_of_image(info: ImageInfo) -> Facts:
    """Describe an opened file: scenes are fovs, T is t, Z is z, C is channel."""
    first = info.scenes[0]
    height, width = height_and_width(first.sizes)
    depths = {depth_axis(scene.sizes) or "Z" for scene in info.scenes if depth(scene.sizes) > 1}
    most = max(info.scenes, key=lambda scene: scene.sizes.get("C", 1))
    channels = tuple(
        ChannelFacts(
            name=channel.name,
            color=channel.color,
            wavelength_nm=channel.emission_nm or channel.excitation_nm,
        )
        for channel in most.channels
    ) or tuple(ChannelFacts(name=f"Channel {c}") for c in range(most.sizes.get("C", 1)))
    return Facts(
        identity=info.path,
        name=info.path.partition(":")[2].rsplit("/", 1)[-1],
        kind="image",
        channels=channels,
        fov_labels=tuple(scene.name or f"scene {n}" for n, scene in enumerate(info.scenes)),
        num_t=max(scene.sizes.get("T", 1) for scene in info.scenes),
        num_z=max(depth(scene.sizes) for scene in info.scenes),
        z_title="z" if depths in (set(), {"Z"}) else ", ".join(sorted(depths)),
        height=height,
        width=width,
        dtype=first.dtype,
        pixel_size_um=None if _oblong(first) else first.pixel_size_um.get("x"),
        z_step_um=first.pixel_size_um.get("z") if depths <= {"Z"} else None,
        format=f"{info.format} ({info.reader})",
        rgb=all(scene.sizes.get("S", 1) in (3, 4) for scene in info.scenes) and len(channels) == 1,
        has_planetable=info.has_planetable,
        notes=(*info.warnings, *_notes(info.scenes)),
    )


def _notes(scenes: list[SceneInfo]) -> list[str]:
    """Say which axes have no slider, and that scenes differ."""
    unshown: dict[str, int] = {}
    for scene in scenes:
        for axis in unshown_axes(scene.sizes):
            unshown[axis] = max(scene.sizes[axis], unshown.get(axis, 0))
    notes = [
        f"axis {axis} has {length} values; its first is shown" for axis, length in unshown.items()
    ]
    planes = {plane_axes(scene.sizes) for scene in scenes} - {("Y", "X")}
    notes += [f"a scan: its planes are {' × '.join(axes)}" for axes in sorted(planes)]
    if sides := _oblong(scenes[0]):
        width_um, height_um = sides
        notes.append(
            f"pixels are {width_um:g} × {height_um:g} µm: they are drawn square, and lengths are "
            "told in pixels"
        )
    if len({_shape(scene.sizes) for scene in scenes}) > 1:
        notes.append("scenes differ in size")
    return notes


def _oblong(scene: SceneInfo) -> tuple[float, float] | None:
    """Return the width and height of pixels in µm where they differ, as in scans of x and z."""
    sizes_um = [scene.pixel_size_um.get(axis.lower()) for axis in plane_axes(scene.sizes)]
    height_um, width_um = sizes_um if len(sizes_um) == 2 else (None, None)
    if width_um is None or height_um is None:
        return None
    if math.isclose(width_um, height_um, rel_tol=SQUARE_WITHIN):
        return None
    return width_um, height_um


def _shape(sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes.get(axis, 1) for axis in "TZCYX")

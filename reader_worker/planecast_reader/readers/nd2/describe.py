"""An ND2 in the protocol's words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import nd2
from nd2.structures import Channel, XYPosLoop, ZStackLoop

from planecast_protocol.images import ChannelInfo, SceneInfo
from planecast_protocol.metadata import Objective
from planecast_reader.readers.nd2.frames import FrameLayout

_LOOP_AXES = {"TimeLoop": "T", "NETimeLoop": "T", "XYPosLoop": "P", "ZStackLoop": "Z"}
_EXPOSURE = re.compile(r"Exposure:\s*([\d.]+)\s*(ms|s|µs|us)\b")
_MILLISECONDS = {"ms": 1.0, "s": 1e3, "µs": 1e-3, "us": 1e-3}
_PLANE = re.compile(r"^Plane #\d+:", re.MULTILINE)

_MODES = {
    "laserScanConfocal": "LaserScanningConfocalMicroscopy",
    "spinningDiskConfocal": "SpinningDiskConfocal",
    "sweptFieldConfocal": "SweptFieldConfocal",
    "multiphoton": "MultiPhotonMicroscopy",
    "TIRF": "TIRF",
    "camera": "WideField",
}
"""nd2's flag to OME's word; the first that fits."""
_CONTRASTS = {
    "phaseContrast": "Phase",
    "diContrast": "DIC",
    "brightfield": "Brightfield",
    "fluorescence": "Fluorescence",
}

_IMMERSIONS = (
    ("air", 0.99, 1.01),
    ("water", 1.32, 1.345),
    ("silicone", 1.39, 1.42),
    ("glycerol", 1.44, 1.48),
    ("oil", 1.50, 1.54),
)
"""Refractive indices from, to; the file says only the index."""


@dataclass
class Contents:
    """What the file says of itself."""

    layout: FrameLayout
    loops: dict[str, int]
    """Letter of each loop to its count, outermost first: P may be one of them."""
    channels: Sequence[Channel] = ()
    text: dict[str, str] = field(default_factory=dict)
    positions: list[str | None] = field(default_factory=list)
    """Names of the positions, in the order of P."""
    z_step_um: float | None = None

    @property
    def n_positions(self) -> int:
        """How many scenes there are."""
        return self.loops.get("P", 1)

    def sizes(self) -> dict[str, int]:
        """Return the axes of every scene; those of length 1 are left out, as nd2 does."""
        layout = self.layout
        sizes = {axis: count for axis, count in self.loops.items() if axis != "P"}
        sizes["C"] = layout.n_channels
        sizes = {axis: count for axis, count in sizes.items() if count != 1}
        sizes |= {"Y": layout.height, "X": layout.width}
        return sizes if layout.n_samples == 1 else sizes | {"S": layout.n_samples}

    def frame_number(self, index: dict[str, int]) -> int:
        """Return the place of a frame in the file."""
        number = 0
        for axis, count in self.loops.items():
            number = number * count + index.get(axis, 0)
        return number


def loops_of(experiment: Sequence[nd2.structures.ExpLoop]) -> list[tuple[str, int]]:
    """Return letter and count of each loop, outermost first; U for what nd2 has no letter for."""
    return [(_LOOP_AXES.get(loop.type, "U"), loop.count) for loop in experiment]


def position_names(experiment: Sequence[nd2.structures.ExpLoop]) -> list[str | None]:
    """Return the names that the user gave the positions."""
    for loop in experiment:
        if isinstance(loop, XYPosLoop):
            return [point.name for point in loop.parameters.points]
    return []


def z_step_um(experiment: Sequence[nd2.structures.ExpLoop]) -> float | None:
    """Return the step of the z loop."""
    for loop in experiment:
        if isinstance(loop, ZStackLoop):
            return abs(loop.parameters.stepUm) or None
    return None


def describe_scene(number: int, contents: Contents) -> SceneInfo:
    """Describe one position."""
    name = contents.positions[number] if number < len(contents.positions) else None
    x_um, y_um, z_um = _pixel_sizes(contents)
    return SceneInfo(
        name=name or f"position {number}",
        sizes=contents.sizes(),
        dtype=contents.layout.dtype.str,
        channels=_channels(contents),
        pixel_size_um={"x": x_um, "y": y_um, "z": contents.z_step_um or z_um},
    )


def objective_of(channels: Sequence[Channel]) -> Objective | None:
    """Return the objective of the first channel."""
    microscope = channels[0].microscope if channels else None
    if microscope is None:
        return None
    index = microscope.immersionRefractiveIndex
    return Objective(
        name=microscope.objectiveName,
        magnification=microscope.objectiveMagnification,
        numerical_aperture=microscope.objectiveNumericalAperture,
        immersion=next(
            (name for name, low, high in _IMMERSIONS if index and low <= index <= high), None
        ),
    )


def _pixel_sizes(contents: Contents) -> tuple[float | None, float | None, float | None]:
    volume = contents.channels[0].volume if contents.channels else None
    if volume is None:
        return None, None, None
    x_um, y_um, z_um = (
        size if is_calibrated and size > 0 else None
        for size, is_calibrated in zip(volume.axesCalibration, volume.axesCalibrated, strict=True)
    )
    return x_um, y_um, z_um


def _channels(contents: Contents) -> list[ChannelInfo]:
    exposures = _exposures_ms(contents)
    infos = []
    for number in range(contents.layout.n_channels):
        known = contents.channels[number] if number < len(contents.channels) else None
        exposure_ms = exposures[number] if number < len(exposures) else None
        if known is None:
            infos.append(ChannelInfo(name=f"Channel {number}", exposure_ms=exposure_ms))
            continue
        color = known.channel.color
        flags = set(known.microscope.modalityFlags)
        infos.append(
            ChannelInfo(
                name=known.channel.name or f"Channel {number}",
                color=f"#{color.r:02x}{color.g:02x}{color.b:02x}",
                emission_nm=known.channel.emissionLambdaNm,
                excitation_nm=known.channel.excitationLambdaNm,
                exposure_ms=exposure_ms,
                acquisition_mode=next((_MODES[flag] for flag in _MODES if flag in flags), None),
                contrast_method=next((_CONTRASTS[one] for one in _CONTRASTS if one in flags), None),
                pinhole_um=known.microscope.pinholeDiameterUm,
            )
        )
    return infos


def _exposures_ms(contents: Contents) -> list[float | None]:
    """Return the exposure of each channel, from the text that the software wrote for people."""
    text = contents.text.get("description", "")
    parts = _PLANE.split(text)
    exposures: list[float | None] = []
    for part in parts[1:] or parts:
        found = _EXPOSURE.search(part)
        exposures.append(float(found[1]) * _MILLISECONDS[found[2]] if found else None)
    return exposures

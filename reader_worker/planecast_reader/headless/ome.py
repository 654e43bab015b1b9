"""The OME model of what a file says. Imports ome-types, which takes seconds: import this late."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np
from ome_types import OME, model
from ome_types.model import Color

from planecast_protocol.errors import UnsupportedFormatError
from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import ImageMetadata, Objective, SceneMetadata
from planecast_reader.headless.selection import CHANNEL_AXES, SAMPLES, TIME_AXES, Z_AXES, plane_axes

PIXEL_TYPES = {
    "b1": "bit",
    "i1": "int8",
    "i2": "int16",
    "i4": "int32",
    "u1": "uint8",
    "u2": "uint16",
    "u4": "uint32",
    "f4": "float",
    "f8": "double",
    "c8": "complex",
    "c16": "double-complex",
}
"""Kind and bytes of a numpy dtype to OME's name."""
LETTERS = {**dict.fromkeys(CHANNEL_AXES, "C"), **dict.fromkeys(Z_AXES, "Z")} | dict.fromkeys(
    TIME_AXES, "T"
)
IMMERSIONS = {"air": "Air", "water": "Water", "oil": "Oil", "glycerol": "Glycerol"}
MAX_PLANES = 10_000
"""Beyond, an image's planes are not listed one by one: each takes 200 bytes of XML."""


def to_ome(metadata: ImageMetadata) -> OME:
    """Return the metadata in the OME model, one image a scene.

    Raises `UnsupportedFormatError` for what the model has no place for: axes other than T, C, Z,
    planes that are not Y × X, and 64-bit integers.
    """
    instruments = []
    if metadata.objective is not None or metadata.microscope is not None:
        instruments.append(_instrument(metadata))
    return OME(
        creator="planecast",
        instruments=instruments,
        images=[
            _image(metadata, scene, number, has_instrument=bool(instruments))
            for number, scene in enumerate(metadata.scenes)
        ],
    )


def _instrument(metadata: ImageMetadata) -> model.Instrument:
    microscope = None
    if metadata.microscope is not None:
        microscope = model.Microscope(model=metadata.microscope)
    objectives = [] if metadata.objective is None else [_objective(metadata.objective)]
    return model.Instrument(id="Instrument:0", microscope=microscope, objectives=objectives)


def _objective(objective: Objective) -> model.Objective:
    immersion = None
    if objective.immersion is not None:
        immersion = IMMERSIONS.get(objective.immersion.lower(), "Other")
    return model.Objective(
        id="Objective:0:0",
        model=objective.name,
        nominal_magnification=objective.magnification,
        lens_na=objective.numerical_aperture,
        immersion=None if immersion is None else model.Objective_Immersion(immersion),
    )


def _image(
    metadata: ImageMetadata, scene: SceneMetadata, number: int, *, has_instrument: bool
) -> model.Image:
    has_objective = has_instrument and metadata.objective is not None
    label = model.StageLabel(name=scene.well) if scene.well else None
    return model.Image(
        id=f"Image:{number}",
        name=scene.name,
        acquisition_date=_date(metadata.acquisition_date),
        instrument_ref=model.InstrumentRef(id="Instrument:0") if has_instrument else None,
        objective_settings=(model.ObjectiveSettings(id="Objective:0:0") if has_objective else None),
        stage_label=label,
        pixels=_pixels(metadata, scene, number),
    )


def _pixels(metadata: ImageMetadata, scene: SceneMetadata, number: int) -> model.Pixels:
    order = [_letter(metadata, scene, axis) for axis in scene.sizes][
        : -len(plane_axes(scene.sizes))
    ]
    lengths = dict(zip(order, scene.sizes.values(), strict=False))
    # OME counts its order from the fastest axis; a scene's sizes begin with the slowest.
    fastest_first = [*reversed(order), *(letter for letter in "CZT" if letter not in order)]
    samples = scene.sizes.get(SAMPLES, 1)
    um = scene.pixel_size_um
    return model.Pixels(
        id=f"Pixels:{number}",
        dimension_order=model.Pixels_DimensionOrder("XY" + "".join(fastest_first)),
        type=model.PixelType(_pixel_type(metadata, scene)),
        significant_bits=scene.significant_bits,
        size_x=scene.sizes["X"],
        size_y=scene.sizes["Y"],
        size_z=lengths.get("Z", 1),
        size_c=lengths.get("C", 1) * samples,
        size_t=lengths.get("T", 1),
        physical_size_x=um.get("x"),
        physical_size_y=um.get("y"),
        physical_size_z=um.get("z"),
        time_increment=scene.time_interval_s,
        channels=[
            _channel(channel, f"Channel:{number}:{place}", samples)
            for place, channel in enumerate(scene.channels)
        ],
        planes=list(_planes(scene, lengths)),
        metadata_only=model.MetadataOnly(),
    )


def _letter(metadata: ImageMetadata, scene: SceneMetadata, axis: str) -> str:
    letter = LETTERS.get(axis, axis)
    in_plane = axis in plane_axes(scene.sizes)
    if letter not in ("YX" + SAMPLES if in_plane else "TCZ"):
        raise UnsupportedFormatError.of(
            metadata.path, f"scene {scene.name} has an axis {axis}, which the OME model has not"
        )
    return letter


def _pixel_type(metadata: ImageMetadata, scene: SceneMetadata) -> str:
    dtype = np.dtype(scene.dtype)
    name = PIXEL_TYPES.get(f"{dtype.kind}{dtype.itemsize}")
    if name is None:
        raise UnsupportedFormatError.of(
            metadata.path, f"scene {scene.name} has {dtype} pixels, which the OME model has not"
        )
    return name


def _channel(channel: ChannelInfo, identity: str, samples: int) -> model.Channel:
    known: dict[str, Any] = {
        "name": channel.name,
        "fluor": channel.fluor,
        "emission_wavelength": channel.emission_nm,
        "excitation_wavelength": channel.excitation_nm,
        "pinhole_size": channel.pinhole_um,
        "acquisition_mode": _word(model.Channel_AcquisitionMode, channel.acquisition_mode),
        "contrast_method": _word(model.Channel_ContrastMethod, channel.contrast_method),
        "color": None if channel.color is None else Color(channel.color),
    }
    return model.Channel(
        id=identity,
        samples_per_pixel=samples,
        **{name: value for name, value in known.items() if value is not None},
    )


def _word(known: type[Enum], word: str | None) -> Enum | None:
    """Return one of OME's words; None for one of the vendor's own."""
    return next((member for member in known if member.value == word), None)


def _planes(scene: SceneMetadata, lengths: dict[str, int]) -> Iterator[model.Plane]:
    """Yield what is known of single planes: time, exposure and the stage's place."""
    n_t, n_c, n_z = (lengths.get(letter, 1) for letter in "TCZ")
    exposures = [channel.exposure_ms for channel in scene.channels]
    # Several positions are those of tiles, which the composed plane has none of.
    stage = scene.stage_positions[0] if len(scene.stage_positions) == 1 else None
    has_times = len(scene.timestamps_s) == n_t
    if n_t * n_c * n_z > MAX_PLANES or not (stage or has_times or any(exposures)):
        return
    for t in range(n_t):
        for c in range(n_c):
            for z in range(n_z):
                exposure_ms = exposures[c] if c < len(exposures) else None
                yield model.Plane(
                    the_t=t,
                    the_c=c,
                    the_z=z,
                    delta_t=scene.timestamps_s[t] if has_times else None,
                    exposure_time=exposure_ms,
                    exposure_time_unit=model.UnitsTime.MILLISECOND,
                    position_x=stage.x_um if stage else None,
                    position_y=stage.y_um if stage else None,
                    # The one z of a stack's stage says nothing of its other planes.
                    position_z=stage.z_um if stage and n_z == 1 else None,
                    position_x_unit=model.UnitsLength.MICROMETER,
                    position_y_unit=model.UnitsLength.MICROMETER,
                    position_z_unit=model.UnitsLength.MICROMETER,
                )


def _date(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:  # as odd as the vendor wrote it; it is still in the metadata
        return None

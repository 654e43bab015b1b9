"""Files of one series, each with a slice or a few, put in order."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from planecast_reader.readers.dicom.frames import DicomFrames
from planecast_reader.readers.dicom.metadata import field

_SAME_PLACE_MM = 1e-3
_GAP = 1.5
"""A distance so many times the usual one is taken for missing slices."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one size, as a scene."""

    sizes: dict[str, int]
    """Axes before Y and X; `F` for the frames of a single file."""
    frames: list[tuple[DicomFrames, int]]
    """File and frame of each plane, row-major over `sizes`."""
    z_step_um: float | None = None
    warning: str | None = None

    @property
    def first(self) -> DicomFrames:
        """The file that stands for all."""
        return self.frames[0][0]


def of_file(file: DicomFrames) -> Stack:
    """Return the frames of one file as a scene with the axis F."""
    n_frames = file.header.n_frames
    return Stack({"F": n_frames}, [(file, number) for number in range(n_frames)])


def group(files: Iterable[DicomFrames]) -> list[Stack]:
    """Sort the files of a folder into scenes: a series of single slices is one stack."""
    series: dict[tuple[object, ...], list[DicomFrames]] = defaultdict(list)
    stacks: list[Stack] = []
    for file in files:
        if file.header.n_frames > 1:
            stacks.append(of_file(file))
        else:
            uid = str(field(file.header.dataset, "SeriesInstanceUID"))
            series[uid, file.shape, file.dtype].append(file)
    return [*map(_stack, series.values()), *stacks]


def _stack(files: list[DicomFrames]) -> Stack:
    """Sort by place along the normal of the slices, else by number, else by name."""
    files = sorted(files, key=lambda file: (_number(file), file.header.path.name))
    places = [_place_mm(file) for file in files]
    known = [place for place in places if place is not None]
    if len(known) < len(files):
        return Stack({"Z": len(files)}, [(file, 0) for file in files])
    levels = sorted({round(place / _SAME_PLACE_MM) for place in known})
    counts = Counter(round(place / _SAME_PLACE_MM) for place in known)
    if len(set(counts.values())) > 1:
        # Neither one stack nor several of the same slices: in the order of their numbers.
        return Stack({"F": len(files)}, [(file, 0) for file in files])
    n_times = counts[levels[0]]
    at: dict[int, list[DicomFrames]] = defaultdict(list)
    for file, place in zip(files, known, strict=True):
        at[round(place / _SAME_PLACE_MM)].append(file)
    ordered = [(at[level][t], 0) for t in range(n_times) for level in levels]
    steps = np.diff(levels) * _SAME_PLACE_MM
    step_mm = median(steps) if len(steps) else None
    gaps = int((steps > _GAP * step_mm).sum()) if step_mm is not None else 0
    return Stack(
        ({"T": n_times} if n_times > 1 else {}) | {"Z": len(levels)},
        ordered,
        z_step_um=None if step_mm is None else float(1e3 * step_mm),
        warning=f"slices are missing at {gaps} places of the stack" if gaps else None,
    )


def _number(file: DicomFrames) -> int:
    try:
        return int(field(file.header.dataset, "InstanceNumber") or 0)
    except (TypeError, ValueError):
        return 0


def _place_mm(file: DicomFrames) -> float | None:
    """Return the distance of the slice from the origin along its normal. PS3.3 C.7.6.2.1.1."""
    position = field(file.header.dataset, "ImagePositionPatient")
    orientation = field(file.header.dataset, "ImageOrientationPatient")
    try:
        corner = np.array([float(one) for one in position or ()])
        along = np.array([float(one) for one in orientation or (1, 0, 0, 0, 1, 0)])
    except (TypeError, ValueError):
        return None
    if corner.shape != (3,) or along.shape != (6,):
        return None
    place = float(np.dot(np.cross(along[:3], along[3:]), corner))
    return place if np.isfinite(place) else None

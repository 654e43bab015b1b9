"""What a DICOM data set says of its picture, in our words."""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException

from planecast_protocol.metadata import Objective

MAX_DEPTH = 8
MAX_ITEMS = 50
"""Of a sequence: some have one for each of 100,000 frames."""
MAX_VALUES = 1000
DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    BytesLengthException,
)
"""What pydicom raises for an element that it can't convert."""


def field(dataset: Dataset, keyword: str) -> Any:
    """Return a value; `None` where it is absent, or damaged: pydicom converts it only now."""
    try:
        return dataset.get(keyword)
    except DAMAGE:
        return None


def pixel_size_um(dataset: Dataset) -> dict[str, float | None]:
    """Return the size of a pixel; `PixelSpacing` is y, x in mm. PS3.3 10.7.1."""
    measures = _first(_first(dataset, "SharedFunctionalGroupsSequence"), "PixelMeasuresSequence")
    spacing = field(dataset, "PixelSpacing")
    if spacing is None and measures is not None:
        spacing = field(measures, "PixelSpacing")
    sizes = [_positive(value) for value in spacing or ()]
    y, x = sizes if len(sizes) == 2 else (None, None)
    between = field(dataset, "SpacingBetweenSlices")
    if between is None and measures is not None:
        between = field(measures, "SpacingBetweenSlices")
    z = _positive(between)
    return {
        axis: None if size is None else 1e3 * size for axis, size in (("x", x), ("y", y), ("z", z))
    }


def acquisition_date(dataset: Dataset) -> str | None:
    """Return when it was acquired, ISO 8601, as exactly as the data set says."""
    moment = str(field(dataset, "AcquisitionDateTime") or "")
    if len(moment) >= 8 and moment[:8].isdecimal():
        return _iso(moment[:8], moment[8:])
    for kind in ("Acquisition", "Content", "Series", "Study"):
        day = str(field(dataset, f"{kind}Date") or "")
        if day:
            return _iso(day, str(field(dataset, f"{kind}Time") or ""))
    return None


def _iso(day: str, time: str) -> str | None:
    digits = day.replace(".", "")  # as before 1993
    clock = time.replace(":", "")
    if len(digits) != 8 or not digits.isdecimal():
        return None
    date = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    if len(clock) < 6 or not clock[:6].isdecimal():
        return date
    return f"{date}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}"


def microscope(dataset: Dataset) -> str | None:
    """Return maker and model of the device."""
    parts = [str(field(dataset, one) or "") for one in ("Manufacturer", "ManufacturerModelName")]
    return " ".join(part for part in parts if part) or None


def software(dataset: Dataset) -> str | None:
    """Return the software and its version."""
    versions = field(dataset, "SoftwareVersions")
    if versions is None:
        return None
    return versions if isinstance(versions, str) else ", ".join(map(str, versions))


def objective(dataset: Dataset) -> Objective | None:
    """Return the objective of a slide scanner."""
    path = _first(dataset, "OpticalPathSequence")
    if path is None:
        return None
    power = _positive(field(path, "ObjectiveLensPower"))
    aperture = _positive(field(path, "ObjectiveLensNumericalAperture"))
    if power is None and aperture is None:
        return None
    return Objective(magnification=power, numerical_aperture=aperture)


def vendor(dataset: Dataset, depth: int = 0) -> dict[str, Any]:
    """Return the data set by its keywords, without what is binary."""
    found: dict[str, Any] = {}
    for tag in dataset.keys():  # noqa: SIM118  a data set is iterated by converted elements
        try:
            element = dataset[tag]
        except DAMAGE:
            found[str(tag)] = "damaged"
            continue
        name = element.keyword or str(element.tag)
        if element.VR == "SQ":
            if depth < MAX_DEPTH:
                found[name] = [vendor(item, depth + 1) for item in element.value[:MAX_ITEMS]]
        elif element.VR not in {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}:
            found[name] = _plain(element.value)
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return [_plain(one) for one in list(value)[:MAX_VALUES]]


def _first(dataset: Dataset | None, keyword: str) -> Dataset | None:
    items = field(dataset, keyword) if dataset is not None else None
    return items[0] if items else None


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e6 else None

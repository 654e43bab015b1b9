"""Numbers with units, as OME-XML and ImageJ write them."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

MICROMETRES = {
    "m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3,
    "pm": 1e-6, "Å": 1e-4, "in": 25400.0, "inch": 25400.0, "ft": 304800.0,
    "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "\\u00B5m": 1.0,
}  # fmt: skip
NANOMETRES = {"nm": 1.0, "µm": 1e3, "μm": 1e3, "um": 1e3, "Å": 0.1, "m": 1e9, "mm": 1e6}
SECONDS = {
    "s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0,
    "d": 86400.0, "sec": 1.0,
}  # fmt: skip


def number(element: ET.Element, name: str) -> float | None:
    """Return an attribute as a finite number; `None` where it is absent or none."""
    try:
        value = float(element.get(name, ""))
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def quantity(
    element: ET.Element, name: str, units: Mapping[str, float], default: str
) -> float | None:
    """Return the attribute `name` in the units' base, by the unit in `nameUnit`."""
    value, scale = number(element, name), units.get(element.get(name + "Unit", default))
    return None if value is None or scale is None else value * scale


def to_um(value: float | None, unit: str | None) -> float | None:
    """Return a length in µm; `None` if the unit is unknown or the value no length."""
    factor = MICROMETRES.get(unit or "")
    if value is None or factor is None or not 0 < value < float("inf"):
        return None
    return value * factor

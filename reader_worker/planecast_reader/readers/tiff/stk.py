"""What a MetaMorph STK file says: the tags UIC1 to UIC4, as tifffile parses them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import StagePosition

Parsed = Mapping[str, Any]

_EXPOSURE = re.compile(r"Exposure:\s*([\d.]+)\s*(ms|s)\b")


def stk_channels(metadata: Parsed) -> list[ChannelInfo]:
    """Return the one channel of the stack."""
    wavelength = metadata.get("wavelength")
    found = _EXPOSURE.search(" ".join(map(str, metadata.get("PlaneDescriptions") or [])))
    exposure = None if found is None else float(found[1]) * (1.0 if found[2] == "ms" else 1e3)
    return [
        ChannelInfo(
            name=str(metadata.get("Name") or ""),
            emission_nm=float(wavelength) if wavelength and 100 < wavelength < 3000 else None,
            exposure_ms=exposure,
        )
    ]


def stk_date(metadata: Parsed) -> str | None:
    """Return when the first plane was taken; it has no time zone."""
    created = metadata.get("DatetimeCreated")
    first = created[0] if created is not None and len(created) else metadata.get("CreateTime")
    if isinstance(first, datetime):
        return first.isoformat()
    return None if first is None else str(first)


def stk_positions(metadata: Parsed) -> list[StagePosition]:
    """Return where the stage stood for the first plane; MetaMorph counts in micrometres."""
    stage, focus = metadata.get("StagePosition"), metadata.get("AbsoluteZ")
    if stage is None or not len(stage):
        return []
    is_valid = bool(metadata.get("AbsoluteZValid")) and focus is not None and len(focus) > 0
    return [
        StagePosition(
            x_um=float(stage[0][0]),
            y_um=float(stage[0][1]),
            z_um=float(focus[0]) if is_valid and focus is not None else None,
        )
    ]

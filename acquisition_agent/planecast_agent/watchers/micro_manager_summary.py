"""Micro-Manager's summary of an acquisition: at the start of metadata.txt, and in its TIFFs.

metadata.txt grows with every image and is no whole JSON until the end; its first value,
`Summary`, is whole from the start.
"""

import json
from pathlib import Path
from typing import Any

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.numbers import count, positive

METADATA = "metadata.txt"
_HEAD_BYTES = 4 << 20
_DTYPES = {"GRAY8": "uint8", "GRAY16": "uint16", "GRAY32": "float32", "RGB32": "uint8"}


def read_summary(folder: Path) -> Description:
    """Return what metadata.txt in the folder or in a position's folder says."""
    for path in (folder / METADATA, *sorted(folder.glob(f"*/{METADATA}"))):
        try:
            with path.open("rb") as file:
                text = file.read(_HEAD_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
        summary = parse_summary(text)
        if summary:
            return describe(summary)
    return Description()


def parse_summary(text: str) -> dict[str, Any]:
    """Return the value of `Summary`, at the start of a text that may be cut anywhere behind it."""
    place = text.find('"Summary"')
    place = text.find("{", place) if place >= 0 else -1
    if place < 0:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(text, place)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def describe(summary: dict[str, Any]) -> Description:
    """Return a summary in our words."""
    names = summary.get("ChNames")
    if isinstance(names, str):
        try:
            names = json.loads(names)
        except ValueError:
            names = None
    channels = tuple(str(name) for name in names) if isinstance(names, list) else ()
    interval_ms = positive(summary.get("Interval_ms"))
    return Description(
        channels=channels,
        fovs=_positions(summary),
        num_z=count(summary.get("Slices")),
        num_t=count(summary.get("Frames")),
        height=count(summary.get("Height")),
        width=count(summary.get("Width")),
        dtype=_DTYPES.get(str(summary.get("PixelType"))),
        pixel_size_um=positive(summary.get("PixelSize_um")),
        z_step_um=positive(summary.get("z-step_um")),
        time_interval_s=interval_ms and interval_ms / 1000,
    )


def _positions(summary: dict[str, Any]) -> tuple[str, ...]:
    listed = summary.get("StagePositions") or summary.get("InitialPositionList")
    if not isinstance(listed, list):
        return ()
    names = [
        str(one.get("Label") or one.get("label") or "") for one in listed if isinstance(one, dict)
    ]
    return tuple(f"{name}:0" for name in names if name)

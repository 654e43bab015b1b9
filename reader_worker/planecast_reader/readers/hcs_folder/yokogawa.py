"""Yokogawa CellVoyager folders (CV7000, CV8000): a plane a file, its place in the file's name."""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from planecast_protocol.errors import NotYetWrittenError
from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import Objective, StagePosition
from planecast_reader.readers.hcs_folder.places import RECORDS, YOKOGAWA
from planecast_reader.readers.hcs_folder.plate import Plate, Site, positive

MAX_XML_BYTES = 1 << 30
_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})")

Place = tuple[Site, tuple[int, int], int, tuple[int, int]]
"""Site, (timeline, time), z from 0, (action, channel)."""


def read_yokogawa(folder: Path) -> Plate:
    """Index a folder. Raises `NotYetWrittenError` if it has no picture yet."""
    files: dict[Place, Path] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            place = _place(entry.name)
            if place is not None:
                files[place] = folder / entry.name
    records = dict(_records(folder))
    for place, record in records.items():
        files.setdefault(place, folder / str(record["name"]))
    if not files:
        raise NotYetWrittenError.of(folder, "the plate has no picture yet; ask again")
    times = sorted({time for _, time, _, _ in files})
    keys = _channel_keys({key for _, _, _, key in files})
    planes = {
        (site, times.index(time), z, keys[key]): path
        for (site, time, z, key), path in sorted(files.items())
    }
    plate_name = next(iter(files.values())).name.rsplit("_", 2)[0]
    plate = Plate(
        folder=folder,
        kind="CellVoyager",
        planes=planes,
        channels={keys[key]: ChannelInfo(name=keys[key]) for key in sorted(keys)},
        n_times=len(times),
        n_z=max(z for _, _, z, _ in files) + 1,
        name_of=_namer(plate_name, times, keys),
        is_picture_of=lambda _name, _channel: True,
        pixel_size_um={"x": None, "y": None, "z": None},
        microscope="Yokogawa CellVoyager",
    )
    _add_records(plate, records, times)
    _add_settings(plate, keys)
    return plate


def _place(name: str) -> Place | None:
    found = YOKOGAWA.fullmatch(name)
    if found is None:
        return None
    site = (found["well"].upper(), int(found["field"]))
    time = (int(found["timeline"]), int(found["t"]))
    return site, time, max(int(found["z"]) - 1, 0), (int(found["action"]), int(found["channel"]))


def _channel_keys(keys: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Name channels C01 …; with their action too where one channel is used by several."""
    numbers = [number for _, number in keys]
    return {
        (action, number): f"C{number:02}"
        if numbers.count(number) == 1
        else f"A{action:02}C{number:02}"
        for action, number in sorted(keys, key=lambda key: (key[1], key[0]))
    }


def _namer(plate: str, times: list[tuple[int, int]], keys: dict[tuple[int, int], str]) -> Any:
    of_channel = {name: key for key, name in keys.items()}

    def name_of(site: Site, t: int, z: int, channel: str) -> str:
        timeline, time = times[t]
        action, number = of_channel[channel]
        return (
            f"{plate}_{site[0]}_T{time:04}F{site[1]:03}L{timeline:02}"
            f"A{action:02}Z{z + 1:02}C{number:02}.tif"
        )

    return name_of


# ---------------------------------------------------------------- the files beside


def _elements(path: Path) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield name, attributes and text of each element, without name spaces; none if damaged."""
    if not path.is_file() or path.stat().st_size > MAX_XML_BYTES:
        return
    try:
        for _, element in ET.iterparse(path):  # noqa: S314  expat bounds entities itself
            attributes = {name.rpartition("}")[2]: value for name, value in element.items()}
            yield element.tag.rpartition("}")[2], attributes, (element.text or "").strip()
            element.clear()
    except ET.ParseError:
        # Cut, or still being written: what came before the damage holds.
        return


def _records(folder: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield what the list of measurements says of each picture."""
    for tag, attributes, text in _elements(folder / RECORDS):
        if tag == "MeasurementRecord" and attributes.get("Type") == "IMG":
            place = _place(text)
            if place is not None and Path(text).name == text:
                yield place, {**attributes, "name": text}


def _add_records(
    plate: Plate, records: dict[Place, dict[str, Any]], times: list[tuple[int, int]]
) -> None:
    """Take positions, times and the distance of slices from the list."""
    moments: dict[Site, dict[int, datetime]] = {}
    heights: dict[Site, dict[int, float]] = {}
    for (site, time, z, _), record in records.items():
        x, y, height = (_number(record.get(axis)) for axis in "XYZ")
        if x is not None and y is not None and site not in plate.positions:
            plate.positions[site] = StagePosition(x_um=x, y_um=y, z_um=height)
        if height is not None:
            heights.setdefault(site, {}).setdefault(z, height)
        moment = _moment(record.get("Time"))
        if moment is not None:
            known = moments.setdefault(site, {})
            t = times.index(time)
            known[t] = min(known.get(t, moment), moment)
    steps = [
        abs(place[z + 1] - place[z]) for place in heights.values() for z in place if z + 1 in place
    ]
    plate.pixel_size_um["z"] = positive(round(median(steps), 6)) if steps else None
    for site, known in moments.items():
        if len(known) == plate.n_times and len({moment.tzinfo for moment in known.values()}) == 1:
            first = known[0]
            plate.timestamps_s[site] = [
                (known[t] - first).total_seconds() for t in range(plate.n_times)
            ]
    dates = [moment.isoformat() for known in moments.values() for moment in known.values()]
    plate.acquisition_date = min(dates, default=None)


def _add_settings(plate: Plate, keys: dict[tuple[int, int], str]) -> None:
    """Take channels and sizes of pixels from MeasurementDetail.mrf and the .mes beside it."""
    for path in sorted(plate.folder.iterdir()):
        if path.suffix.lower() not in {".mrf", ".mes"}:
            continue
        for tag, attributes, _ in _elements(path):
            number = _number(attributes.get("Ch"))
            if tag == "MeasurementChannel" and plate.pixel_size_um["x"] is None:
                plate.pixel_size_um["x"] = positive(attributes.get("HorizontalPixelDimension"))
                plate.pixel_size_um["y"] = positive(attributes.get("VerticalPixelDimension"))
            if tag == "Channel" and number is not None:
                plate.vendor.setdefault("channels", []).append(attributes)
                _add_channel(plate, keys, int(number), attributes)


def _add_channel(
    plate: Plate, keys: dict[tuple[int, int], str], number: int, attributes: dict[str, str]
) -> None:
    color = _COLOR.fullmatch(attributes.get("Color", ""))
    for (_, channel), key in keys.items():
        if channel == number:
            plate.channels[key] = ChannelInfo(
                name=attributes.get("Fluorophore") or key,
                color=f"#{color[1].lower()}" if color else None,
                exposure_ms=positive(attributes.get("ExposureTime")),
            )
    magnification = positive(attributes.get("Magnification"))
    name = attributes.get("Objective")
    if plate.objective is None and (magnification or name):
        plate.objective = Objective(name=name, magnification=magnification)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None

"""What Squid writes beside its pictures: the settings of the acquisition, the coordinates.

acquisition.yaml               channels, z-stack, time series, regions (newer versions)
acquisition parameters.json    Nz, Nt, steps, objective and pixel
configurations.xml             channels; the chosen ones have Selected="1" (older versions)
coordinates.csv, 0/coordinates.csv   region, fov, x, y
"""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from planecast_agent.watchers import small_yaml
from planecast_agent.watchers.description import Description
from planecast_agent.watchers.found import fov_label, fov_order
from planecast_agent.watchers.numbers import count, positive

YAML, PARAMETERS = "acquisition.yaml", "acquisition parameters.json"
CHANNELS, COORDINATES = "configurations.xml", "coordinates.csv"
MAX_BYTES = 16 << 20


def read_settings(folder: Path) -> Description:
    """Return what the files in the folder say so far. Half-written files say less."""
    settings = _mapping(small_yaml.parse(_text(folder / YAML)))
    parameters = _parameters(folder)
    stack, series = _mapping(settings.get("z_stack")), _mapping(settings.get("time_series"))
    step_mm = positive(stack.get("delta_z_mm"))
    return Description(
        channels=_channels(folder, settings, parameters),
        fovs=_fovs(folder, settings),
        num_z=count(stack.get("nz")) or count(parameters.get("Nz")),
        num_t=count(series.get("nt")) or count(parameters.get("Nt")),
        pixel_size_um=_pixel_size_um(settings, parameters),
        z_step_um=positive(parameters.get("dz(um)")) or (step_mm and step_mm * 1000),
        time_interval_s=positive(series.get("delta_t_s")) or positive(parameters.get("dt(s)")),
    )


def _parameters(folder: Path) -> dict[str, Any]:
    try:
        return _mapping(json.loads(_text(folder / PARAMETERS) or "{}"))
    except (ValueError, RecursionError):
        return {}


def _channels(
    folder: Path, settings: dict[str, Any], parameters: dict[str, Any]
) -> tuple[str, ...]:
    listed = settings.get("channels")
    if not isinstance(listed, list):
        listed = parameters.get("channels")
    names: list[Any] = [one.get("name") if isinstance(one, dict) else one for one in listed or []]
    names = names or _selected(_text(folder / CHANNELS))
    return tuple(dict.fromkeys(str(name).strip() for name in names if name))


def _selected(xml: str) -> list[str]:
    try:
        root = ET.fromstring(xml)  # noqa: S314  expat 2.4 stops entity bombs and reads no file
    except ET.ParseError:
        return []
    modes = [mode for mode in root.iter("mode") if mode.get("Selected") in {"1", "true", "True"}]
    return [mode.get("Name", "") for mode in modes]


def _fovs(folder: Path, settings: dict[str, Any]) -> tuple[str, ...]:
    table = _text(folder / COORDINATES) or _text(folder / "0" / COORDINATES)
    labels = _labels(table) or _scanned(settings)
    return tuple(sorted(labels, key=fov_order))


def _labels(table: str) -> set[str]:
    labels: set[str] = set()
    counted: dict[str, int] = {}
    for row in csv.DictReader(table.splitlines()):
        region, number = row.get("region"), row.get("fov")
        # Any table may be half written; older ones have one row a fov, without its number.
        if not region or not row.get("x (mm)") or row.get("y (mm)") in (None, ""):
            continue
        if not number:
            number = str(counted.get(region, 0))
            counted[region] = int(number) + 1
        if number.isdecimal():
            labels.add(fov_label(region, int(number)))
    return labels


def _scanned(settings: dict[str, Any]) -> set[str]:
    plate = _mapping(settings.get("wellplate_scan")).get("regions")
    free = _mapping(settings.get("flexible_scan")).get("positions")
    labels: set[str] = set()
    for region in plate or free or []:
        fovs = _mapping(region).get("fovs")
        if isinstance(fovs, list):
            name = str(_mapping(region).get("name"))
            labels |= {fov_label(name, number) for number in range(len(fovs))}
    return labels


def _pixel_size_um(settings: dict[str, Any], parameters: dict[str, Any]) -> float | None:
    given = positive(_mapping(settings.get("objective")).get("pixel_size_um"))
    given = given or positive(parameters.get("pixel_size_um"))
    if given is not None:
        return given
    objective = _mapping(parameters.get("objective"))
    sensor = positive(parameters.get("sensor_pixel_size_um"))
    magnification = positive(objective.get("magnification"))
    tube, design = (
        positive(parameters.get("tube_lens_mm")),
        positive(objective.get("tube_lens_f_mm")),
    )
    if sensor is None or magnification is None or tube is None or design is None:
        return None
    return sensor / (magnification * tube / design)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

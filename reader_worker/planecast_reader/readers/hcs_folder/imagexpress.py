"""ImageXpress folders of MetaXpress: a plane a file, time points and z steps in folders."""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile

from planecast_protocol.errors import NotYetWrittenError
from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import Objective, StagePosition
from planecast_reader.readers.hcs_folder.places import IMAGEXPRESS, TIME_FOLDER, Z_FOLDER
from planecast_reader.readers.hcs_folder.plate import Plate, Site, positive
from planecast_reader.readers.plain import plain_value

MAX_SETTINGS_BYTES = 16 << 20
MAX_POSITIONS = 512
"""Sites of which a file is opened to see where the stage stood."""


@dataclass(slots=True)
class _Scan:
    found: dict[tuple[Site, int, int | None, str], Path] = field(default_factory=dict)
    plate_name: str = ""
    has_time_folders: bool = False


def read_imagexpress(folder: Path) -> Plate:
    """Index a folder. Raises `NotYetWrittenError` if it has no picture yet."""
    scan = _Scan()
    _scan(scan, folder, 0, None)
    if not scan.found:
        raise NotYetWrittenError.of(folder, "the plate has no picture yet; ask again")
    settings = _settings(folder)
    planes, channels = _channels(scan)
    n_z = max(z for _, _, z, _ in planes) + 1
    plate = Plate(
        folder=folder,
        kind="ImageXpress",
        planes=planes,
        channels={},
        n_times=max(max(t for _, t, _, _ in planes) + 1, _count(settings, "TimePoints")),
        n_z=max(n_z, _count(settings, "ZSteps") if n_z > 1 else 1),
        name_of=_namer(scan, n_z),
        is_picture_of=_is_picture_of,
        pixel_size_um={"x": None, "y": None, "z": None},
        vendor={"htd": plain_value(settings)} if settings else {},
    )
    _add_metaseries(plate, channels, settings)
    return plate


def stage_position(path: Path) -> StagePosition | None:
    """Return where the stage stood, as the file says."""
    plane = _metaseries(path)
    x, y, z = (plane.get(f"stage-position-{axis}") for axis in "xyz")
    z = plane.get("z-position") if z is None else z
    if not isinstance(x, float | int) or not isinstance(y, float | int):
        return None
    return StagePosition(x_um=x, y_um=y, z_um=z if isinstance(z, float | int) else None)


def _scan(scan: _Scan, folder: Path, t: int, z: int | None) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            time, step = TIME_FOLDER.fullmatch(entry.name), Z_FOLDER.fullmatch(entry.name)
            if time and entry.is_dir(follow_symlinks=False):
                scan.has_time_folders = True
                _scan(scan, Path(entry.path), max(int(time[1]) - 1, 0), z)
            elif step and entry.is_dir(follow_symlinks=False):
                _scan(scan, Path(entry.path), t, max(int(step[1]) - 1, 0))
            elif (name := IMAGEXPRESS.fullmatch(entry.name)) and not name["thumb"]:
                site = (name["well"].upper(), int(name["site"] or 1))
                scan.plate_name = name["plate"]
                scan.found[site, t, z, name["channel"] or "1"] = folder / entry.name


def _channels(scan: _Scan) -> tuple[dict[tuple[Site, int, int, str], Path], list[str]]:
    """Give a projection, which lies beside the steps of the same channel, one of its own."""
    stacked = {channel for _, _, z, channel in scan.found if z is not None}
    planes = {}
    for (site, t, z, channel), path in scan.found.items():
        name = f"{channel} projection" if z is None and channel in stacked else channel
        planes[site, t, z or 0, name] = path
    names = {channel for _, _, _, channel in planes}
    return planes, sorted(names, key=lambda name: (int(name.split()[0]), name))


def _namer(scan: _Scan, n_z: int) -> Any:
    def name_of(site: Site, t: int, z: int, channel: str) -> str:
        number, _, projection = channel.partition(" ")
        time = f"TimePoint_{t + 1}/" if scan.has_time_folders else ""
        step = f"ZStep_{z + 1}/" if n_z > 1 and not projection else ""
        name = f"{time}{step}{scan.plate_name}_{site[0]}_s{site[1]}_w{number}*.tif"
        return f"slice {z + 1} of the projection {name}" if projection and z else name

    return name_of


def _is_picture_of(name: str, channel: str) -> bool:
    found = IMAGEXPRESS.fullmatch(name)
    number = channel.partition(" ")[0]
    return found is not None and not found["thumb"] and (found["channel"] or "1") == number


# ---------------------------------------------------------------- settings


def _settings(folder: Path) -> dict[str, list[str]]:
    """Read the .HTD beside the pictures: lines of `"Name", value, value …`."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".htd" and path.is_file():
            if path.stat().st_size > MAX_SETTINGS_BYTES:
                return {}
            text = path.read_text(encoding="latin-1")
            rows = csv.reader(text.splitlines(), skipinitialspace=True)
            return {row[0]: [one.strip() for one in row[1:]] for row in rows if row}
    return {}


def _count(settings: dict[str, list[str]], name: str) -> int:
    value = positive(next(iter(settings.get(name, [])), None))
    return int(value) if value is not None and value < 100_000 else 1


# ---------------------------------------------------------------- what the TIFFs say


def _add_metaseries(plate: Plate, channels: list[str], settings: dict[str, list[str]]) -> None:
    """Ask one file of each channel; all files of a channel are alike."""
    samples: dict[str, Path] = {}
    for (_, _, _, channel), path in sorted(plate.planes.items()):
        samples.setdefault(channel, path)
    for channel in channels:
        plane = _metaseries(samples[channel])
        number, _, projection = channel.partition(" ")
        known = plane.get("_IllumSetting_") or next(
            iter(settings.get(f"WaveName{number}", [])), None
        )
        name = " ".join(part for part in (str(known or f"w{number}"), projection) if part)
        exposure = str(plane.get("Exposure Time") or "").removesuffix(" ms")
        plate.channels[channel] = ChannelInfo(
            name=name,
            emission_nm=positive(plane.get("wavelength")),
            exposure_ms=positive(exposure),
        )
        if plane and not plate.vendor.get("metaseries"):
            plate.vendor["metaseries"] = plain_value(plane)
            _add_common(plate, plane)


def _add_common(plate: Plate, plane: dict[str, Any]) -> None:
    is_um = str(plane.get("spatial-calibration-units")).lower() in {"um", "µm", "microns"}
    if plane.get("spatial-calibration-state") and is_um:
        for axis in "xy":
            plate.pixel_size_um[axis] = positive(plane.get(f"spatial-calibration-{axis}"))
    setting = plane.get("_MagSetting_")
    aperture = positive(plane.get("_MagNA_"))
    if setting or aperture:
        name = str(setting) if setting else None
        digits = (name or "").upper().partition("X")[0]
        plate.objective = Objective(
            name=name, magnification=positive(digits), numerical_aperture=aperture
        )
    plate.acquisition_date = (
        str(plane.get("acquisition-time-local") or "").replace(" ", "T") or None
    )
    plate.microscope = "Molecular Devices ImageXpress"


def _metaseries(path: Path) -> dict[str, Any]:
    """Return the plane's own metadata; nothing where the file has none, or isn't whole yet."""
    try:
        with tifffile.TiffFile(path) as tiff:
            metadata = tiff.metaseries_metadata if tiff.is_metaseries else None
    except (tifffile.TiffFileError, OSError, ValueError, IndexError):
        return {}
    plane = (metadata or {}).get("PlaneInfo")
    return plane if isinstance(plane, dict) else {}

"""The files beside the pictures: acquisition parameters.json and coordinates.csv."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planecast_protocol.metadata import Objective, StagePosition

PARAMETERS = "acquisition parameters.json"
COORDINATES = "coordinates.csv"
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Sidecars:
    """What they say; all of it may be absent."""

    parameters: dict[str, Any] = field(default_factory=dict)
    positions_mm: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    """(region, fov) to x and y of the stage."""

    @property
    def regions(self) -> set[str]:
        """Names of the regions."""
        return {region for region, _ in self.positions_mm}

    @property
    def pixel_size_um(self) -> float | None:
        """Size of a pixel in the sample."""
        given = _positive(self.parameters.get("pixel_size_um"))
        if given is not None:
            return given
        sensor = _positive(self.parameters.get("sensor_pixel_size_um"))
        objective = self.parameters.get("objective")
        if sensor is None or not isinstance(objective, dict):
            return None
        magnification = _positive(objective.get("magnification"))
        tube = _positive(self.parameters.get("tube_lens_mm"))
        design_tube = _positive(objective.get("tube_lens_f_mm"))
        if magnification is None or tube is None or design_tube is None:
            return None
        return sensor / (magnification * tube / design_tube)

    @property
    def objective(self) -> Objective | None:
        """The objective that was used."""
        given = self.parameters.get("objective")
        if not isinstance(given, dict):
            return None
        name = given.get("name")
        return Objective(
            name=None if name is None else str(name),
            magnification=_positive(given.get("magnification")),
            numerical_aperture=_positive(given.get("NA")),
        )

    @property
    def time_interval_s(self) -> float | None:
        """Interval of two time points that was asked for."""
        return _positive(self.parameters.get("dt(s)"))

    def stage_positions(self, fov: tuple[str, int]) -> list[StagePosition]:
        """Where the stage stood for (region, fov): one position, or none."""
        if fov not in self.positions_mm:
            return []
        x, y = self.positions_mm[fov]
        return [StagePosition(x_um=x * 1e3, y_um=y * 1e3)]

    @property
    def z_step_um(self) -> float | None:
        """Distance of two slices."""
        return _positive(self.parameters.get("dz(um)"))


def read_sidecars(folder: Path) -> Sidecars:
    """Read them from the folder; coordinates from time point 0 where the folder has none."""
    parameters: dict[str, Any] = {}
    text = _text(folder / PARAMETERS)
    if text:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            # Still being written; the pictures don't need it.
            found = None
        parameters = found if isinstance(found, dict) else {}
    table = _text(folder / COORDINATES) or _text(folder / "0" / COORDINATES)
    return Sidecars(parameters, _positions(table) if table else {})


def _text(path: Path) -> str | None:
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return None
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _positions(text: str) -> dict[tuple[str, int], tuple[float, float]]:
    positions: dict[tuple[str, int], tuple[float, float]] = {}
    counted: dict[str, int] = {}
    for row in csv.DictReader(text.splitlines()):
        region = row.get("region")
        try:
            x, y = float(row.get("x (mm)") or ""), float(row.get("y (mm)") or "")
            # Older tables have one row a fov, without its number.
            fov = int(row.get("fov") or counted.get(region or "", 0))
        except ValueError:
            continue
        if region:
            counted[region] = counted.get(region, 0) + 1
            positions.setdefault((region, fov), (x, y))
    return positions


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e6 else None

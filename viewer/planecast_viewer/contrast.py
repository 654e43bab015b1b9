"""Contrast from the statistics that the worker sends: no pixel is looked at in the GUI thread."""

from dataclasses import dataclass
from typing import Any

import cmap
import numpy as np
from ndv.models import LUTModel
from ndv.models._lut_model import ClimPolicy, ClimsManual

from planecast_protocol.planes import PlaneStatistics
from planecast_viewer.colors import Color

LOWER_PERCENTILE = "0.1"
UPPER_PERCENTILE = "99.9"
KEEP_FRACTION = 0.1
"""While following, limits that differ by less than this part of their range stay."""
STEP = 0.3
"""While following, part of the way to new limits that one frame goes."""


class ClimsFromWorker(ClimsManual):
    """Automatic contrast whose numbers come from the worker: ndv computes nothing."""


@dataclass(frozen=True)
class Remembered:
    """What people may have set for a channel."""

    clims: ClimsManual | None
    colormap: cmap.Colormap | None
    visible: bool


class ChannelContrast:
    """Keeps one channel's contrast limits automatic until somebody sets them by hand.

    GUI thread only. Lives as long as its row of the viewer; other acquisitions reuse it.
    """

    def __init__(self, lut: LUTModel) -> None:
        self._lut = lut
        self._statistics: PlaneStatistics | None = None
        self._fresh = True
        self._bounds = (0.0, 1.0)
        self._fixed: tuple[float, float] | None = None
        lut.clims = ClimsFromWorker(min=0, max=1)
        lut.events.clims.connect(self._on_policy_changed)

    @property
    def automatic(self) -> bool:
        """Tell whether the limits follow the planes."""
        return isinstance(self._lut.clims, ClimsFromWorker)

    def restart(
        self,
        color: Color,
        name: str,
        remembered: Remembered | None,
        fixed: tuple[float, float] | None = None,
    ) -> None:
        """Begin with another acquisition's channel; `fixed` limits are the same for all planes."""
        self._fixed = fixed
        self._fresh, self._statistics, self._bounds = True, None, (0.0, 1.0)
        self._lut.name = name
        self._lut.visible = True if remembered is None else remembered.visible
        kept = None if remembered is None else remembered.colormap
        self._lut.cmap = kept or _colormap(color)
        manual = None if remembered is None else remembered.clims
        self._lut.clims = manual or ClimsFromWorker(min=0, max=1)

    def remember(self) -> Remembered:
        """Return what people may have set, for the next channel of that name."""
        clims = self._lut.clims
        manual = clims if isinstance(clims, ClimsManual) and not self.automatic else None
        return Remembered(manual, self._lut.cmap, self._lut.visible)

    def take(self, statistics: PlaneStatistics, dtype: np.dtype[Any], *, calm: bool) -> None:
        """Set the limits for a plane that is about to be shown.

        `calm`: small changes are left out and large ones made in steps, so that a live picture
        does not flicker.
        """
        self._statistics = statistics
        self._widen_bounds(statistics, dtype)
        old = self._lut.clims
        if not isinstance(old, ClimsFromWorker):
            return
        low, high = self._fixed or limits(statistics)
        if calm and not self._fresh:
            low, high = calmed((old.min, old.max), (low, high))
        self._fresh = False
        self._lut.clims = ClimsFromWorker(min=low, max=high)

    def _widen_bounds(self, statistics: PlaneStatistics, dtype: np.dtype[Any]) -> None:
        """Give the slider the range that the values use: 12 bits of 16 are the usual case."""
        low, high = self._bounds
        if statistics.maximum > high:
            whole = dtype.kind in "iu"
            high = next_power_of_two(statistics.maximum) - 1 if whole else statistics.maximum
        self._bounds = (min(low, statistics.minimum), high)
        # ndv sets the range of the dtype when it makes a channel's row.
        if self._lut.clim_bounds != self._bounds:
            self._lut.clim_bounds = self._bounds

    def _on_policy_changed(self, policy: ClimPolicy) -> None:
        """Replace ndv's own automatic, which would walk every plane in the GUI thread."""
        if isinstance(policy, ClimsManual):
            return
        known = self._statistics
        low, high = (0.0, 1.0) if known is None else limits(known)
        self._lut.clims = ClimsFromWorker(min=low, max=high)


def limits(statistics: PlaneStatistics) -> tuple[float, float]:
    """Return (black, white) for a plane."""
    low = statistics.percentiles.get(LOWER_PERCENTILE, statistics.minimum)
    high = statistics.percentiles.get(UPPER_PERCENTILE, statistics.maximum)
    if high <= low:
        low, high = statistics.minimum, statistics.maximum
    return low, high if high > low else low + 1


def calmed(old: tuple[float, float], new: tuple[float, float]) -> tuple[float, float]:
    """Return limits between the old and the new, or the old if they differ little."""
    span = old[1] - old[0]
    moves = [after - before for before, after in zip(old, new, strict=True)]
    if all(abs(move) < KEEP_FRACTION * span for move in moves):
        return old
    return old[0] + STEP * moves[0], old[1] + STEP * moves[1]


def next_power_of_two(value: float) -> int:
    """Return the smallest power of two above `value`."""
    return 1 << int(max(value, 1)).bit_length()


def _colormap(color: Color) -> cmap.Colormap:
    if color.rgb.lower() == "#ffffff":
        return cmap.Colormap("gray")
    return cmap.Colormap(["#000000", color.rgb], name=color.name)

"""Contrast from the statistics that the worker sends: no pixel is looked at in the GUI thread."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import cmap
import msgspec
import numpy as np
from ndv.models import LUTModel
from ndv.models._lut_model import ClimPolicy, ClimsManual

from planecast_protocol.planes import PlaneStatistics
from planecast_viewer.colormaps import are_same, colormap_of, name_of, named
from planecast_viewer.colors import Color
from planecast_viewer.looks import MAX_GAMMA, MIN_GAMMA, Look

OnEdited = Callable[[str, Look], None]
"""(name of the channel, its new look): somebody edited it in its row."""

KEEP_FRACTION = 0.1
"""While following, limits that differ by less than this part of their range stay."""
STEP = 0.3
"""While following, part of the way to new limits that one frame goes."""


class ClimsFromWorker(ClimsManual):
    """Automatic contrast whose numbers come from the worker: ndv computes nothing."""


class ChannelContrast:
    """Keeps one channel as its look says: its limits follow the planes until somebody sets them.

    GUI thread only. Lives as long as its row of the viewer; other acquisitions reuse it.
    """

    def __init__(self, lut: LUTModel, on_edited: OnEdited | None = None) -> None:
        self._lut = lut
        self._on_edited = on_edited
        self._name = ""
        self._look = Look()
        self._own: cmap.Colormap = cmap.Colormap("gray")
        self._setting = False
        self._statistics: PlaneStatistics | None = None
        self._fresh = True
        self._bounds = (0.0, 1.0)
        self._fixed: tuple[float, float] | None = None
        lut.clims = ClimsFromWorker(min=0, max=1)
        lut.events.clims.connect(self._on_policy_changed)
        lut.events.cmap.connect(self._on_cmap_changed)
        lut.events.gamma.connect(self._on_gamma_changed)

    @property
    def automatic(self) -> bool:
        """Tell whether the limits follow the planes."""
        return isinstance(self._lut.clims, ClimsFromWorker)

    @property
    def look(self) -> Look:
        """How the channel looks, edits in its row included."""
        return self._look

    def restart(self, color: Color, name: str, look: Look, *, visible: bool = True) -> None:
        """Begin with another acquisition's channel."""
        self._fixed = None
        self._fresh, self._statistics, self._bounds = True, None, (0.0, 1.0)
        self._own, self._name = colormap_of(color), name
        self._lut.name = name
        self._lut.visible = visible
        self._look = Look()
        with self._setting_myself():
            self._lut.clims = ClimsFromWorker(min=0, max=1)
            self._lut.cmap, self._lut.gamma = self._own, 1.0
        self.apply(look)

    def recolor(self, color: Color) -> None:
        """Take another colour of the channel's own; one that somebody chose stays."""
        own = colormap_of(color)
        if are_same(own, self._own):
            return
        self._own = own
        if self._look.colormap is None:
            with self._setting_myself():
                self._lut.cmap = own

    def set_fixed(self, fixed: tuple[float, float] | None) -> None:
        """Have these limits for all planes, as long as nobody sets others; `None`: each its own."""
        self._fixed = fixed

    def apply(self, look: Look) -> None:
        """Look like this from now on."""
        before, self._look = self._look, look
        if look == before:
            return
        with self._setting_myself():
            chosen = None if look.colormap is None else named(look.colormap)
            if before.colormap != look.colormap:
                self._lut.cmap = chosen or self._own
            self._lut.gamma = look.gamma
            if look.limits is not None:
                self._widen_to(*look.limits)
                self._lut.clims = ClimsManual(min=look.limits[0], max=look.limits[1])
            elif before.limits is not None or before.exclude != look.exclude:
                self._follow_planes()

    def fix(self) -> None:
        """Let the limits stay as they are for the plane that is shown."""
        known = self._statistics
        if known is not None:
            low, high = self._fixed or limits(known, self._look.exclude)
            self._edit(limits=(low, high))

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
        low, high = self._fixed or limits(statistics, self._look.exclude)
        if calm and not self._fresh:
            low, high = calmed((old.min, old.max), (low, high))
        self._fresh = False
        if (low, high) != (old.min, old.max):
            with self._setting_myself():
                self._lut.clims = ClimsFromWorker(min=low, max=high)

    def _widen_bounds(self, statistics: PlaneStatistics, dtype: np.dtype[Any]) -> None:
        """Give the slider the range that the values use: 12 bits of 16 are the usual case."""
        low, high = self._bounds
        if statistics.maximum > high:
            whole = dtype.kind in "iu"
            high = next_power_of_two(statistics.maximum) - 1 if whole else statistics.maximum
        self._widen_to(min(low, statistics.minimum), high)

    def _widen_to(self, low: float, high: float) -> None:
        self._bounds = (min(self._bounds[0], low), max(self._bounds[1], high))
        # ndv sets the range of the dtype when it makes a channel's row.
        if self._lut.clim_bounds != self._bounds:
            self._lut.clim_bounds = self._bounds

    def _on_policy_changed(self, policy: ClimPolicy) -> None:
        """Take limits set by hand; replace ndv's automatic, which would walk every plane."""
        if self._setting:
            return
        if isinstance(policy, ClimsManual):
            self._edit(limits=(policy.min, policy.max))
        else:
            self._follow_planes()
            self._edit(limits=None)

    def _on_cmap_changed(self, colormap: cmap.Colormap) -> None:
        if not self._setting:
            own = are_same(colormap, self._own)
            self._edit(colormap=None if own else name_of(colormap))

    def _on_gamma_changed(self, gamma: float) -> None:
        if not self._setting:
            self._edit(gamma=min(max(gamma, MIN_GAMMA), MAX_GAMMA))

    def _follow_planes(self) -> None:
        known = self._statistics
        low, high = (0.0, 1.0) if known is None else limits(known, self._look.exclude)
        with self._setting_myself():
            self._lut.clims = ClimsFromWorker(min=low, max=high)

    def _edit(self, **changes: Any) -> None:
        self.apply(msgspec.structs.replace(self._look, **changes))
        if self._on_edited is not None:
            self._on_edited(self._name, self._look)

    @contextlib.contextmanager
    def _setting_myself(self) -> Iterator[None]:
        before, self._setting = self._setting, True
        try:
            yield
        finally:
            self._setting = before


def limits(statistics: PlaneStatistics, exclude: float = 0.1) -> tuple[float, float]:
    """Return (black, white) for a plane, without `exclude` percent of its pixels at each end."""
    low, high = percentile(statistics, exclude), percentile(statistics, 100 - exclude)
    if high <= low:
        low, high = statistics.minimum, statistics.maximum
    return low, high if high > low else low + 1


def percentile(statistics: PlaneStatistics, percent: float) -> float:
    """Return the value below which so many percent of the pixels lie.

    Exact where the worker sent it; between, as good as its histogram.
    """
    known = {0.0: statistics.minimum, 100.0: statistics.maximum}
    known |= {float(name): value for name, value in statistics.percentiles.items()}
    if percent in known:
        return known[percent]
    below = max(at for at in known if at < percent)
    above = min(at for at in known if at > percent)
    counts = np.cumsum([0, *statistics.histogram])
    if not counts[-1]:
        return known[below]
    edges = np.linspace(statistics.minimum, statistics.maximum, len(counts))
    guess = float(np.interp(percent, counts * 100 / counts[-1], edges))
    return min(max(guess, known[below]), known[above])


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

"""Lets ndv take histograms and limits from the worker's statistics.

ndv walks every plane that it shows, in the GUI thread, once a histogram is open: 26 ms for one
of 2048 × 2048 pixels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from ndv.controllers import _channel_controller
from ndv.controllers._image_stats import ImageStats
from ndv.models._lut_model import ClimPolicy, ClimsManual

from planecast_protocol.planes import PlaneStatistics

Find = Callable[[npt.NDArray[Any]], PlaneStatistics | None]


def install_worker_statistics(find: Find) -> None:
    """Have every `ArrayViewer` of this process ask `find` instead of computing."""

    def image_stats(
        data: npt.NDArray[Any],
        clim_policy: ClimPolicy,
        *,
        need_histogram: bool = False,
        significant_bits: int | None = None,  # noqa: ARG001  ndv's signature
    ) -> ImageStats:
        limits = _limits(clim_policy)
        statistics = find(data) if need_histogram else None
        if statistics is None:
            return ImageStats(None, None, limits)
        low, high = statistics.minimum, statistics.maximum
        edges = np.linspace(low, high if high > low else low + 1, len(statistics.histogram) + 1)
        return ImageStats(np.array(statistics.histogram), edges, limits)

    setattr(_channel_controller, "compute_image_stats", image_stats)  # noqa: B010  not exported


def _limits(policy: ClimPolicy) -> tuple[float, float]:
    """Return the limits of a policy that needs no pixels; `contrast.py` replaces all others."""
    return (policy.min, policy.max) if isinstance(policy, ClimsManual) else (0.0, 1.0)

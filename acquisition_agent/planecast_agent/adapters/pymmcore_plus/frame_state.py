"""What viewers see of a running sequence beside its planes: where the stage is, how far it got."""

import time
from typing import Any

from planecast_agent.acquisition import Acquisition

EVERY_S = 0.2
"""A camera is faster than people read."""


class FrameState:
    """Publishes state values of an acquisition, from what frames carry. The engine's thread."""

    def __init__(self, acquisition: Acquisition, n_expected: int | None) -> None:
        self._acquisition = acquisition
        self._n_expected = n_expected
        self._last = float("-inf")

    def show(self, meta: Any, n_frames: int) -> None:
        """Publish, unless it was done a moment ago and this is not the last frame."""
        now = time.monotonic()
        if now - self._last < EVERY_S and n_frames != self._n_expected:
            return
        self._last = now
        publish = self._acquisition.publish_state
        stage = {f"{axis}_um": value for axis, value in (meta.get("position") or {}).items()}
        known = {axis: value for axis, value in stage.items() if isinstance(value, int | float)}
        if known:
            publish("stage", known)
        exposure_ms = meta.get("exposure_ms")
        if isinstance(exposure_ms, int | float):
            publish("exposure_ms", exposure_ms)
        progress = {"frames": n_frames}
        if self._n_expected is not None:
            progress["of"] = self._n_expected
        publish("progress", progress)

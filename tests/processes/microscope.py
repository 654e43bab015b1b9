"""A microscope of pymmcore-plus whose camera draws on each frame which plane it is."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from adapter_rig import SIZE, plane

with warnings.catch_warnings():
    # pymmcore-plus and what it uses warn of each other's ways at import.
    warnings.simplefilter("ignore")
    import useq
    from pymmcore_plus.experimental.unicore import SimpleCameraDevice, UniMMCore


class MarkingCamera(SimpleCameraDevice):  # type: ignore[misc]  # pymmcore-plus has no types for it
    """Takes planes with the marks that it was told of, one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_after: int | None = None
        self.marks: Iterator[tuple[int, int, int, int]] = iter(())
        """(t, fov, z, channel) of the frames that come."""
        self.n_channels = 1
        self._exposure_ms = 1.0

    def get_exposure(self) -> float:
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        self._exposure_ms = exposure

    def sensor_shape(self) -> tuple[int, int]:
        return SIZE, SIZE

    def dtype(self) -> type[np.uint16]:
        return np.uint16

    def snap(self, buffer: Any) -> Mapping[str, Any]:
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise RuntimeError("the cable is out")
        buffer[:] = plane(*next(self.marks), self.n_channels)
        return {}


class Microscope:
    """The demo microscope with that camera in the place of its own."""

    def __init__(self) -> None:
        self.core = UniMMCore()
        self.core.loadSystemConfiguration()
        self.camera = MarkingCamera()
        self.core.loadPyDevice("Marking", self.camera)
        self.core.initializeDevice("Marking")
        self.core.setCameraDevice("Marking")
        self.core.setExposure(1)

    def run(self, sequence: "useq.MDASequence", output: object = None) -> None:
        """Run a sequence to its end."""
        self.camera.marks = marks(sequence)
        self.camera.n_channels = max(1, len(sequence.channels))
        self.core.run_mda(sequence, output=output).join()

    def close(self) -> None:
        """Let go of all devices."""
        self.core.unloadAllDevices()


def marks(sequence: "useq.MDASequence") -> Iterator[tuple[int, int, int, int]]:
    """Yield (t, fov, z, channel) of each event; the fov counts the grid of each position."""
    n_grid = max(1, sequence.sizes.get("g", 0))
    for event in sequence:
        index = event.index
        fov = index.get("p", 0) * n_grid + index.get("g", 0)
        yield index.get("t", 0), fov, index.get("z", 0), index.get("c", 0)

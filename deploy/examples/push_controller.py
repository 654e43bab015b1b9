"""A controller written for ndviewer_light: one import is another, the rest is as it was.

pip install planecast numpy tifffile
planecast agent & planecast view &
python push_controller.py /data/exp7
"""

import sys
from pathlib import Path

import numpy as np
import tifffile

from planecast_agent.adapters.ndviewer_light import LightweightViewer  # was: ndviewer_light

CHANNELS, LABELS, N_T, N_Z = ["BF", "DAPI"], ["A1:0", "A1:1"], 3, 2


def main(folder: Path) -> None:
    """Acquire, calling as before."""
    viewer = LightweightViewer()
    viewer.start_acquisition(CHANNELS, N_Z, 512, 512, LABELS)
    for t in range(N_T):
        (folder / str(t)).mkdir(parents=True, exist_ok=True)
        for fov in range(len(LABELS)):
            for z in range(N_Z):
                for channel in CHANNELS:
                    path = folder / str(t) / f"A1_{fov}_{z}_{channel}.tiff"
                    viewer.register_image(t, fov, z, channel, str(path))
                    tifffile.imwrite(path, photograph(t, fov, z))
    viewer.end_acquisition()
    viewer.close()
    print(viewer.alarm or f"published {viewer.acquisition_id}")


def photograph(t: int, fov: int, z: int) -> np.ndarray:
    """Stand in for a camera."""
    y, x = np.ogrid[:512, :512]
    return (1000 + 200 * t + 500 * fov + (x + y) * (z + 1)).astype(np.uint16)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""A controller in its shortest form: say what is coming, say what was saved, say that it is over.

pip install planecast numpy tifffile
planecast agent & planecast view &
python minimal_controller.py /data/exp7
"""

import sys
from pathlib import Path

import numpy as np
import tifffile

import planecast

CHANNELS, LABELS, N_T, N_Z = ["BF", "DAPI"], ["A1:0", "A1:1"], 3, 2


def main(folder: Path) -> None:
    """Acquire into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with planecast.Acquisition.start(
        *("exp7", CHANNELS, N_Z, 512, 512, LABELS), num_t=N_T, pixel_size_um=0.325, z_step_um=1.5
    ) as acquisition:
        for t in range(N_T):
            for fov in range(len(LABELS)):
                for z in range(N_Z):
                    for channel in CHANNELS:
                        path = folder / f"t{t}_fov{fov}_z{z}_{channel}.tiff"
                        tifffile.imwrite(path, photograph(t, fov, z), photometric="minisblack")
                        acquisition.register_image(t, fov, z, channel, str(path))
    print(acquisition.alarm or f"published {acquisition.id}")


def photograph(t: int, fov: int, z: int) -> np.ndarray:
    """Stand in for a camera."""
    y, x = np.ogrid[:512, :512]
    return (1000 + 200 * t + 500 * fov + (x + y) * (z + 1)).astype(np.uint16)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())

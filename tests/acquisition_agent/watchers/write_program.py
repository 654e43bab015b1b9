"""A controller in a process of its own that writes files and tells nobody.

python write_program.py KIND FOLDER N_T N_Z FOV,FOV PAUSE_S
"""

import sys
import time
from pathlib import Path

from watch_files import WRITERS, Shape


def main(kind: str, folder: str, n_t: str, n_z: str, fovs: str, pause_s: str) -> None:
    """Write everything, with pauses."""
    shape = Shape(tuple(fovs.split(",")), int(n_t), int(n_z))
    writer = WRITERS[kind](Path(folder), shape)
    for index in shape.indices():
        writer.write(index)
        time.sleep(float(pause_s))
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

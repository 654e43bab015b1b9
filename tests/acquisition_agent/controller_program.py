"""A controller in a process of its own, which a test may kill at any moment.

    python controller_program.py AGENT SPOOL_DIR ORACLE N_PLANES PAUSE_S

Appends one byte to the file ORACLE each time `register_image` has returned.
"""

import os
import sys
import time

from planecast_agent.acquisition import Acquisition


def main(agent: str, spool_dir: str, oracle: str, n_planes: int, pause_s: float) -> None:
    """Register planes t = 0, 1, …; say where it is on stdout; end."""
    descriptor = os.open(oracle, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    acquisition = Acquisition.start(
        "run", ["BF"], 1, 8, 8, ["A1:0"], agent=agent, spool_dir=spool_dir
    )
    print(acquisition.id, flush=True)
    for t in range(n_planes):
        acquisition.register_image(t, 0, 0, "BF", f"/data/{t}.tif")
        os.write(descriptor, b".")
        if pause_s:
            time.sleep(pause_s)
    acquisition.end()
    acquisition.wait_delivered(60)
    acquisition.close()
    os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5]))

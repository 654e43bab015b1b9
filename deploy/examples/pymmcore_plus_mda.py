"""Run a sequence on Micro-Manager's demo microscope, and see it in a viewer.

pip install planecast pymmcore-plus mm-test-adapters
planecast agent & planecast view &
python pymmcore_plus_mda.py exp7.ome.zarr
"""

import sys

import useq
from pymmcore_plus import CMMCorePlus

from planecast_agent.adapters.pymmcore_plus import publish_mda

SEQUENCE = useq.MDASequence(
    channels=["DAPI", "FITC"],
    stage_positions=[(0, 0, 0), useq.Position(x=300, y=0, z=0, name="B2")],
    z_plan={"range": 4, "step": 1},
    time_plan={"interval": 1, "loops": 5},
)


def main(output: str) -> None:
    """Run the sequence into `output`."""
    core = CMMCorePlus()
    core.loadSystemConfiguration()
    with publish_mda(core) as publisher:
        core.run_mda(SEQUENCE, output=output).join()
        publisher.wait_delivered(timeout_s=10)
        print(publisher.alarm or f"published {publisher.acquisition.id}")


if __name__ == "__main__":
    main(sys.argv[1])

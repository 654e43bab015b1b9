"""Publishes what pymmcore-plus acquires: planes, where its writers save them, and how it ends.

    from planecast_agent.adapters.pymmcore_plus import publish_mda

    with publish_mda(core):
        core.run_mda(sequence, output="exp7.ome.zarr").join()

Nothing of pymmcore-plus is imported here: the caller's own is used as it is.
"""

from planecast_agent.adapters.pymmcore_plus.publisher import MdaPublisher, publish_mda

__all__ = ["MdaPublisher", "publish_mda"]

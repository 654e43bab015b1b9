"""Lazy arrays over images. Imports dask, which takes seconds: import this late."""

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from planecast_protocol.images import ImageInfo
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import PixelAnswer
from planecast_reader.image import PLANE_AXES
from planecast_reader.shared_client import shared_client


def to_dask(info: ImageInfo, scene: int) -> da.Array:
    """Return a lazy array with one chunk a plane, axes in the order of the scene's sizes."""
    facts = info.scenes[scene]
    outer = [axis for axis in facts.sizes if axis not in PLANE_AXES]
    plane = [axis for axis in facts.sizes if axis in PLANE_AXES]
    chunks = tuple((1,) * size if axis in outer else (size,) for axis, size in facts.sizes.items())
    lazy: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        _read_chunk,
        chunks=chunks,
        dtype=np.dtype(facts.dtype),
        meta=np.empty((0,) * len(chunks), facts.dtype),
        path=info.path,
        scene=scene,
        outer=outer,
        plane_axes=len(plane),
    )
    return lazy


def _read_chunk(
    *, path: str, scene: int, outer: list[str], plane_axes: int, block_info: Any = None
) -> npt.NDArray[Any]:
    """Read one plane, with an axis of length 1 for each outer axis. Runs wherever dask computes."""
    place = block_info[None]["chunk-location"]
    index = {axis: int(n) for axis, n in zip(outer, place, strict=False)}
    request = ReadPixels(request=0, path=path, scene=scene, index=index)
    answer = shared_client().request(request)
    assert isinstance(answer, PixelAnswer)
    # A copy: dask may keep a chunk for long, and a lease would hold its slot all that time.
    return np.array(answer.pixels).reshape((1,) * len(outer) + answer.pixels.shape[:plane_axes])

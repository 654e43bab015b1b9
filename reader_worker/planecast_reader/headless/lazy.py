"""Lazy arrays over images. Imports dask, which takes seconds: import this late."""

from typing import Any, Literal, get_args

import dask.array as da
import numpy as np
import numpy.typing as npt

from planecast_protocol.images import ImageInfo
from planecast_reader.headless.selection import Z_AXES, index_axes, scene_of
from planecast_reader.headless.shared_client import shared_client
from planecast_reader.headless.stacks import Stack, StackPlan
from planecast_reader.headless.streaming import carry_out

Chunks = Literal["plane", "zyx"]


def to_dask(
    info: ImageInfo, scene: int, chunks: Chunks = "plane", worker: str | None = None
) -> da.Array:
    """Return a lazy array, axes in the order of the scene's sizes.

    A chunk is a plane, or with `zyx` all planes along z. It pickles: whoever computes a chunk
    reads it through the worker at that address, or else through one of its own.
    """
    if chunks not in get_args(Chunks):
        raise ValueError(f"chunks={chunks!r} is none of {', '.join(get_args(Chunks))}")
    facts = scene_of(info, scene)
    outer = index_axes(facts.sizes)
    whole = Z_AXES if chunks == "zyx" else ()
    lengths = tuple(
        (1,) * size if axis in outer and axis not in whole else (size,)
        for axis, size in facts.sizes.items()
    )
    dtype = Stack.of(info, scene, {}).dtype()
    lazy: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        _read_chunk,
        chunks=lengths,
        dtype=dtype,
        meta=np.empty((0,) * len(lengths), dtype),
        info=info,
        scene=scene,
        outer=outer,
        dtype_name=dtype.str,
        worker=worker,
    )
    return lazy


def _read_chunk(
    *,
    info: ImageInfo,
    scene: int,
    outer: tuple[str, ...],
    dtype_name: str,
    worker: str | None = None,
    block_info: Any = None,
) -> npt.NDArray[Any]:
    """Read one chunk. Runs wherever dask computes."""
    ranges = block_info[None]["array-location"]
    chosen = {axis: slice(*part) for axis, part in zip(outer, ranges, strict=False)}
    plan = StackPlan(Stack.of(info, scene, chosen))
    return carry_out(shared_client(worker), plan).astype(dtype_name, copy=False)

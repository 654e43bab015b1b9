"""What the front remembers of a plane that lies in the arena, and says of one to a client."""

from typing import NamedTuple

from planecast_protocol.planes import DtypeName, PlaneStatistics, Shape, SharedPlane
from planecast_protocol.reader_messages import PixelsReady, ReadPixels
from planecast_protocol.task_messages import TaskPixels
from planecast_reader.signature import Signature


class CachedPixels(NamedTuple):
    """What the arena's slot holds."""

    wire_path: str
    shape: Shape
    dtype: DtypeName
    nbytes: int
    signature: Signature
    checked: bool
    """Read for a running acquisition, so it is known not to be half written."""
    statistics: PlaneStatistics | None


def ready_message(
    request: ReadPixels,
    pixels: CachedPixels | TaskPixels,
    read_ms: float,
    *,
    shared: SharedPlane | None = None,
    cached: bool = False,
) -> PixelsReady:
    """Return the answer to a request; `shared` is where the pixels lie."""
    return PixelsReady(
        request=request.request,
        shape=pixels.shape,
        dtype=pixels.dtype,
        shared=shared,
        statistics=pixels.statistics if request.statistics else None,
        cached=cached,
        read_ms=read_ms,
    )

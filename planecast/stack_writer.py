"""Writes planes as one OME-TIFF: the process behind the viewer's `Save as OME-TIFF`.

`python -m planecast.stack_writer` reads a `StackOrder` from its standard input and prints
`StackProgress` as lines of JSON. Ended by SIGTERM, it leaves no file.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import NoDataError, PlanecastError
from planecast_protocol.planes import PlaneSource
from planecast_protocol.reader_messages import PlaneArea, ReadPixels
from planecast_protocol.stack_order import StackOrder, StackProgress

if TYPE_CHECKING:
    from planecast_reader.client import ReaderClient

Pixels = npt.NDArray[Any]


class _Stack:
    """The planes of an order, read one after another."""

    def __init__(self, order: StackOrder, client: "ReaderClient") -> None:
        self._order, self._client = order, client
        self.missing = 0
        self.why = ""
        self.first = self._first()

    def planes(self) -> Iterator[Pixels]:
        """Yield all planes; zeros for those that are missing. Tells of each that is done."""
        total = len(self._order.planes)
        for done, source in enumerate(self._order.planes, start=1):
            plane = self._read(source)
            if plane is None:
                self.missing += 1
                plane = np.zeros(self.first.shape, self.first.dtype)
            elif plane.shape != self.first.shape or plane.dtype != self.first.dtype:
                raise PlanecastError(
                    f"planes of {_describe(plane)} and of {_describe(self.first)} don't go into "
                    "one file: save the channels by themselves"
                )
            yield plane
            del plane
            self.tell(done, total)

    def tell(self, done: int, total: int, *, saved: bool = False) -> None:
        """Print how far it is."""
        _print(
            StackProgress(done=done, total=total, saved=saved, missing=self.missing, why=self.why)
        )

    def _first(self) -> Pixels:
        """Return the first plane that can be read: the others are to be like it."""
        for source in self._order.planes:
            plane = self._read(source)
            if plane is not None:
                return plane
        raise NoDataError(self.why or "none of these planes is there")

    def _read(self, source: PlaneSource | None) -> Pixels | None:
        from planecast_reader.client import PixelAnswer

        if source is None:
            self.why = self.why or "a plane that was not acquired"
            return None
        message = ReadPixels(
            request=0,
            path=source.path,
            scene=source.scene,
            index=source.index,
            area=PlaneArea(page=source.page),
            keep=False,
            registered=source.stamp,
        )
        try:
            answer = self._client.request(message)
        except PlanecastError as error:
            self.why = self.why or error.message
            return None
        assert isinstance(answer, PixelAnswer)
        return answer.pixels


def write(order: StackOrder) -> None:
    """Write what is ordered. Raises `PlanecastError` or `OSError`."""
    from planecast.cli.output import Content, Kind
    from planecast.cli.output import write as write_file
    from planecast_reader.client import ReaderClient

    total = len(order.planes)
    if total != order.num_t * order.num_z * len(order.channels):
        raise PlanecastError(f"{total} planes are not t × z × channels")
    with contextlib.closing(ReaderClient(order.worker)) as client:
        stack = _Stack(order, client)
        sizes = (("x", order.pixel_size_um), ("y", order.pixel_size_um), ("z", order.z_step_um))
        samples = ("S",) if stack.first.ndim == 3 else ()
        content = Content(
            planes=stack.planes(),
            axes=("T", "Z", "C", "Y", "X", *samples),
            shape=(order.num_t, order.num_z, len(order.channels), *stack.first.shape),
            dtype=stack.first.dtype,
            channels=tuple(order.channels),
            pixel_size_um=tuple((axis, um) for axis, um in sizes if um is not None),
        )
        write_file(Path(order.out), Kind.OME_TIFF, content)
        stack.tell(total, total, saved=True)


def main() -> int:
    """Write what standard input orders; return the exit code."""
    # Raised where the file is being written, so that what is half written goes.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    try:
        write(msgspec.json.decode(sys.stdin.buffer.read(), type=StackOrder))
    except BrokenPipeError:
        return 1  # the viewer is gone
    except (PlanecastError, OSError, msgspec.MsgspecError) as error:
        why = error.message if isinstance(error, PlanecastError) else str(error)
        _print(StackProgress(done=0, total=0, why=why))
        return 1
    return 0


def _describe(plane: Pixels) -> str:
    return f"{' × '.join(str(size) for size in plane.shape)} px {plane.dtype}"


def _print(progress: StackProgress) -> None:
    print(msgspec.json.encode(progress).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main())

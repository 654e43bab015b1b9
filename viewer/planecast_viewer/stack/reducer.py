"""A thread that makes planes small, so that neither the GUI's nor the client's has to."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_viewer.stack.planes import StackPlane
from planecast_viewer.stack.reduction import block_for, reduced

logger = logging.getLogger(__name__)

SAMPLE_PIXELS = 2**13
"""Of a plane, for contrast."""

OnReduced = Callable[[StackPlane | str], None]


class Reducer:
    """Its thread lives from the first `submit` to `stop`.

    Its queue is bounded by who asks for planes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopped = True

    def start(self) -> None:
        """Take work from now on."""
        with self._lock:
            self._stopped = False

    def submit(
        self, pixels: npt.NDArray[Any], n_planes: int, budget: int, on_reduced: OnReduced
    ) -> None:
        """Reduce a plane of a stack of `n_planes`; any thread. `on_reduced` is called in mine."""
        with self._lock:
            if self._stopped:
                return
            self._work.put(lambda: on_reduced(_reduce(pixels, n_planes, budget)))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_run, args=(self._work,), name="stack", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Drop what waits and end the thread. May be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
            work, self._work = self._work, queue.SimpleQueue()
            self._stopped = True
        if thread is not None:
            with contextlib.suppress(queue.Empty):
                while True:
                    work.get_nowait()
            work.put(None)
            thread.join()


def _run(work: "queue.SimpleQueue[Callable[[], None] | None]") -> None:
    while (one := work.get()) is not None:
        one()
        del one  # it holds pixels, which are leased from the worker


def extremes(flat: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest value that is a number; (0, 0) if none is."""
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    return (float(flat.min()), float(flat.max())) if flat.size else (0.0, 0.0)


def _reduce(pixels: npt.NDArray[Any], n_planes: int, budget: int) -> StackPlane | str:
    try:
        block = block_for(pixels.shape, pixels.dtype, n_planes, budget)
        small = reduced(pixels, block)
        flat = small.reshape(-1)
        # An odd step meets every column of a plane whose width is a power of two.
        sample = flat[:: max(-(-flat.size // SAMPLE_PIXELS), 1) | 1].copy()
        size_yx = (pixels.shape[0], pixels.shape[1])
        return StackPlane(small, block, size_yx, sample, extremes(flat))
    except Exception as error:
        # The top of this thread: one odd plane must not end it.
        logger.exception("a plane of shape %s could not be reduced", pixels.shape)
        return f"{type(error).__name__}: {error}"

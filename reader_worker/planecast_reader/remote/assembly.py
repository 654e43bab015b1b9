"""Puts planes together that come in parts, on the client's side."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import MAX_PLANE_BYTES
from planecast_protocol.reader_messages import PixelsReady
from planecast_protocol.remote_messages import PixelsComing, PixelsPart, PixelsPreview
from planecast_reader.remote.codecs import unpack
from planecast_reader.remote.tiles import Rectangle

Ready = tuple[PixelsReady, memoryview]
"""An answer and its pixels."""


@dataclass
class _Coming:
    ready: PixelsReady
    pixels: npt.NDArray[Any]
    left_px: int
    parts: list[Rectangle] = field(default_factory=list)
    """Of these the pixels are exact."""


class Assembly:
    """The planes of one connection that are on their way. Belongs to the connection's thread.

    A draft and the plane that follows lie in the same memory: what a draft shows gets sharper.
    """

    def __init__(self) -> None:
        self._coming: dict[int, _Coming] = {}

    def begin(self, message: PixelsComing) -> Ready | None:
        """Make room for a plane; return it if it has no pixels at all. Raises `BadMessageError`."""
        shape, dtype = message.shape, message.dtype
        if len(shape) < 2 or int(np.prod(shape)) * np.dtype(dtype).itemsize > MAX_PLANE_BYTES:
            raise BadMessageError(f"a plane of shape {shape} and {dtype}")
        ready = PixelsReady(
            request=message.request,
            shape=shape,
            dtype=dtype,
            statistics=message.statistics,
            cached=message.cached,
            read_ms=message.read_ms,
        )
        coming = _Coming(ready, np.zeros(shape, dtype), shape[0] * shape[1])
        self._coming[message.request] = coming
        return self._finished(coming) if coming.left_px == 0 else None

    def forget(self, request: int) -> None:
        """Let go of a plane of which no more will come."""
        self._coming.pop(request, None)

    def preview(self, message: PixelsPreview, payload: memoryview) -> Ready | None:
        """Fill in what a preview shows, except where the pixels are exact; return the draft."""
        coming = self._coming.get(message.request)
        if coming is None:
            return None
        x, y, step = message.x, message.y, message.step
        shape = (message.height, message.width, *coming.pixels.shape[2:])
        coarse = np.empty(shape, coming.pixels.dtype)
        unpack(payload, message.encoding, coarse)
        part = coming.pixels[y : y + message.height * step, x : x + message.width * step]
        if part.shape[0] <= (message.height - 1) * step or 0 in part.shape:
            raise BadMessageError(f"a preview that lies beyond its plane of {coming.ready.shape}")
        wide = np.repeat(coarse, step, axis=1)[:, : part.shape[1]]
        tall = np.repeat(wide, step, axis=0)[: part.shape[0]]
        if coming.parts:
            vague = _vague(coming)[y : y + part.shape[0], x : x + part.shape[1]]
            np.copyto(part, tall, where=vague)
        else:
            part[...] = tall
        return _draft(coming)

    def part(self, message: PixelsPart, payload: memoryview) -> Ready | None:
        """Fill in a part; return the plane if it is whole, or a draft if it tells the view."""
        coming = self._coming.get(message.request)
        if coming is None:
            return None
        x, y, width, height = place = Rectangle(message.x, message.y, message.width, message.height)
        if y + height > coming.pixels.shape[0] or x + width > coming.pixels.shape[1]:
            raise BadMessageError(f"a part that lies beyond its plane of {coming.ready.shape}")
        unpack(payload, message.encoding, coming.pixels[y : y + height, x : x + width])
        coming.parts.append(place)
        coming.left_px -= width * height
        if coming.left_px <= 0:
            return self._finished(coming)
        return _draft(coming) if message.seen_whole else None

    def _finished(self, coming: _Coming) -> Ready:
        del self._coming[coming.ready.request]
        return coming.ready, _bytes_of(coming)


def _vague(coming: _Coming) -> npt.NDArray[np.bool_]:
    """Return where the pixels are not exact."""
    vague = np.ones(coming.pixels.shape[:2], bool)
    for x, y, width, height in coming.parts:
        vague[y : y + height, x : x + width] = False
    return vague if coming.pixels.ndim == 2 else vague[:, :, None]


def _draft(coming: _Coming) -> Ready:
    return msgspec.structs.replace(coming.ready, draft=True), _bytes_of(coming)


def _bytes_of(coming: _Coming) -> memoryview:
    return coming.pixels.reshape(-1).view(np.uint8).data.toreadonly()

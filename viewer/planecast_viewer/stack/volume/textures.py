"""Keeps planes of a stack in textures of the graphics card. The OpenGL thread only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import PlanecastError
from planecast_viewer.stack.planes import Stack, StackPlace, StackPlane
from planecast_viewer.stack.reduction import reduced
from planecast_viewer.stack.volume import gl
from planecast_viewer.stack.volume.gl import Gl

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, order=True)
class Layer:
    """A channel, or one of the three colours of one."""

    channel: int
    sample: int | None = None


@dataclass(frozen=True)
class Format:
    """How values lie in a texture, where whole numbers become 0 to 1."""

    internal: int
    kind: int
    unit: float
    """The value of 1."""
    offset: float
    """The value of 0."""


def format_of(dtype: np.dtype[Any]) -> Format:
    """Return the texture for planes of a stored dtype."""
    if dtype == np.uint8:
        return Format(gl.R8, gl.UNSIGNED_BYTE, 255.0, 0.0)
    if dtype == np.uint16:
        return Format(gl.R16, gl.UNSIGNED_SHORT, 65535.0, 0.0)
    if dtype == np.int16:
        # There are no textures of signed values that can be relied on.
        return Format(gl.R16, gl.UNSIGNED_SHORT, 65535.0, -32768.0)
    return Format(gl.R32F, gl.FLOAT, 1.0, 0.0)


@dataclass(eq=False)
class VolumeTexture:
    """One layer's planes."""

    name: int
    format: Format
    shape: tuple[int, int, int]
    """(z, y, x) of the texture."""
    block: int
    """The texture is smaller than the planes by so much again, in x and y."""
    every: int
    """Of so many z planes one is in the texture."""
    part: tuple[float, float, float]
    """Texture coordinate (x, y, z) of the far corner of the stack."""
    held: list[StackPlane | None] = field(default_factory=list)
    """What is in the texture, by its own z."""

    @property
    def complete(self) -> bool:
        """Tell whether every plane is there."""
        return all(plane is not None for plane in self.held)


class Textures:
    """The textures of one stack; another stack takes their place."""

    def __init__(self, functions: Gl) -> None:
        self._gl = functions
        self._longest = functions.integer(gl.MAX_3D_TEXTURE_SIZE)
        self._place: StackPlace | None = None
        self.volumes: dict[Layer, VolumeTexture] = {}

    def upload(self, stack: Stack, size_yx: tuple[int, int], bytes_at_most: int) -> bool:
        """Bring planes in that are not there; return whether all are there now."""
        if stack.place != self._place:
            self.clear()
            self._place = stack.place
        left = bytes_at_most
        for layer, planes, known in layers_of(stack):
            texture = self.volumes.get(layer)
            if texture is not None and not _fits(texture, known, stack.num_z):
                self._gl.delete("Textures", texture.name)
                texture = None
            if texture is None:
                texture = self.volumes[layer] = self._make(stack.num_z, known, size_yx)
            for z, plane in enumerate(planes[:: texture.every]):
                if plane is texture.held[z]:
                    continue
                texture.held[z] = plane
                if plane is not None:
                    left -= self._put(texture, z, _sample(plane, layer))
                if left <= 0:
                    return False
        return True

    def clear(self) -> None:
        """Delete all textures."""
        names = [texture.name for texture in self.volumes.values()]
        if names:
            self._gl.delete("Textures", *names)
        self.volumes.clear()

    # ------------------------------------------------------------ inside

    def _make(self, num_z: int, known: StackPlane, size_yx: tuple[int, int]) -> VolumeTexture:
        height, width = known.pixels.shape[:2]
        block = -(-max(height, width) // self._longest)
        every = -(-num_z // self._longest)
        shape = (-(-num_z // every), max(height // block, 1), max(width // block, 1))
        side = known.block * block
        part = (
            size_yx[1] / (shape[2] * side),
            size_yx[0] / (shape[1] * side),
            num_z / (shape[0] * every),
        )
        kind = format_of(known.pixels.dtype)
        name = self._gl.new("Textures")
        self._gl.BindTexture(gl.TEXTURE_3D, name)
        for wrap in (gl.WRAP_S, gl.WRAP_T, gl.WRAP_R):
            self._gl.TexParameteri(gl.TEXTURE_3D, wrap, gl.CLAMP_TO_EDGE)
        for way in (gl.MIN_FILTER, gl.MAG_FILTER):
            self._gl.TexParameteri(gl.TEXTURE_3D, way, gl.LINEAR)
        # What lies beside a plane that is here must not be what happened to be in memory.
        zeros = np.zeros(shape, _raw(known.pixels.dtype))
        self._gl.TexImage3D(
            gl.TEXTURE_3D, 0, kind.internal, *shape[::-1], 0, gl.RED, kind.kind, gl.address(zeros)
        )
        error = int(self._gl.GetError())
        if error:
            self._gl.delete("Textures", name)
            mib = zeros.nbytes >> 20
            raise PlanecastError(
                f"the graphics card has no room for a volume of {mib} MiB"
                if error == gl.OUT_OF_MEMORY
                else f"OpenGL refuses a volume of {shape[::-1]} (error {error:#x})"
            )
        held: list[StackPlane | None] = [None] * shape[0]
        return VolumeTexture(name, kind, shape, block, every, part, held)

    def _put(self, texture: VolumeTexture, z: int, pixels: Pixels) -> int:
        _n_z, height, width = texture.shape
        if texture.block > 1:
            pixels = reduced(pixels, texture.block)
        raw = np.ascontiguousarray(as_raw(pixels)[:height, :width])
        self._gl.BindTexture(gl.TEXTURE_3D, texture.name)
        self._gl.TexSubImage3D(
            gl.TEXTURE_3D, 0, 0, 0, z, width, height, 1, gl.RED, texture.format.kind,
            gl.address(raw),
        )  # fmt: skip
        return int(raw.nbytes)


def layers_of(
    stack: Stack,
) -> Iterator[tuple[Layer, tuple[StackPlane | None, ...], StackPlane]]:
    """Yield each layer with its planes and one that is here; channels without any are left out."""
    for channel, planes in stack.planes.items():
        known = stack.first(channel)
        if known is None:
            continue
        samples = range(known.pixels.shape[2]) if known.pixels.ndim == 3 else [None]
        for sample in samples:
            yield Layer(channel, sample), planes, known


def as_raw(pixels: Pixels) -> Pixels:
    """Return the values as they lie in a texture."""
    if pixels.dtype == np.int16:
        return (pixels.astype(np.int32) + 32768).astype(np.uint16)
    if pixels.dtype.kind == "f":
        # One that is not a number would make its neighbours none.
        return np.nan_to_num(pixels, nan=0.0, posinf=0.0, neginf=0.0)
    return pixels


def _raw(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.uint16) if dtype == np.int16 else dtype


def _sample(plane: StackPlane, layer: Layer) -> Pixels:
    return plane.pixels if layer.sample is None else plane.pixels[..., layer.sample]


def _fits(texture: VolumeTexture, known: StackPlane, num_z: int) -> bool:
    """Tell whether the texture was made for planes like this one."""
    height, width = known.pixels.shape[:2]
    shape = (
        -(-num_z // texture.every),
        max(height // texture.block, 1),
        max(width // texture.block, 1),
    )
    return shape == texture.shape and format_of(known.pixels.dtype) == texture.format

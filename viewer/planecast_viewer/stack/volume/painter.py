"""Draws a volume into a picture. The OpenGL thread only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planecast_protocol.errors import PlanecastError
from planecast_viewer.canvas.compositing import Lut, Packed
from planecast_viewer.stack.planes import Stack
from planecast_viewer.stack.volume import gl
from planecast_viewer.stack.volume.camera import Camera, Vector
from planecast_viewer.stack.volume.gl import Gl
from planecast_viewer.stack.volume.shader import MAX_STEPS, VERTEX, fragment
from planecast_viewer.stack.volume.textures import Layer, Textures, VolumeTexture

MAX_LAYERS = 12
"""Every OpenGL 3.3 has 16 textures at a time; two are ours."""


@dataclass(frozen=True, eq=False)
class VolumeWish:
    """What is to be drawn."""

    stack: Stack
    luts: dict[int, Lut]
    size_yx: tuple[int, int]
    """Of the planes, in pixels of the file."""
    extent: Vector
    """Of the stack (x, y, z), in µm or pixels."""
    step: float
    """The smallest side of a voxel as it is in the stack, in the same unit."""
    camera: Camera
    width: int
    """Of the picture, in device pixels."""
    height: int


@dataclass(frozen=True)
class Quality:
    """How coarse a picture is."""

    pixels: float = 1.0
    """Device pixels of the screen, per pixel of the picture."""
    steps: float = 1.0
    """Voxels per step along a ray."""


class Painter:
    """Programs, textures and the picture they are drawn into."""

    def __init__(self, functions: Gl) -> None:
        self._gl = functions
        self.textures = Textures(functions)
        self._programs: dict[int, int] = {}
        self._array = functions.new("VertexArrays")
        self._tables = functions.new("Textures"), functions.new("Textures")
        self._target = functions.new("Framebuffers"), functions.new("Renderbuffers")
        self._target_size = (0, 0)
        functions.BindVertexArray(self._array)
        functions.PixelStorei(gl.UNPACK_ALIGNMENT, 1)
        functions.PixelStorei(gl.PACK_ALIGNMENT, 4)

    def layers(self, wish: VolumeWish) -> list[Layer]:
        """Return what there is to draw."""
        there = (one for one in sorted(self.textures.volumes) if one.channel in wish.luts)
        return list(there)[:MAX_LAYERS]

    def cost(self, wish: VolumeWish, quality: Quality) -> float:
        """Return about how many values are looked up for a picture."""
        n_steps = math.hypot(*wish.extent) / (wish.step * quality.steps)
        n_pixels = wish.width * wish.height / quality.pixels**2
        return n_pixels * min(n_steps, MAX_STEPS) * max(len(self.layers(wish)), 1)

    def paint(
        self, wish: VolumeWish, quality: Quality, strips: int, go_on: Callable[[], bool]
    ) -> Packed | None:
        """Return the picture, (height, width); `None` if `go_on` said no between two strips."""
        width = max(round(wish.width / quality.pixels), 1)
        height = max(round(wish.height / quality.pixels), 1)
        layers = self.layers(wish)
        picture: Packed = np.full((height, width), 0xFF000000, np.uint32)
        if not layers:
            return picture
        self._aim(width, height)
        self._prepare(wish, layers, quality, width, height)
        rows = -(-height // strips)
        for top in range(0, height, rows):
            n_rows = min(rows, height - top)
            self._gl.Enable(gl.SCISSOR_TEST)
            self._gl.Scissor(0, top, width, n_rows)
            self._gl.DrawArrays(gl.TRIANGLES, 0, 3)
            # Reading waits until it is drawn.
            self._gl.ReadPixels(
                0, top, width, n_rows, gl.BGRA, gl.UNSIGNED_INT_8_8_8_8_REV,
                gl.address(picture[top : top + n_rows]),
            )  # fmt: skip
            if not go_on():
                return None
        return picture

    def close(self) -> None:
        """Delete everything."""
        self.textures.clear()
        for program in self._programs.values():
            self._gl.DeleteProgram(program)
        self._gl.delete("Textures", *self._tables)
        self._gl.delete("Framebuffers", self._target[0])
        self._gl.delete("Renderbuffers", self._target[1])
        self._gl.delete("VertexArrays", self._array)

    # ------------------------------------------------------------ inside

    def _aim(self, width: int, height: int) -> None:
        frame, buffer = self._target
        self._gl.BindFramebuffer(gl.FRAMEBUFFER, frame)
        if self._target_size != (width, height):
            self._target_size = (width, height)
            self._gl.BindRenderbuffer(gl.RENDERBUFFER, buffer)
            self._gl.RenderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, width, height)
            self._gl.FramebufferRenderbuffer(
                gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, buffer
            )
            if self._gl.CheckFramebufferStatus(gl.FRAMEBUFFER) != gl.FRAMEBUFFER_COMPLETE:
                raise PlanecastError(f"OpenGL draws no picture of {width} × {height} pixels")
        self._gl.Viewport(0, 0, width, height)

    def _prepare(
        self, wish: VolumeWish, layers: list[Layer], quality: Quality, width: int, height: int
    ) -> None:
        program = self._program(len(layers))
        self._gl.UseProgram(program)
        camera, axes = wish.camera, wish.camera.axes()
        scale = camera.units_per_px(wish.extent, wish.width, wish.height) * quality.pixels
        self._set(program, "size", width, height)
        self._set(program, "units_per_px", scale)
        self._set(program, "pan", *camera.pan)
        self._set(program, "extent", *wish.extent)
        self._set(program, "step_units", wish.step * quality.steps)
        for name, vector in axes._asdict().items():
            self._set(program, name, *vector)
        textures = [self.textures.volumes[layer] for layer in layers]
        colors = b"".join(_colors(wish.luts[layer.channel], layer) for layer in layers)
        self._table(program, "colors", 0, 256, len(layers), gl.RGB8, gl.RGB, colors)
        presence, n_planes = _presence(textures)
        self._table(program, "present", 1, n_planes, len(layers), gl.R8, gl.RED, presence)
        for n, (layer, texture) in enumerate(zip(layers, textures, strict=True)):
            self._gl.ActiveTexture(gl.TEXTURE0 + 2 + n)
            self._gl.BindTexture(gl.TEXTURE_3D, texture.name)
            self._gl.Uniform1i(self._place(program, f"volume{n}"), 2 + n)
            self._set(program, f"part{n}", *texture.part)
            self._set(program, f"planes{n}", texture.shape[0])
            self._set(program, f"look{n}", *_look(wish.luts[layer.channel], texture))
        self._gl.ActiveTexture(gl.TEXTURE0)

    def _program(self, n_layers: int) -> int:
        if n_layers not in self._programs:
            self._programs[n_layers] = self._gl.program(VERTEX, fragment(n_layers))
        return self._programs[n_layers]

    def _table(
        self, program: int, name: str, unit: int, width: int, height: int,
        internal: int, kind: int, rows: bytes,
    ) -> None:  # fmt: skip
        self._gl.ActiveTexture(gl.TEXTURE0 + unit)
        self._gl.BindTexture(gl.TEXTURE_2D, self._tables[unit])
        for way in (gl.MIN_FILTER, gl.MAG_FILTER):
            self._gl.TexParameteri(gl.TEXTURE_2D, way, gl.NEAREST)
        pixels = np.frombuffer(rows, np.uint8)
        self._gl.TexImage2D(
            gl.TEXTURE_2D, 0, internal, width, height, 0, kind, gl.UNSIGNED_BYTE, gl.address(pixels)
        )
        self._gl.Uniform1i(self._place(program, name), unit)

    def _set(self, program: int, name: str, *values: float) -> None:
        set_uniform = getattr(self._gl, f"Uniform{len(values)}f")
        set_uniform(self._place(program, name), *map(float, values))

    def _place(self, program: int, name: str) -> int:
        return int(self._gl.GetUniformLocation(program, name.encode()))


def _look(lut: Lut, texture: VolumeTexture) -> tuple[float, float, float, float]:
    """Return contrast in the texture's values, gamma, and whether all planes are there."""
    unit, offset = texture.format.unit, texture.format.offset
    low, high = (lut.low - offset) / unit, (lut.high - offset) / unit
    span = max(high - low, 1e-9 / unit)
    return low, 1 / span, lut.gamma, float(texture.complete)


def _colors(lut: Lut, layer: Layer) -> bytes:
    if layer.sample is None:
        return lut.colors
    ramp = np.zeros((256, 3), np.uint8)
    ramp[:, layer.sample] = np.arange(256)
    return ramp.tobytes()


def _presence(textures: list[VolumeTexture]) -> tuple[bytes, int]:
    """Return a row for each texture: 255 where a plane is there. And the length of a row."""
    n_planes = max(texture.shape[0] for texture in textures)
    rows = np.zeros((len(textures), n_planes), np.uint8)
    for row, texture in zip(rows, textures, strict=True):
        row[: len(texture.held)] = [0 if plane is None else 255 for plane in texture.held]
    return rows.tobytes(), n_planes

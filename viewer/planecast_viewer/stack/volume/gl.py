"""The few functions of OpenGL 3.3 that are needed, called so that Python's lock is let go.

A picture of a large volume takes the graphics card, or the processor in its stead, up to a
second. Qt's own bindings keep the lock meanwhile, and every other thread would wait.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import PlanecastError

FLOAT, UNSIGNED_BYTE, UNSIGNED_SHORT = 0x1406, 0x1401, 0x1403
BGRA, RED, RGB = 0x80E1, 0x1903, 0x1907
UNSIGNED_INT_8_8_8_8_REV = 0x8367
R8, R16, R32F, RGB8, RGBA8 = 0x8229, 0x822A, 0x822E, 0x8051, 0x8058
TEXTURE_2D, TEXTURE_3D, TEXTURE0 = 0x0DE1, 0x806F, 0x84C0
NEAREST, LINEAR, CLAMP_TO_EDGE = 0x2600, 0x2601, 0x812F
MAG_FILTER, MIN_FILTER, WRAP_S, WRAP_T, WRAP_R = 0x2800, 0x2801, 0x2802, 0x2803, 0x8072
FRAMEBUFFER, RENDERBUFFER, COLOR_ATTACHMENT0 = 0x8D40, 0x8D41, 0x8CE0
FRAMEBUFFER_COMPLETE = 0x8CD5
VERTEX_SHADER, FRAGMENT_SHADER, COMPILE_STATUS, LINK_STATUS = 0x8B31, 0x8B30, 0x8B81, 0x8B82
TRIANGLES, SCISSOR_TEST, UNPACK_ALIGNMENT, PACK_ALIGNMENT = 4, 0x0C11, 0x0CF5, 0x0D05
MAX_3D_TEXTURE_SIZE, RENDERER, OUT_OF_MEMORY = 0x8073, 0x1F01, 0x0505

_I, _U, _F, _P, _C = (
    ctypes.c_int, ctypes.c_uint, ctypes.c_float, ctypes.c_void_p, ctypes.c_char_p,
)  # fmt: skip
SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "ActiveTexture": (None, (_U,)),
    "AttachShader": (None, (_U, _U)),
    "BindFramebuffer": (None, (_U, _U)),
    "BindRenderbuffer": (None, (_U, _U)),
    "BindTexture": (None, (_U, _U)),
    "BindVertexArray": (None, (_U,)),
    "CheckFramebufferStatus": (_U, (_U,)),
    "CompileShader": (None, (_U,)),
    "CreateProgram": (_U, ()),
    "CreateShader": (_U, (_U,)),
    "DeleteFramebuffers": (None, (_I, _P)),
    "DeleteProgram": (None, (_U,)),
    "DeleteRenderbuffers": (None, (_I, _P)),
    "DeleteShader": (None, (_U,)),
    "DeleteTextures": (None, (_I, _P)),
    "DeleteVertexArrays": (None, (_I, _P)),
    "Disable": (None, (_U,)),
    "DrawArrays": (None, (_U, _I, _I)),
    "Enable": (None, (_U,)),
    "FramebufferRenderbuffer": (None, (_U, _U, _U, _U)),
    "GenFramebuffers": (None, (_I, _P)),
    "GenRenderbuffers": (None, (_I, _P)),
    "GenTextures": (None, (_I, _P)),
    "GenVertexArrays": (None, (_I, _P)),
    "GetError": (_U, ()),
    "GetIntegerv": (None, (_U, _P)),
    "GetProgramInfoLog": (None, (_U, _I, _P, _P)),
    "GetProgramiv": (None, (_U, _U, _P)),
    "GetShaderInfoLog": (None, (_U, _I, _P, _P)),
    "GetShaderiv": (None, (_U, _U, _P)),
    "GetString": (_C, (_U,)),
    "GetUniformLocation": (_I, (_U, _C)),
    "LinkProgram": (None, (_U,)),
    "PixelStorei": (None, (_U, _I)),
    "ReadPixels": (None, (_I, _I, _I, _I, _U, _U, _P)),
    "RenderbufferStorage": (None, (_U, _U, _I, _I)),
    "Scissor": (None, (_I, _I, _I, _I)),
    "ShaderSource": (None, (_U, _I, _P, _P)),
    "TexImage2D": (None, (_U, _I, _I, _I, _I, _I, _U, _U, _P)),
    "TexImage3D": (None, (_U, _I, _I, _I, _I, _I, _I, _U, _U, _P)),
    "TexParameteri": (None, (_U, _U, _I)),
    "TexSubImage3D": (None, (_U, _I, _I, _I, _I, _I, _I, _I, _U, _U, _P)),
    "Uniform1f": (None, (_I, _F)),
    "Uniform1i": (None, (_I, _I)),
    "Uniform2f": (None, (_I, _F, _F)),
    "Uniform3f": (None, (_I, _F, _F, _F)),
    "Uniform4f": (None, (_I, _F, _F, _F, _F)),
    "UseProgram": (None, (_U,)),
    "Viewport": (None, (_I, _I, _I, _I)),
}


class Gl:
    """The functions, by their names without `gl`, of the context that is current. One thread."""

    def __init__(self, address_of: Callable[[bytes], int]) -> None:
        for name, (result, arguments) in SIGNATURES.items():
            address = address_of(f"gl{name}".encode())
            if not address:
                raise PlanecastError(f"this OpenGL has no gl{name}")
            setattr(self, name, ctypes.CFUNCTYPE(result, *arguments)(address))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Only for names that `__init__` did not set.
        raise AttributeError(name)

    def new(self, kind: str) -> int:
        """Return a new name of a kind such as `Textures`."""
        name = _U()
        getattr(self, f"Gen{kind}")(1, ctypes.addressof(name))
        return name.value

    def delete(self, kind: str, *names: int) -> None:
        """Delete things by their names."""
        array = (_U * len(names))(*names)
        getattr(self, f"Delete{kind}")(len(names), ctypes.addressof(array))

    def integer(self, which: int) -> int:
        """Return a limit or a state."""
        value = _I()
        self.GetIntegerv(which, ctypes.addressof(value))
        return value.value

    def program(self, vertex: str, fragment: str) -> int:
        """Compile and link; raise `PlanecastError` with what the driver says."""
        program = int(self.CreateProgram())
        for kind, source in ((VERTEX_SHADER, vertex), (FRAGMENT_SHADER, fragment)):
            shader = int(self.CreateShader(kind))
            text = ctypes.c_char_p(source.encode())
            self.ShaderSource(shader, 1, ctypes.addressof(text), None)
            self.CompileShader(shader)
            self._check(shader, "Shader", COMPILE_STATUS)
            self.AttachShader(program, shader)
            self.DeleteShader(shader)
        self.LinkProgram(program)
        self._check(program, "Program", LINK_STATUS)
        return program

    def _check(self, name: int, kind: str, status: int) -> None:
        done = _I()
        getattr(self, f"Get{kind}iv")(name, status, ctypes.addressof(done))
        if not done.value:
            log = ctypes.create_string_buffer(2000)
            getattr(self, f"Get{kind}InfoLog")(name, len(log), None, ctypes.addressof(log))
            raise PlanecastError(f"OpenGL: {log.value.decode(errors='replace').strip()}")


def address(pixels: npt.NDArray[Any]) -> int:
    """Return where the pixels lie; the caller keeps the array until the call has returned."""
    assert pixels.flags.c_contiguous
    return int(pixels.ctypes.data)


def empty_picture(width: int, height: int) -> npt.NDArray[np.uint32]:
    """Return room for a picture of 0xffRRGGBB, shape (height, width)."""
    return np.empty((height, width), np.uint32)

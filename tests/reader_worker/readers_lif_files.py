"""Small Leica files: LIF, LOF, and an XLEF with its XLIF."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "λ": 5, "Λ": 9, "M": 10}
UNITS = {"T": "s"}
MARK = 0x2A


@dataclass
class LeicaImage:
    """One image; C and S are channels, the other axes are dimensions."""

    name: str
    axes: str
    pixels: npt.NDArray[Any]
    block: str = "MemBlock_1"
    attachments: str = ""

    def strides(self) -> dict[str, int]:
        return dict(zip(self.axes, self.pixels.strides, strict=True))

    def channels(self) -> list[int]:
        """Return the offset of each channel."""
        sizes = dict(zip(self.axes, self.pixels.shape, strict=True))
        strides = self.strides()
        return [
            c * strides.get("C", 0) + s * strides.get("S", 0)
            for c in range(sizes.get("C", 1))
            for s in range(sizes.get("S", 1))
        ]


def element(image: LeicaImage, memory: str) -> str:
    """Return an image's element of the XML."""
    is_rgb = "S" in image.axes
    kind = int(image.pixels.dtype.kind == "f")
    channels = "".join(
        f'<ChannelDescription DataType="{kind}" ChannelTag="{1 + number if is_rgb else 0}" '
        f'Resolution="{8 * image.pixels.itemsize}" NameOfMeasuredQuantity="" Min="0" Max="1" '
        f'Unit="" LUTName="{["Red", "Green", "Blue"][number % 3]}" IsLUTInverted="0" '
        f'BytesInc="{offset}" BitInc="0"/>'
        for number, offset in enumerate(image.channels())
    )
    strides = image.strides()
    dimensions = "".join(
        f'<DimensionDescription DimID="{DIMENSIONS[axis]}" NumberOfElements="{length}" Origin="0" '
        f'Length="{(length - 1) * 1e-6 if UNITS.get(axis, "m") == "m" else length - 1}" '
        f'Unit="{UNITS.get(axis, "m")}" BitInc="0" BytesInc="{strides[axis]}"/>'
        for axis, length in zip(image.axes[::-1], image.pixels.shape[::-1], strict=True)
        if axis not in "CS"
    )
    return (
        f'<Element Name="{image.name}" UniqueID="1"><Data><Image><ImageDescription>'
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription>"
        f"{image.attachments}</Image></Data>{memory}</Element>"
    )


def memory(image: LeicaImage) -> str:
    return f'<Memory Size="{image.pixels.nbytes}" MemoryBlockID="{image.block}"/>'


def header(text: str) -> bytes:
    return struct.pack("<IIBI", 0x70, 2 * len(text) + 5, MARK, len(text)) + text.encode("utf-16le")


def write_lif(path: Path, images: list[LeicaImage]) -> Path:
    """Write images with blocks of their own."""
    xml = "".join(element(image, memory(image)) for image in images)
    parts = [
        header(
            f'<LMSDataContainerHeader Version="2"><Element Name="{path.stem}" UniqueID="0">'
            f"<Children>{xml}</Children></Element></LMSDataContainerHeader>"
        )
    ]
    for image in images:
        name = image.block.encode("utf-16le")
        parts.append(
            struct.pack(
                "<IIBQBI", 0x70, 14 + len(name), MARK, image.pixels.nbytes, MARK, len(image.block)
            )
        )
        parts += [name, image.pixels.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


def write_lof(path: Path, image: LeicaImage) -> Path:
    """Write one image."""
    xml = f'<LMSDataContainerHeader Version="2">{element(image, memory(image))}'
    path.write_bytes(
        header("LMS_Object_File")
        + struct.pack("<BIBI", MARK, 2, MARK, 0)
        + struct.pack("<BQ", MARK, image.pixels.nbytes)
        + image.pixels.tobytes()
        + header(f"{xml}</LMSDataContainerHeader>")
    )
    return path


def write_xlef(folder: Path, image: LeicaImage, *, target: str = "image.lof") -> Path:
    """Write an experiment of one image, whose pixels are in a LOF file beside it."""
    write_lof(folder / "image.lof", image)
    frame = f'<Frame File="{target}" Offset="0" Size="{image.pixels.nbytes}" UUID="2"/>'
    inner = element(image, f'<Memory Size="{image.pixels.nbytes}">{frame}</Memory>')
    write_xml(folder / "image.xlif", inner)
    path = folder / "experiment.xlef"
    children = '<Children><Reference File="image.xlif"/></Children>'
    write_xml(path, f'<Element Name="e"><Data><Experiment/></Data>{children}</Element>')
    return path


def write_xml(path: Path, inner: str) -> None:
    path.write_text(
        f'<?xml version="1.0"?><LMSDataContainerHeader Version="2">{inner}</LMSDataContainerHeader>'
    )


def pattern(shape: tuple[int, ...], dtype: str = "<u2") -> npt.NDArray[Any]:
    """Pixels that tell their place."""
    return np.random.default_rng(len(shape)).integers(0, 200, shape).astype(dtype)

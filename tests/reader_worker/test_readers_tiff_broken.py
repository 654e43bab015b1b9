"""TIFF files that are growing, cut or damaged."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from readers_contract import ExpectedScene, read_all
from readers_tiff_files import HEIGHT, WIDTH, noise

from planecast_protocol.errors import (
    CorruptFileError,
    NotYetWrittenError,
    TooLargeError,
)
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader


def test_an_appended_ome_tiff_gives_the_pages_that_are_there(tmp_path: Path):
    """Its XML announces six pages from the start; tifffile reads the missing ones as zeros."""
    path = tmp_path / "growing.ome.tif"
    pixels = noise(6, HEIGHT, WIDTH)
    whole = tmp_path / "whole.ome.tif"
    tifffile.imwrite(whole, pixels, ome=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(whole) as tiff:
        xml = tiff.ome_metadata.encode()
    with tifffile.TiffWriter(path) as writer:
        for n_written, page in enumerate(pixels, start=1):
            description = {"description": xml} if n_written == 1 else {}
            writer.write(page, metadata=None, contiguous=False, **description)
            writer.filehandle.flush()
            right, refused = read_all(path, [ExpectedScene("ZYX", pixels)])
            assert (right, refused) == (n_written, 6 - n_written)


CUT_OPTIONS: list[dict[str, Any]] = [
    {},
    {"compression": "zlib"},
    {"tile": (16, 16)},
    {"bigtiff": True},
]


@pytest.mark.parametrize(
    ("kind", "options"),
    [(kind, options) for kind in ("plain", "ome") for options in CUT_OPTIONS]
    + [("imagej", options) for options in CUT_OPTIONS[:2]],
    ids=str,
)
def test_a_cut_file_never_gives_wrong_pixels(tmp_path: Path, kind: str, options: dict[str, Any]):
    path = tmp_path / ("whole.ome.tif" if kind == "ome" else "whole.tif")
    pixels = noise(3, HEIGHT, WIDTH)
    how = {"metadata": {"axes": "ZYX"}, kind: True} if kind != "plain" else {"metadata": None}
    tifffile.imwrite(path, pixels, photometric="minisblack", **how, **options)
    axes = "IYX" if kind == "plain" else "ZYX"
    content = path.read_bytes()
    cut_path = tmp_path / f"cut{''.join(path.suffixes)}"
    steps = sorted(
        {*range(0, len(content), 97), *range(16), *range(len(content) - 8, len(content))}
    )
    n_right = 0
    for n_bytes in steps:
        cut_path.write_bytes(content[:n_bytes])
        n_right += read_all(cut_path, [ExpectedScene(axes, pixels)])[0]
    assert read_all(path, [ExpectedScene(axes, pixels)]) == (3, 0)
    assert n_right < 3 * len(steps)


@pytest.mark.parametrize("n_bytes", [0, 1, 7, 8, 100])
def test_the_first_bytes_of_a_file_are_not_yet_written(tmp_path: Path, n_bytes: int):
    path = tmp_path / "begun.tif"
    tifffile.imwrite(path, noise(HEIGHT, WIDTH), metadata=None)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(NotYetWrittenError):
        open_reader(path)


def test_a_file_of_zeros_is_not_yet_written(tmp_path: Path):
    path = tmp_path / "preallocated.tif"
    path.write_bytes(bytes(10_000))
    with pytest.raises(NotYetWrittenError):
        open_reader(path)


def test_a_file_that_shrinks_under_the_reader_is_not_yet_written(tmp_path: Path):
    path = tmp_path / "plane.tif"
    tifffile.imwrite(path, noise(HEIGHT, WIDTH), metadata=None)
    reader = open_reader(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(NotYetWrittenError, match=r"of \d+ bytes are there"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


def test_a_directory_of_many_tags_is_read_whole_and_checked_whole(tmp_path: Path):
    path = tmp_path / "many-tags.tif"
    pixels = noise(HEIGHT, WIDTH)
    extra = [(code, "I", 1, code, True) for code in range(50_000, 50_060)]
    tifffile.imwrite(path, pixels, extratags=extra)
    reader = open_reader(path)
    np.testing.assert_array_equal(reader.read_plane(0, {}, None, allocate_in_memory), pixels)
    reader.close()

    with tifffile.TiffFile(path) as tiff:
        directory = tiff.pages[0].offset
    path.write_bytes(path.read_bytes()[: directory + 2 + 12 * 40])
    with pytest.raises(NotYetWrittenError, match="the page's directory is not whole"):
        open_reader(path)


def with_tag(path: Path, code: int, value: int) -> None:
    """Set a tag of the first page of a little-endian classic TIFF to one long."""
    content = bytearray(path.read_bytes())
    (offset,) = struct.unpack_from("<I", content, 4)
    (n_tags,) = struct.unpack_from("<H", content, offset)
    for place in range(offset + 2, offset + 2 + 12 * n_tags, 12):
        if struct.unpack_from("<H", content, place)[0] == code:
            struct.pack_into("<HHII", content, place, code, 4, 1, value)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ({256: 2**31 - 1, 257: 2**31 - 1}, TooLargeError),
        ({256: 20_000, 257: 20_000}, CorruptFileError),
        ({256: 0}, CorruptFileError),
        ({273: 0x7FFFFF00}, NotYetWrittenError),
        ({273: 0}, NotYetWrittenError),
        ({279: 0}, NotYetWrittenError),
        ({279: 10}, CorruptFileError),
    ],
    ids=str,
)
def test_sizes_that_lie_are_refused_before_memory_is_asked_for(
    tmp_path: Path, tags: dict[int, int], error: type[Exception]
):
    path = tmp_path / "lie.tif"
    tifffile.imwrite(path, noise(HEIGHT, WIDTH), metadata=None)
    for code, value in tags.items():
        with_tag(path, code, value)

    def allocate(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        pytest.fail(f"asked for {shape}")

    reader = open_reader(path)
    with pytest.raises(error):
        reader.read_plane(0, {}, None, allocate)
    reader.close()


def test_xml_that_declares_ten_thousand_million_planes_is_refused(tmp_path: Path):
    path = tmp_path / "declares.ome.tif"
    xml = (
        '<OME><Image><Pixels DimensionOrder="XYCZT" Type="uint16" SizeX="53" SizeY="37" '
        'SizeC="1" SizeZ="100000" SizeT="100000"><TiffData/></Pixels></Image></OME>'
    )
    tifffile.imwrite(path, noise(HEIGHT, WIDTH), description=xml, metadata=None)
    with pytest.raises(CorruptFileError, match="declares"):
        open_reader(path)


def test_damaged_xml_leaves_the_pages(tmp_path: Path):
    path = tmp_path / "damaged.ome.tif"
    pixels = noise(HEIGHT, WIDTH)
    tifffile.imwrite(path, pixels, description="<OME><Image></OME>", metadata=None)
    reader = open_reader(path)
    assert "damaged" in reader.describe().warnings[0]
    np.testing.assert_array_equal(reader.read_plane(0, {}, None, allocate_in_memory), pixels)
    reader.close()

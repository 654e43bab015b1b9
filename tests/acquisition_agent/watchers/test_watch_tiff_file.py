"""Pages of TIFFs, whole and half written, against what tifffile reads of the whole file."""

import io
import os
import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile
from watch_files import GrowingOme, Shape, ome_path

from planecast_agent.watchers.ome_xml import parse_ome_pages
from planecast_agent.watchers.tiff_file import TiffFile, looks_unwritten
from planecast_protocol.errors import CorruptFileError

DATA = Path(os.environ.get("PLANECAST_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
REAL = sorted(
    path
    for folder in ("tiff", "ometiff", "imagej", "ndtiff", "lsm")
    for path in (DATA / folder).rglob("*.tif*")
)


@pytest.mark.parametrize("path", REAL or [None], ids=lambda path: path.name if path else "none")
def test_pages_of_real_files_are_those_of_tifffile(path: Path | None):
    if path is None:
        pytest.skip(f"no test data in {DATA}")
    ours = TiffFile(path)
    pages = ours.read_on()
    with tifffile.TiffFile(path) as theirs:
        assert len(pages) == len(theirs.pages)
        for page, expected in zip(pages, theirs.pages, strict=True):
            whole = expected.aspage()
            assert (page.width, page.height) == (whole.imagewidth, whole.imagelength)
            assert page.samples == whole.samplesperpixel
            if page.dtype is not None:
                assert page.dtype == whole.dtype
            assert page.compressed == (whole.compression != 1)
            assert page.end() == max(
                offset + count
                for offset, count in zip(whole.dataoffsets, whole.databytecounts, strict=True)
            )
        assert pages[0].description.strip() == theirs.pages[0].description.strip("\0 \r\n")
    assert not ours.is_waiting


def some_tiff(bigtiff: bool, byteorder: str, compression: str | None) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(1).integers(1, 255, (4, 40, 30)).astype(np.uint8)
    with tifffile.TiffWriter(buffer, bigtiff=bigtiff, byteorder=byteorder) as writer:
        for plane in pixels:
            writer.write(plane, contiguous=False, rowsperstrip=7, compression=compression)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("bigtiff", "byteorder", "compression"),
    [*product((False, True), ("<", ">"), (None, "zlib"))],
)
def test_a_page_counts_only_when_all_of_it_is_there(
    tmp_path: Path, bigtiff: bool, byteorder: str, compression: str | None
):
    content = some_tiff(bigtiff, byteorder, compression)
    path = tmp_path / "cut.tif"
    path.write_bytes(content)
    ends = [page.end() for page in TiffFile(path).read_on()]
    assert len(ends) == 4
    growing = TiffFile(path)
    found = 0
    for cut in range(0, len(content) + 1, 5):
        path.write_bytes(content[:cut])
        found += len(growing.read_on())
        assert all(end <= cut for end in ends[:found])
        alone = TiffFile(path).read_on()
        assert len(alone) <= 4
        assert all(page.end() <= cut for page in alone)
    path.write_bytes(content)
    assert found + len(growing.read_on()) == 4


def test_damaged_files_are_refused_or_read_and_never_hang(tmp_path: Path):
    path = tmp_path / "damaged.tif"
    dice = random.Random(7)
    contents = [some_tiff(big, order, None) for big in (False, True) for order in "<>"]
    refused = 0
    for _ in range(1500):
        content = bytearray(dice.choice(contents))
        for _ in range(dice.randint(1, 8)):
            content[dice.randrange(len(content))] = dice.choice((0, 1, 0x7F, 0xFF, 0x80))
        path.write_bytes(content)
        try:
            for page in TiffFile(path, with_texts=True).read_on():
                assert page.end() <= len(content)
                with io.FileIO(path) as file:
                    looks_unwritten(file, page)
        except CorruptFileError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("content", [b"", b"II", b"II*\0", bytes(16), b"II*\0\x08\0\0\0"])
def test_the_beginning_of_a_file_is_no_error(tmp_path: Path, content: bytes):
    path = tmp_path / "begun.tif"
    path.write_bytes(content)
    tiff = TiffFile(path)
    assert tiff.read_on() == []
    assert tiff.is_waiting


@pytest.mark.parametrize("content", [b"PNG is not TIFF", b"II\x99\0aaaaaaaaaaaa"])
def test_what_is_no_tiff_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "other.tif"
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"other\.tif"):
        TiffFile(path).read_on()


def test_directories_in_a_circle_end(tmp_path: Path):
    content = bytearray(some_tiff(False, "<", None))
    first = int.from_bytes(content[4:8], "little")
    n_tags = int.from_bytes(content[first : first + 2], "little")
    pointer = first + 2 + 12 * n_tags
    content[pointer : pointer + 4] = first.to_bytes(4, "little")
    path = tmp_path / "circle.tif"
    path.write_bytes(content)
    assert len(TiffFile(path).read_on()) == 1


def test_a_preallocated_page_is_unwritten_until_it_has_pixels(tmp_path: Path):
    path = tmp_path / "zeros.ome.tif"
    tifffile.imwrite(path, shape=(3, 64, 64), dtype=np.uint16, ome=True)
    pages = TiffFile(path).read_on()
    with io.FileIO(path) as file:
        assert [looks_unwritten(file, page) for page in pages] == [True] * 3
    stack = tifffile.memmap(path, mode="r+").reshape(3, 64, 64)
    stack[1, 63, 63] = 1
    stack.flush()
    with io.FileIO(path) as file:
        assert [looks_unwritten(file, page) for page in pages] == [True, False, True]


def test_a_growing_file_gives_each_page_once(tmp_path: Path):
    shape = Shape(fovs=("A1:0",), n_t=3)
    writer = GrowingOme(tmp_path, shape)
    tiff = None
    numbers = []
    for index in shape.indices():
        writer.write(index)
        tiff = tiff or TiffFile(ome_path(tmp_path, shape, 0))
        numbers += [page.number for page in tiff.read_on()]
    writer.close()
    assert tiff is not None
    numbers += [page.number for page in tiff.read_on()]
    assert numbers == list(range(shape.n_planes))


@pytest.mark.parametrize("axes", ["TZC", "TCZ", "ZTC", "ZCT", "CTZ", "CZT"])
def test_ome_pages_are_those_of_tifffile(tmp_path: Path, axes: str):
    sizes = {"T": 2, "Z": 3, "C": 4}
    path = tmp_path / "order.ome.tif"
    stack = np.arange(24, dtype=np.uint8).reshape([sizes[axis] for axis in axes])
    stack = np.broadcast_to(stack[..., None, None], (*stack.shape, 16, 16))
    tifffile.imwrite(path, stack, metadata={"axes": axes + "YX"}, ome=True)
    tiff = TiffFile(path)
    pages = tiff.read_on()
    ome = parse_ome_pages(pages[0].description, path.name)
    assert ome is not None
    assert ome.n_pages == 24
    for page in pages:
        place = ome.place(page.number)
        assert place is not None
        at = {"T": place.t, "Z": place.z, "C": place.channel}
        assert stack[tuple(at[axis] for axis in axes)][0, 0] == page.number
    assert ome.place(24) is None


@pytest.mark.parametrize(
    "text",
    ["", "<OME", "<OME><Image/></OME>", "<a/>", "no xml",
     '<OME><Image><Pixels SizeT="-1" SizeC="1" SizeZ="1" SizeY="1" SizeX="1"/></Image></OME>'],
)  # fmt: skip
def test_what_is_no_whole_ome_xml_is_none(text: str):
    assert parse_ome_pages(text, "a.tif") is None


def test_ten_thousand_million_announced_planes_cost_nothing():
    text = (
        '<OME><Image><Pixels DimensionOrder="XYZCT" SizeT="100000" SizeC="100" SizeZ="1000" '
        'SizeY="1" SizeX="1"><TiffData/></Pixels></Image></OME>'
    )
    ome = parse_ome_pages(text, "a.tif")
    assert ome is not None
    place = ome.place(123_456_789)
    assert place is not None
    assert (place.t, place.channel, place.z) == (1234, 56, 789)

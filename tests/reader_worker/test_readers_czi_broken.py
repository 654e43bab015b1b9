"""CZI files that are cut, half written or damaged."""

import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from readers_contract import ExpectedScene, read_all
from readers_czi_files import dimension, directory_entries, noise, put, writing

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    PlanecastError,
    UnsupportedFormatError,
)
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, ExpectedScene]:
    path = tmp_path / "small.czi"
    pixels = noise(1, 2, 2, 25, 35)
    with writing(path, "zstd") as document:
        for z, c in np.ndindex(2, 2):
            put(document, pixels[0, z, c], {"T": 0, "Z": z, "C": c})
    return path, ExpectedScene("TZCYX", pixels)


def test_a_cut_file_never_gives_wrong_pixels(small: tuple[Path, ExpectedScene]):
    path, scene = small
    content = path.read_bytes()
    for n_bytes in [*range(0, len(content), 211), len(content) - 1]:
        path.write_bytes(content[:n_bytes])
        read_all(path, [scene])
    path.write_bytes(content)
    assert read_all(path, [scene]) == (4, 0)


def test_a_file_without_sub_blocks_or_directory_is_not_yet_written(tmp_path: Path):
    path = tmp_path / "begun.czi"
    with writing(path):
        pass
    path.write_bytes(without_directory(path.read_bytes()))
    with pytest.raises(NotYetWrittenError, match="no directory yet"):
        open_reader(path)


def without_directory(content: bytes) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<q", changed, 32 + 52, 0)
    return bytes(changed)


def test_planes_are_found_where_the_directory_is_missing(small: tuple[Path, ExpectedScene]):
    path, scene = small
    path.write_bytes(without_directory(path.read_bytes()))
    assert read_all(path, [scene]) == (4, 0)
    with closing(open_reader(path)) as reader:
        assert "no directory" in reader.describe().warnings[0]
        assert "no directory" in reader.read_metadata().warnings[0]
        assert len(reader.read_planetable(None, norm_time=False)["S"]) == 4
        with pytest.raises(OutOfRangeError):
            reader.read_plane(0, {"Z": 2}, None, allocate_in_memory)


def test_a_cut_file_without_a_directory_gives_its_whole_planes(small: tuple[Path, ExpectedScene]):
    path, scene = small
    content = without_directory(path.read_bytes())
    ends = [at for at in range(len(content)) if content.startswith(b"ZISRAWSUBBLOCK", at)]
    assert len(ends) == 4
    found = []
    for n_bytes in [*(end + 8 for end in ends), len(content)]:
        path.write_bytes(content[:n_bytes])
        found.append(read_all(path, [scene])[0])
    assert found == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("compression", ["raw", "zstd"])
def test_tiles_are_painted_where_the_directory_is_missing(tmp_path: Path, compression: str):
    path = tmp_path / "mosaic.czi"
    pixels = noise(2, 3, 20, 30)
    with writing(path, compression) as document:
        for z, m in np.ndindex(2, 3):
            put(document, pixels[z, m], {"T": 0, "Z": z, "C": 0}, location=(25 * m, 4 * m))
    content = path.read_bytes()
    with closing(open_reader(path)) as reader:
        whole = [reader.read_plane(0, {"Z": z}, None, allocate_in_memory) for z in (0, 1)]
        part = reader.read_region(0, (10, 5, 41, 20), 1, {"Z": 1}, allocate_in_memory)
    path.write_bytes(without_directory(content))
    with closing(open_reader(path)) as reader:
        for z in (0, 1):
            found = reader.read_plane(0, {"Z": z}, None, allocate_in_memory)
            np.testing.assert_array_equal(found, whole[z])
        found = reader.read_region(0, (10, 5, 41, 20), 1, {"Z": 1}, allocate_in_memory)
        assert found.shape == part.shape
    last = content.rindex(b"ZISRAWSUBBLOCK")
    path.write_bytes(without_directory(content)[:last])
    with closing(open_reader(path)) as reader:
        reader.read_plane(0, {}, None, allocate_in_memory)
        with pytest.raises(NotYetWrittenError, match="2 of 3 tiles"):
            reader.read_plane(0, {"Z": 1}, None, allocate_in_memory)


def test_a_plane_whose_pixels_were_cut_is_not_yet_written(tmp_path: Path):
    """The directory is there, as when a file is preallocated; the last plane is not."""
    path = tmp_path / "moved.czi"
    pixels = noise(25, 35)
    with writing(path) as document:
        put(document, pixels, {"T": 0, "Z": 0, "C": 0})
        put(document, pixels, {"T": 0, "Z": 1, "C": 0})
    content = bytearray(path.read_bytes())
    struct.pack_into("<q", content, directory_entries(content)[1] + 6, len(content) - 16)
    path.write_bytes(content)
    reader = open_reader(path)
    assert "1 of its 2 sub-blocks lie beyond its end" in reader.describe().warnings[0]
    np.testing.assert_array_equal(reader.read_plane(0, {"Z": 0}, None, allocate_in_memory), pixels)
    with pytest.raises(NotYetWrittenError, match="bytes are there"):
        reader.read_plane(0, {"Z": 1}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize("value", [-1, 0, 10**6, 2**31 - 1])
def test_an_absurd_number_of_dimensions_is_refused(small: tuple[Path, ExpectedScene], value: int):
    """−1 makes libCZI end the process."""
    path, _ = small
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, directory_entries(content)[0] + 28, value)
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match="dimensions"):
        open_reader(path)


@pytest.mark.parametrize(
    ("letter", "offset", "value"),
    [
        ("X", 8, -5),
        ("X", 8, 0),
        ("X", 8, 2**31 - 1),
        ("Y", 16, -1),
        ("Y", 4, 2**31 - 1000),
        ("X", 4, -(2**31)),
        ("Z", 4, -7),
        ("Z", 4, 2**25),
        ("C", 4, 5000),
        ("Z", 0, int.from_bytes(b"Q", "little")),
        ("Z", 0, int.from_bytes(b"X", "little")),
    ],
)
def test_an_absurd_dimension_is_refused(
    small: tuple[Path, ExpectedScene], letter: str, offset: int, value: int
):
    path, _ = small
    content = bytearray(path.read_bytes())
    entry = directory_entries(content)[1]
    struct.pack_into("<i", content, dimension(content, entry, letter) + offset, value)
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match="sub-block 1"):
        open_reader(path)


@pytest.mark.parametrize(
    ("offset", "value", "error"),
    [(2, 99, CorruptFileError), (2, 10, UnsupportedFormatError), (18, 77, UnsupportedFormatError)],
)
def test_unknown_pixel_types_and_compressions_are_refused(
    small: tuple[Path, ExpectedScene], offset: int, value: int, error: type[PlanecastError]
):
    path, _ = small
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, directory_entries(content)[0] + offset, value)
    path.write_bytes(content)
    with pytest.raises(error), closing(open_reader(path)) as reader:
        reader.read_plane(0, {}, None, allocate_in_memory)


@pytest.mark.parametrize("count", [-1, 2**31 - 1])
def test_an_absurd_number_of_sub_blocks_is_refused(small: tuple[Path, ExpectedScene], count: int):
    path, _ = small
    content = bytearray(path.read_bytes())
    (position,) = struct.unpack_from("<q", content, 32 + 52)
    struct.pack_into("<i", content, position + 32, count)
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match="sub-blocks"):
        open_reader(path)


def test_damaged_metadata_leaves_the_pixels(small: tuple[Path, ExpectedScene]):
    path, scene = small
    content = path.read_bytes()
    path.write_bytes(content.replace(b"<ImageDocument", b"<\0mageDocumen\xff"))
    reader = open_reader(path)
    assert reader.describe().warnings
    reader.close()
    assert read_all(path, [scene]) == (4, 0)


def test_a_file_without_pixels_says_so(tmp_path: Path):
    path = tmp_path / "none.czi"
    with writing(path):
        pass
    with pytest.raises(NoDataError, match="no pixels"):
        open_reader(path)

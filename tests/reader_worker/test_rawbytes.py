"""Pixels that lie in a file as they do in memory: cut, read by several threads, and all there."""

from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import numpy as np
import pytest

from planecast_protocol.errors import NotYetWrittenError
from planecast_reader.readers import rawbytes
from planecast_reader.readers.rawbytes import _MIN_PART_BYTES, _cut, read_into

SIZES = [1, 4096, 1 << 20, (1 << 20) + 1, 1_500_000, 3 << 20, 8 << 20, (32 << 20) - 7]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[Path, FileIO]]:
    path = tmp_path / "pixels.raw"
    np.random.default_rng(1).integers(0, 255, 9 << 20, np.uint8).tofile(path)
    with FileIO(path) as opened:
        yield path, opened


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("n_bytes", SIZES)
def test_parts_follow_one_another_and_none_is_small(n_bytes: int, n_threads: int) -> None:
    parts = _cut(n_bytes, n_threads)
    starts, ends = zip(*parts, strict=True)
    assert (starts[0], ends[-1]) == (0, n_bytes)
    assert starts[1:] == ends[:-1]
    if len(parts) > 1:
        sizes = [end - start for start, end in parts]
        assert min(sizes) >= _MIN_PART_BYTES
        assert sizes[-1] >= sizes[-2]
        assert sizes[:-1] == sorted(sizes[:-1], reverse=True)


@pytest.mark.parametrize("n_bytes", [n for n in SIZES if n <= 8 << 20])
def test_all_bytes_are_read_in_one_piece_or_several(
    file: tuple[Path, FileIO], n_bytes: int
) -> None:
    path, opened = file
    whole = np.fromfile(path, np.uint8)
    out = np.zeros(n_bytes, np.uint8)
    read_into(path, opened, [(77, n_bytes)], out)
    np.testing.assert_array_equal(out, whole[77 : 77 + n_bytes])
    half = n_bytes // 2
    out[:] = 0
    read_into(path, opened, [(1000, half), (5, n_bytes - half)], out)
    np.testing.assert_array_equal(out[:half], whole[1000 : 1000 + half])
    np.testing.assert_array_equal(out[half:], whole[5 : 5 + n_bytes - half])


@pytest.mark.parametrize("segments", [[(0, 9 << 20)], [(8 << 20, 2 << 20)], [(0, 100), (500, 7)]])
def test_what_is_too_short_is_not_yet_written(
    file: tuple[Path, FileIO], segments: list[tuple[int, int]]
) -> None:
    path, opened = file
    out = np.zeros(sum(count for _, count in segments) + 1, np.uint8)
    with pytest.raises(NotYetWrittenError, match=r"pixels\.raw"):
        read_into(path, opened, segments, out)


def test_listener_hears_once_of_each_array_before_it_is_full(file: tuple[Path, FileIO]) -> None:
    path, opened = file
    heard: list[int] = []
    rawbytes.when_nearly_read(lambda out: heard.append(out.nbytes))
    try:
        for n_bytes in SIZES[:-1]:
            read_into(path, opened, [(0, n_bytes)], np.zeros(n_bytes, np.uint8))
    finally:
        rawbytes.when_nearly_read(None)
    assert heard == SIZES[:-1]

"""CZI files read with czifile, and compared with the other readers of CZI."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from readers_contract import Example, ExpectedScene, ReaderContract, data_folder
from readers_czi_files import noise, put, writing

from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader
from planecast_reader.readers.czi.reader import CziReader
from planecast_reader.readers.registry import how_to_install, is_good, reader_class
from planecast_reader.readers.table import TABLE

READER = next(r for one in TABLE if one.name == "czi" for r in one.readers if r.name == "czifile")
MAX_PLANES = 12
"""Of one scene: the planes of a file are much alike."""

needs_czifile = pytest.mark.skipif(
    not all(is_good(library) for library in READER.libraries),
    reason=f"not installed: {how_to_install(READER.libraries[0])} (Python 3.12 or later)",
)


@needs_czifile
class TestCzifile(ReaderContract):
    """T, Z, C of two pixel types, compressed and not."""

    @pytest.fixture(params=["raw", "zstd"])
    def example(
        self, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Example:
        monkeypatch.setenv("PLANECAST_READER_CZI", "czifile")
        path = tmp_path / "stack.czi"
        pixels = noise(2, 3, 2, 31, 45)
        missing = {"T": 1, "Z": 2, "C": 1}
        with writing(path, request.param) as document:
            for t, z, c in np.ndindex(2, 3, 2):
                index = {"T": t, "Z": z, "C": c}
                if index != missing:
                    put(document, pixels[t, z, c], index)
        return Example(path, [ExpectedScene("TZCYX", pixels, [missing])])

    def test_the_library_is_told(self, reader: PlaneReader):
        assert reader.describe().reader.startswith("czifile 20")


def czi_files() -> list[Path]:
    return sorted((data_folder() / "czi").glob("*.czi"))


@pytest.fixture
def both(czi_path: Path) -> Iterator[tuple[CziReader, CziReader]]:
    other = reader_class(READER)(czi_path)
    assert isinstance(other, CziReader)
    with closing(open_reader(czi_path)) as one, closing(other):
        assert isinstance(one, CziReader)
        yield one, other


def planes_of(reader: CziReader) -> Iterator[tuple[int, dict[str, int]]]:
    for number, scene in enumerate(reader.describe().scenes):
        axes = [axis for axis in scene.sizes if axis not in "YXS"]
        ranges = (range(scene.sizes[axis]) for axis in axes)
        for values in itertools.islice(itertools.product(*ranges), MAX_PLANES):
            yield number, dict(zip(axes, values, strict=True))


def decoded(reader: CziReader, scene: int, index: dict[str, int]) -> np.ndarray[Any, Any]:
    """Have the library decode a plane, also one that could be copied out of the file."""
    found, blocks = reader._plane(scene, index)
    return reader._compose(found, blocks, found.rectangle, 0, allocate_in_memory)


@pytest.mark.parametrize("czi_path", czi_files(), ids=lambda path: path.stem)
def test_our_own_parser_and_pylibczirw_read_the_same_planes(czi_path: Path):
    n_copied = 0
    with closing(CziReader(czi_path)) as reader:
        for scene, index in planes_of(reader):
            own = reader.read_plane(scene, index, None, allocate_in_memory)
            np.testing.assert_array_equal(decoded(reader, scene, index), own, str(index))
            n_copied += 1
    assert n_copied


@needs_czifile
@pytest.mark.parametrize("czi_path", czi_files(), ids=lambda path: path.stem)
def test_czifile_and_pylibczirw_read_the_same(both: tuple[CziReader, CziReader]):
    one, other = both
    scenes = one.describe().scenes
    assert other.describe().scenes == scenes
    for scene, index in planes_of(one):
        expected = decoded(one, scene, index)
        np.testing.assert_array_equal(decoded(other, scene, index), expected, str(index))
        for tile in scenes[scene].tiles:
            expected = one.read_tile(scene, tile.tile, index, allocate_in_memory)
            found = other.read_tile(scene, tile.tile, index, allocate_in_memory)
            np.testing.assert_array_equal(found, expected, f"{index} tile {tile.tile}")

"""CZI files, written by the tests with pylibCZIrw."""

import struct
from pathlib import Path

import numpy as np
import pytest
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_czi_files import dimension, directory_entries, noise, put, writing

from planecast_protocol.errors import (
    OutOfRangeError,
    TooLargeError,
)
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader
from planecast_reader.readers.czi.reader import CziReader
from planecast_reader.readers.czi.tiles import TileReader


@pytest.fixture(params=["raw", "zstd"])
def compression(request: pytest.FixtureRequest) -> str:
    return request.param


class TestStack(ReaderContract):
    """T, Z, C, with rows that are no multiple of 4 bytes."""

    @pytest.fixture(params=["u1", "u2"])
    def example(self, tmp_path: Path, compression: str, request: pytest.FixtureRequest) -> Example:
        pixels = noise(2, 3, 2, 31, 43, dtype=request.param)
        path = tmp_path / "stack.czi"
        with writing(path, compression) as document:
            for t, z, c in np.ndindex(2, 3, 2):
                put(document, pixels[t, z, c], {"T": t, "Z": z, "C": c})
        return Example(path, [ExpectedScene("TZCYX", pixels)])


class TestColours(ReaderContract):
    """RGB: the file has B, G, R."""

    @pytest.fixture(params=["u1", "u2"])
    def example(self, tmp_path: Path, compression: str, request: pytest.FixtureRequest) -> Example:
        pixels = noise(1, 2, 1, 31, 43, 3, dtype=request.param)
        path = tmp_path / "colours.czi"
        with writing(path, compression) as document:
            for z in range(2):
                put(document, pixels[0, z, 0], {"T": 0, "Z": z, "C": 0})
        return Example(path, [ExpectedScene("TZCYXS", pixels)])


class TestScenesThatGrow(ReaderContract):
    """A later scene is larger than the first, and lies far away from it."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "scenes.czi"
        sizes = [(20, 30), (64, 48), (33, 91)]
        scenes = [ExpectedScene("TZCYX", noise(1, 1, 2, *size)) for size in sizes]
        with writing(path, compression) as document:
            for number, scene in enumerate(scenes):
                for c in range(2):
                    put(
                        document,
                        scene.pixels[0, 0, c],
                        {"T": 0, "Z": 0, "C": c},
                        scene=number,
                        location=(90_000 * number - 500, -200 * number),
                    )
        return Example(path, scenes)


class TestScenesInOnePlace(ReaderContract):
    """Two scenes whose rectangles coincide."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "coincide.czi"
        pixels = noise(2, 1, 1, 1, 25, 35)
        with writing(path, compression) as document:
            for number in range(2):
                put(document, pixels[number, 0, 0, 0], {"T": 0, "Z": 0, "C": 0}, scene=number)
        return Example(path, [ExpectedScene("TZCYX", scene) for scene in pixels])


class TestTimeStartsAtFive(ReaderContract):
    """A file cut out of a longer one: its T is 5 to 6, its Z is 3."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "later.czi"
        pixels = noise(2, 1, 2, 25, 35)
        with writing(path, compression) as document:
            for t, _, c in np.ndindex(2, 1, 2):
                put(document, pixels[t, 0, c], {"T": 5 + t, "Z": 3, "C": c})
        return Example(path, [ExpectedScene("TZCYX", pixels)])

    def test_the_starts_are_told(self, reader: PlaneReader):
        assert reader.describe().scenes[0].starts == {"T": 5, "Z": 3}


class TestStoppedAcquisition(ReaderContract):
    """Planes are missing, of which pylibCZIrw says nothing and gives zeros."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "stopped.czi"
        pixels = noise(3, 2, 2, 25, 35)
        missing = [{"T": 2, "Z": 0, "C": 1}, {"T": 2, "Z": 1, "C": 0}, {"T": 0, "Z": 1, "C": 1}]
        with writing(path, compression) as document:
            for t, z, c in np.ndindex(3, 2, 2):
                if {"T": t, "Z": z, "C": c} not in missing:
                    put(document, pixels[t, z, c], {"T": t, "Z": z, "C": c})
        return Example(path, [ExpectedScene("TZCYX", pixels, missing)])


class TestPhases(ReaderContract):
    """The H axis, which must be named to libCZI."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "phases.czi"
        pixels = noise(5, 1, 2, 1, 25, 35)
        with writing(path, compression) as document:
            for h, _, z, _ in np.ndindex(5, 1, 2, 1):
                put(document, pixels[h, 0, z, 0], {"T": h, "Z": z, "C": 0})
        # The writer drops H, so its T becomes H.
        content = bytearray(path.read_bytes())
        for entry in directory_entries(content):
            (sub_block,) = struct.unpack_from("<q", content, entry + 6)
            for place in (entry, sub_block + 32 + 16):
                at = dimension(content, place, "T")
                content[at : at + 4] = b"H\0\0\0"
        path.write_bytes(content)
        return Example(path, [ExpectedScene("HTZCYX", pixels)])


class TestMosaic(ReaderContract):
    """Tiles of unequal sizes, the first the smallest, on two scenes and two channels."""

    TILES = ((0, 0, 20, 30), (30, 0, 41, 30), (0, 30, 71, 25))
    """x, y, width, height."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "mosaic.czi"
        pixels = np.zeros((2, 1, 1, 2, 55, 71), np.uint16)
        whole = noise(2, 1, 1, 2, 55, 71)
        with writing(path, compression) as document:
            for scene, c in np.ndindex(2, 2):
                for x, y, width, height in self.TILES:
                    part = np.s_[scene, 0, 0, c, y : y + height, x : x + width]
                    pixels[part] = whole[part]
                    put(
                        document,
                        whole[part],
                        {"T": 0, "Z": 0, "C": c},
                        scene=scene,
                        location=(x - 100, y + 7 + 1000 * scene),
                    )
        return Example(path, [ExpectedScene("TZCYX", scene) for scene in pixels])

    def test_each_tile_is_as_it_was_written(self, example: Example, reader: PlaneReader):
        for number, scene in enumerate(reader.describe().scenes):
            assert [tile.tile for tile in scene.tiles] == [0, 1, 2]
            for tile, (x, y, width, height) in zip(scene.tiles, self.TILES, strict=True):
                assert (tile.x, tile.y) == (x - 100, y + 7 + 1000 * number)
                assert (tile.width, tile.height) == (width, height)
                for c in range(2):
                    np.testing.assert_array_equal(
                        reader.read_tile(number, tile.tile, {"C": c}, allocate_in_memory),
                        example.scenes[number].pixels[0, 0, c, y : y + height, x : x + width],
                    )

    def test_a_tile_beyond_the_last_is_out_of_range(self, reader: PlaneReader):
        with pytest.raises(OutOfRangeError, match="tile 3"):
            reader.read_tile(0, 3, {}, allocate_in_memory)

    def test_a_level_has_half_the_size(self, reader: PlaneReader):
        half = reader.read_region(0, (0, 0, 40, 30), 1, {}, allocate_in_memory)
        assert half.shape == (15, 20)
        assert half.any()

    def test_the_planetable_has_a_row_a_tile(self, reader: PlaneReader):
        table = reader.read_planetable(None, norm_time=False)
        assert table["S"] == [0] * 6 + [1] * 6
        assert table["M"] == [0, 0, 1, 1, 2, 2] * 2
        assert table["C"] == [0, 1] * 6
        assert table["width"][:6:2] == [20, 41, 71]
        assert table["Time[s]"] == [None] * 12
        one = reader.read_planetable(1, norm_time=True)
        assert one["ystart"] == table["ystart"][6:]


class TestOverlap(ReaderContract):
    """Tiles overlap: composed, the later one lies on top; alone, each is whole."""

    @pytest.fixture
    def example(self, tmp_path: Path, compression: str) -> Example:
        path = tmp_path / "overlap.czi"
        tiles = noise(2, 40, 50)
        pixels = np.zeros((1, 1, 1, 40, 90), np.uint16)
        with writing(path, compression) as document:
            for number, tile in enumerate(tiles):
                pixels[0, 0, 0, :, 40 * number : 40 * number + 50] = tile
                put(document, tile, {"T": 0, "Z": 0, "C": 0}, location=(40 * number, 0))
        return Example(path, [ExpectedScene("TZCYX", pixels)])

    def test_a_tile_is_whole_beneath_another(self, reader: PlaneReader):
        for number, tile in enumerate(noise(2, 40, 50)):
            np.testing.assert_array_equal(reader.read_tile(0, number, {}, allocate_in_memory), tile)


def test_channels_of_unlike_types_keep_them(tmp_path: Path, compression: str):
    path = tmp_path / "types.czi"
    planes = [noise(25, 35), noise(25, 35, dtype="u1"), noise(25, 35, dtype="f4")]
    with writing(path, compression, channel_names={0: "DAPI", 1: "mask", 2: "ratio"}) as document:
        for c, plane in enumerate(planes):
            put(document, plane, {"T": 0, "Z": 0, "C": c})
    reader = open_reader(path)
    scene = reader.describe().scenes[0]
    assert [channel.name for channel in scene.channels] == ["DAPI", "mask", "ratio"]
    assert [channel.dtype for channel in scene.channels] == [None, "|u1", "<f4"]
    for c, plane in enumerate(planes):
        found = reader.read_plane(0, {"C": c}, None, allocate_in_memory)
        np.testing.assert_array_equal(found, plane)
        assert found.dtype == plane.dtype
    reader.close()


def test_a_plane_3101_pixels_wide_reads_right(tmp_path: Path, compression: str):
    """The writer cuts it into tiles; aicspylibczi ends the process on it."""
    path = tmp_path / "wide.czi"
    pixels = noise(3101, 3101)
    with writing(path, compression) as document:
        put(document, pixels, {"T": 0, "Z": 0, "C": 0})
    reader = open_reader(path)
    scene = reader.describe().scenes[0]
    np.testing.assert_array_equal(reader.read_plane(0, {}, None, allocate_in_memory), pixels)
    assert len(scene.tiles) > 1
    for tile in scene.tiles:
        part = reader.read_tile(0, tile.tile, {}, allocate_in_memory)
        np.testing.assert_array_equal(
            part, pixels[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        )
    assert [level.width for level in scene.levels] == [3101, 1550, 775, 387]
    reader.close()


def test_both_ways_to_a_tile_give_the_same_bits(tmp_path: Path):
    """With aicspylibczi where it is safe, and without."""
    path = tmp_path / "tiles.czi"
    with writing(path, "zstd") as document:
        for number, tile in enumerate(noise(4, 40, 50)):
            put(document, tile, {"T": 0, "Z": 0, "C": 0}, location=(50 * number, 0))
    reader = CziReader(path)
    tiles = [
        TileReader(path, reader._file, reader._blocks, reader.open_decoder, use_aics=use)
        for use in (False, True)
    ]
    for block in reader._blocks:
        assert tiles[1].is_safe_for_aics(block)
        without, with_aics = (one.read(block, allocate_in_memory) for one in tiles)
        np.testing.assert_array_equal(without, with_aics)
    for one in tiles:
        one.close()
    reader.close()


def test_a_tile_larger_than_the_first_never_reaches_aicspylibczi(tmp_path: Path):
    path = tmp_path / "unequal.czi"
    with writing(path, "zstd") as document:
        put(document, noise(20, 20), {"T": 0, "Z": 0, "C": 0})
        put(document, noise(40, 40), {"T": 0, "Z": 0, "C": 0}, location=(20, 0))
    reader = CziReader(path)
    tiles = TileReader(path, reader._file, reader._blocks, reader.open_decoder)
    assert [tiles.is_safe_for_aics(block) for block in reader._blocks] == [True, False]
    reader.close()


def test_pixel_sizes_and_names_are_told(tmp_path: Path):
    path = tmp_path / "named.czi"
    sizes = {"scale_x": 0.325e-6, "scale_y": 0.325e-6, "scale_z": 1.5e-6}
    with writing(path, "raw", channel_names={0: "BF"}, **sizes) as document:
        put(document, noise(20, 30), {"T": 0, "Z": 0, "C": 0})
    reader = open_reader(path)
    info = reader.describe()
    assert info.scenes[0].pixel_size_um == pytest.approx({"x": 0.325, "y": 0.325, "z": 1.5})
    metadata = reader.read_metadata()
    assert metadata.scenes[0].channels[0].name == "BF"
    assert "Metadata" in metadata.vendor["document"]
    reader.close()


def test_an_uncalibrated_size_is_none(tmp_path: Path):
    path = tmp_path / "uncalibrated.czi"
    with writing(path) as document:
        put(document, noise(20, 30), {"T": 0, "Z": 0, "C": 0})
    reader = open_reader(path)
    assert reader.describe().scenes[0].pixel_size_um == {"x": None, "y": None, "z": None}
    reader.close()


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path, compression: str):
    path = tmp_path / "bad\udcff.czi"
    plain = tmp_path / "plain.czi"
    pixels = noise(20, 30)
    with writing(plain, compression) as document:
        put(document, pixels, {"T": 0, "Z": 0, "C": 0})
    plain.rename(path)
    reader = open_reader(path)
    np.testing.assert_array_equal(reader.read_plane(0, {}, None, allocate_in_memory), pixels)
    np.testing.assert_array_equal(reader.read_tile(0, 0, {}, allocate_in_memory), pixels)
    reader.close()


def test_a_scene_too_large_is_refused_and_its_regions_are_read(tmp_path: Path):
    path = tmp_path / "apart.czi"
    pixels = noise(20, 30)
    with writing(path) as document:
        put(document, pixels, {"T": 0, "Z": 0, "C": 0})
        put(document, pixels, {"T": 0, "Z": 0, "C": 0}, location=(90_000, 90_000))
    reader = open_reader(path)
    with pytest.raises(TooLargeError, match="regions"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    np.testing.assert_array_equal(
        reader.read_region(0, (90_000, 90_000, 30, 20), 0, {}, allocate_in_memory), pixels
    )
    with pytest.raises(OutOfRangeError, match="outside"):
        reader.read_region(0, (90_030, 0, 30, 20), 0, {}, allocate_in_memory)
    reader.close()

"""OME-Zarr, in zarr version 2 and 3: images, plates, series, plain arrays; whole and damaged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from malformed_rig import find_maker, make_cases
from open_apart import open_apart
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_truth_rig import check_random_reads, check_truth, truth_of
from readers_zarr_files import noise, remove_chunks, write_image, write_plate

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    TooLargeError,
    UnsupportedFormatError,
)
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader, recognise

FORMATS = (2, 3)
both = pytest.mark.parametrize("zarr_format", FORMATS)
OMERO = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "#00ff00"}]}

FIELDS_OF_PLATES = {"E/07/0": "E07:0", "E/08/0": "E08:0", "E/07/1": "E07:1"}
"""The truth has paths; our scenes are called well:field."""


def named_as_ours(entry: dict[str, Any]) -> dict[str, Any]:
    scenes = [
        scene | {"name": FIELDS_OF_PLATES.get(scene["name"], scene["name"])}
        for scene in entry["scenes"]
    ]
    return entry | {"scenes": scenes}


@pytest.mark.parametrize("entry", truth_of("zarr/"))
def test_the_store_is_as_the_reference_says(entry: dict[str, Any], readers_data: Path):
    check_truth(readers_data, named_as_ours(entry))


def test_random_reads_of_four_clients_are_right(readers_data: Path):
    check_random_reads(sorted((readers_data / "zarr").glob("*.zarr")))


# ---------------------------------------------------------------- what the tests write


class TestImage(ReaderContract):
    """Five axes, three levels, planes of several chunks."""

    @pytest.fixture(params=FORMATS)
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        pixels = noise(2, 2, 3, 41, 37)
        write_image(tmp_path / "a.zarr", pixels, "tczyx", request.param, n_levels=3, omero=OMERO)
        assert remove_chunks(tmp_path / "a.zarr" / "0", "1.0.2.") == 9
        missing = [{"T": 1, "C": 0, "Z": 2}]
        return Example(tmp_path / "a.zarr", [ExpectedScene("TCZYX", pixels, missing)])

    def test_units_become_micrometres_and_seconds(self, reader: PlaneReader):
        assert reader.describe().scenes[0].pixel_size_um == pytest.approx(
            {"x": 0.65, "y": 0.65, "z": 1.5}
        )
        assert reader.read_metadata().scenes[0].time_interval_s == 30

    def test_channels_have_names_and_colours(self, reader: PlaneReader):
        channels = reader.describe().scenes[0].channels
        assert [(one.name, one.color) for one in channels] == [
            ("DAPI", "#0000ff"),
            ("GFP", "#00ff00"),
        ]

    def test_regions_of_levels_are_read(self, example: Example, reader: PlaneReader):
        levels = reader.describe().scenes[0].levels
        assert [(level.width, level.height) for level in levels] == [(37, 41), (19, 21), (10, 11)]
        plane = example.scenes[0].plane({"T": 0, "C": 1, "Z": 2})
        part = reader.read_region(0, (8, 12, 16, 20), 1, {"C": 1, "Z": 2}, allocate_in_memory)
        np.testing.assert_array_equal(part, plane[::2, ::2][6:16, 4:12])
        with pytest.raises(OutOfRangeError, match="no level 3"):
            reader.read_region(0, (0, 0, 4, 4), 3, {}, allocate_in_memory)


class TestShards(ReaderContract):
    """A shard holds all planes of a time point; missing ones are seen in its table."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(2, 3, 32, 32)
        pixels[1, 2] = 0
        write_image(
            tmp_path / "a.zarr", pixels, "tzyx", 3, chunks=(1, 1, 16, 16), shards=(1, 3, 32, 32)
        )
        # Chunks of the fill value are left out of the shard by its writer.
        missing = [{"T": 1, "Z": 2}]
        return Example(tmp_path / "a.zarr", [ExpectedScene("TZYX", pixels, missing)])


class TestPlate(ReaderContract):
    """Wells with several fields."""

    @pytest.fixture(params=FORMATS)
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        pixels = noise(4, 2, 20, 24)
        paths = ("A/1/0", "A/1/1", "B/02/0", "B/02/7")
        write_plate(tmp_path / "p.zarr", dict(zip(paths, pixels, strict=True)), request.param)
        return Example(tmp_path / "p.zarr", [ExpectedScene("CYX", one) for one in pixels])

    def test_fields_are_called_after_their_wells(self, reader: PlaneReader):
        names = [scene.name for scene in reader.describe().scenes]
        assert names == ["A1:0", "A1:1", "B02:0", "B02:7"]
        wells = [scene.well for scene in reader.read_metadata().scenes]
        assert wells == ["A1", "A1", "B02", "B02"]


class TestSeries(ReaderContract):
    """The layout of bioformats2raw, big-endian, uncompressed."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        root = zarr.open_group(tmp_path / "s.zarr", mode="w", zarr_format=2)
        root.attrs["bioformats2raw.layout"] = 3
        scenes = []
        for number in range(3):
            pixels = noise(2, 10 + number, 12, dtype=">u2")
            path = tmp_path / "s.zarr" / str(number)
            write_image(path, pixels, "zyx", 2, compressors=None)
            scenes.append(ExpectedScene("ZYX", pixels))
        return Example(tmp_path / "s.zarr", scenes)


class TestPlainArray(ReaderContract):
    """An array without OME's attributes: axes without names are numbered."""

    @pytest.fixture(params=FORMATS)
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        pixels = noise(2, 3, 10, 12).astype("float32")
        zarr.save_array(tmp_path / "plain", pixels, zarr_format=request.param)
        scene = ExpectedScene("TZYX", pixels)
        if request.param == 3:
            document = tmp_path / "plain" / "zarr.json"
            facts = json.loads(document.read_text()) | {"dimension_names": ["t", "z", "y", "x"]}
            document.write_text(json.dumps(facts))
        else:
            attributes = {"_ARRAY_DIMENSIONS": ["t", "z", "y", "x"]}
            (tmp_path / "plain" / ".zattrs").write_text(json.dumps(attributes))
        return Example(tmp_path / "plain", [scene])


class TestTurnedAxes(ReaderContract):
    """x before y, and z last: planes are turned."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(3, 10, 12)
        turned = pixels.transpose(2, 1, 0)
        write_image(tmp_path / "a.zarr", np.ascontiguousarray(turned), "xyz", 3)
        return Example(tmp_path / "a.zarr", [ExpectedScene("ZYX", pixels)])


def test_axes_without_names_are_numbered(tmp_path: Path):
    zarr.save_array(tmp_path / "plain", noise(2, 3, 10, 12))
    reader = open_reader(tmp_path / "plain")
    scene = reader.describe().scenes[0]
    reader.close()
    assert scene.sizes == {"D0": 2, "D1": 3, "Y": 10, "X": 12}
    assert scene.pixel_size_um == {"x": None, "y": None, "z": None}


def test_a_level_that_is_coarser_in_z_is_asked_by_the_full_z(tmp_path: Path):
    pixels = noise(4, 8, 8)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("0", data=pixels)
    group.create_array("1", data=pixels[::2, ::2, ::2])
    axes = [{"name": name} for name in "zyx"]
    datasets = [{"path": "0"}, {"path": "1"}]
    group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": datasets}]}
    reader = open_reader(tmp_path / "a.zarr")
    part = reader.read_region(0, (0, 0, 8, 8), 1, {"Z": 3}, allocate_in_memory)
    reader.close()
    np.testing.assert_array_equal(part, pixels[2, ::2, ::2])


# ---------------------------------------------------------------- while it is written


def test_a_plane_of_a_running_acquisition_is_not_yet_written(tmp_path: Path):
    path = tmp_path / "a.zarr"
    squid = {"_squid": {"acquisition_complete": False}}
    write_image(path, noise(2, 20, 20), "zyx", 3, more=squid)
    remove_chunks(path / "0", "1.")
    reader = open_reader(path)
    with pytest.raises(NotYetWrittenError, match="no chunk"):
        reader.read_plane(0, {"Z": 1}, None, allocate_in_memory)
    reader.close()


@both
def test_a_plane_of_which_some_chunks_are_there_is_read(tmp_path: Path, zarr_format: int):
    pixels = noise(20, 20)
    pixels[:16, :16] = 0
    write_image(tmp_path / "a.zarr", pixels, "yx", zarr_format)
    assert remove_chunks(tmp_path / "a.zarr" / "0", "0.0") == 0, "it was never written"
    reader = open_reader(tmp_path / "a.zarr")
    plane = reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()
    np.testing.assert_array_equal(plane, pixels)


@both
def test_fields_that_are_announced_are_no_scenes_until_they_are_there(
    tmp_path: Path, zarr_format: int
):
    pixels = noise(3, 1, 8, 8)
    paths = ("A/1/0", "A/1/1", "A/2/0")
    write_plate(tmp_path / "p.zarr", dict(zip(paths, pixels, strict=True)), zarr_format)
    (tmp_path / "p.zarr" / "A" / "1" / "1").rename(tmp_path / "kept")
    (tmp_path / "p.zarr" / "A" / "2").rename(tmp_path / "kept too")
    reader = open_reader(tmp_path / "p.zarr")
    info = reader.describe()
    reader.close()
    assert [scene.name for scene in info.scenes] == ["A1:0"]
    assert info.warnings == ["2 images are announced and not there, A/1/1 first"]


def test_a_damaged_field_keeps_its_number_and_is_told(tmp_path: Path):
    pixels = noise(3, 1, 8, 8)
    paths = ("A/1/0", "A/1/1", "A/2/0")
    write_plate(tmp_path / "p.zarr", dict(zip(paths, pixels, strict=True)), 3)
    document = tmp_path / "p.zarr" / "A" / "1" / "1" / "0" / "zarr.json"
    document.write_text(document.read_text()[:50])
    reader = open_reader(tmp_path / "p.zarr")
    info = reader.describe()
    assert [scene.sizes["X"] for scene in info.scenes] == [8, 0, 8]
    assert "not whole" in info.warnings[0]
    np.testing.assert_array_equal(reader.read_plane(2, {}, None, allocate_in_memory), pixels[2, 0])
    with pytest.raises(NotYetWrittenError):
        reader.read_plane(1, {}, None, allocate_in_memory)
    reader.close()


def test_a_folder_that_will_be_a_store_is_not_yet_written(tmp_path: Path):
    (tmp_path / "new.zarr").mkdir()
    with pytest.raises(NotYetWrittenError):
        open_reader(tmp_path / "new.zarr")


# ---------------------------------------------------------------- damaged and hostile


def changed(tmp_path: Path, **changes: Any) -> Path:
    """Write a store whose array declares other things than it has."""
    path = tmp_path / "a.zarr"
    write_image(path, noise(2, 20, 20), "zyx", 3)
    document = path / "0" / "zarr.json"
    document.write_text(json.dumps(json.loads(document.read_text()) | changes))
    return path


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"shape": [2, 10**9, 10**9]}, TooLargeError),
        ({"shape": [-1, 20, 20]}, CorruptFileError),
        ({"shape": [2, 20]}, CorruptFileError),
        ({"shape": "many"}, CorruptFileError),
        ({"shape": [2, 0, 20]}, NoDataError),
        ({"data_type": "string"}, UnsupportedFormatError),
        ({"codecs": [{"name": "nosuch"}]}, UnsupportedFormatError),
        ({"chunk_grid": {"name": "rectangular"}}, UnsupportedFormatError),
        ({"node_type": "group"}, NotYetWrittenError),
    ],
    ids=str,
)
def test_what_can_t_be_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception]
):
    path = changed(tmp_path, **changes)
    with pytest.raises(error, match=str(path)):
        open_reader(path).read_plane(0, {}, None, allocate_in_memory)


def test_chunks_larger_than_memory_are_refused(tmp_path: Path):
    grid = {"name": "regular", "configuration": {"chunk_shape": [1, 200_000, 200_000]}}
    with pytest.raises(TooLargeError, match="chunks"):
        open_reader(changed(tmp_path, chunk_grid=grid))


@pytest.mark.parametrize("place", ["../b", "/etc", "link"])
def test_arrays_outside_of_the_store_are_not_opened(tmp_path: Path, place: str):
    write_image(tmp_path / "b", noise(8, 8), "yx", 2)
    path = tmp_path / "a.zarr"
    write_image(path, noise(8, 8), "yx", 2)
    (path / "link").symlink_to(tmp_path / "b")
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = place
    (path / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(CorruptFileError, match="outside"):
        open_reader(path)


def test_pickled_values_are_never_loaded(tmp_path: Path):
    path = tmp_path / "a.zarr"
    write_image(path, noise(8, 8), "yx", 2)
    document = path / "0" / ".zarray"
    facts = json.loads(document.read_text())
    document.write_text(json.dumps(facts | {"filters": [{"id": "pickle", "protocol": 5}]}))
    with pytest.raises(UnsupportedFormatError, match="pickled"):
        open_reader(path)


@both
def test_a_damaged_chunk_is_corrupt(tmp_path: Path, zarr_format: int):
    path = tmp_path / "a.zarr"
    write_image(path, noise(20, 20), "yx", zarr_format)
    for chunk in (path / "0").rglob("*"):
        if chunk.is_file() and "zarr" not in chunk.name:
            chunk.write_bytes(chunk.read_bytes()[:10])
    with pytest.raises(CorruptFileError, match="decoded"):
        open_reader(path).read_plane(0, {}, None, allocate_in_memory)


def test_each_malformed_store_ends_in_an_error_of_ours_or_in_pixels(
    tmp_path: Path, readers_data: Path
):
    maker = find_maker()
    if maker is None:
        pytest.skip("no program that makes malformed files; set PLANECAST_TEST_TOOLS")
    cases = make_cases(maker, readers_data, tmp_path / "bad")
    chosen = [case.path for case in cases if case.kind == "zarr"]
    outcomes = dict(zip((path.name for path in chosen), open_apart(*chosen), strict=True))
    assert len(outcomes) == 19
    ours = {"NotYetWrittenError", "CorruptFileError", "UnsupportedFormatError", "TooLargeError"}
    ours |= {"NoDataError"}
    fine = {"v2_no_multiscales.zarr"}  # its array can be read without them
    assert {name for name, found in outcomes.items() if found == "ok"} == fine
    assert set(outcomes.values()) <= ours | {"ok"}


@both
def test_stores_are_known_by_what_is_in_them(tmp_path: Path, zarr_format: int):
    write_image(tmp_path / "any name", noise(8, 8), "yx", zarr_format)
    assert recognise(tmp_path / "any name").name == "omezarr"

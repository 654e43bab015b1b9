"""NDTiff folders: real ones, those that ndstorage writes, and damaged ones."""

import contextlib
import io
import json
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_truth_rig import (
    all_planes,
    check_random_reads,
    check_scene,
    checksum,
    ordinals,
    truth_of,
)

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    UnsupportedFormatError,
)
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader, recognise

FOLDERS = (
    "v2_ndtiffv2.0_test",
    "v3_12_bit_pycromanager_mda",
    "v3_ndtiff3.2_multichannel",
    "v3_ndtiffv3.0_stitched_test",
)
Axes = Mapping[str, int | str]


def pattern(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).integers(1, 4000, shape).astype(np.uint16)


@contextlib.contextmanager
def dataset(folder: Path, summary: dict[str, Any] | None = None) -> Iterator[Any]:
    """A folder that the reference library writes; it prints."""
    storage = pytest.importorskip("ndstorage")
    with contextlib.redirect_stdout(io.StringIO()):
        written = storage.NDTiffDataset(str(folder), name="run", writable=True)
        written.initialize(summary or {})
        yield written
        writer = written.current_writer
        written.finish()
        writer.reader.close()  # which the library leaves open
        written.close()


def write(
    folder: Path, planes: Mapping[tuple[tuple[str, int | str], ...], np.ndarray], **summary: Any
) -> Path:
    with dataset(folder, summary) as written:
        for axes, pixels in planes.items():
            metadata = {"ElapsedTime-ms": 1e3 * len(written.index), "Exposure": 5.0}
            written.put_image(dict(axes), pixels, metadata)
    (path,) = (one for one in folder.iterdir() if one.is_dir())
    return path


class TestNdTiff(ReaderContract):
    @pytest.fixture(params=[np.uint8, np.uint16])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        pixels = pattern(3, 4, 5, 6).astype(request.param)
        missing = {"t": 1, "q": 2}
        planes = {
            (("t", t), ("q", q)): pixels[q, t]
            for t in range(4)
            for q in range(3)
            if {"t": t, "q": q} != missing
        }
        return Example(write(tmp_path, planes), [ExpectedScene("qtYX", pixels, [missing])])


# ---------------------------------------------------------------- real folders


@pytest.mark.parametrize("entry", truth_of("ndtiff/"))
def test_the_folder_is_as_the_reference_says(entry: dict[str, Any], readers_data: Path):
    reader = open_reader(readers_data / entry["file"])
    (scene,) = reader.describe().scenes
    (expected,) = entry["scenes"]
    check_scene(scene, expected)
    n_present = 0
    for _, index in all_planes(reader):
        with contextlib.suppress(NoDataError):
            reader.read_plane(0, index, None, allocate_in_memory)
            n_present += 1
    assert n_present == expected["images_present"]
    for plane in expected["planes"]:
        index = ordinals(plane["index"], expected["axis_values"])
        pixels = reader.read_plane(0, index, None, allocate_in_memory)
        assert pixels.shape == tuple(plane["shape"])
        assert pixels.dtype == np.dtype(plane["dtype"])
        assert checksum(pixels) == plane["sha256"]
    reader.close()


@pytest.mark.parametrize("name", FOLDERS)
def test_every_plane_equals_ndstorage_s(name: str, readers_data: Path):
    storage = pytest.importorskip("ndstorage")
    path = readers_data / "ndtiff" / name
    with contextlib.redirect_stdout(io.StringIO()):
        reference = storage.Dataset(str(path))
    values = {axis: list(known) for axis, known in reference.axes.items()}
    reader = open_reader(path)
    n_missing = 0
    for _, index in all_planes(reader):
        axes = {axis: values[axis][number] for axis, number in index.items()}
        if reference.has_image(**axes):
            np.testing.assert_array_equal(
                reader.read_plane(0, index, None, allocate_in_memory), reference.read_image(**axes)
            )
        else:
            n_missing += 1
            with pytest.raises(NoDataError):
                reader.read_plane(0, index, None, allocate_in_memory)
    for level in getattr(reference, "res_levels", {0: reference}).values():
        level.close()
    reader.close()
    assert n_missing == (2 if "stitched" in name else 0)


def test_random_reads_of_four_clients_are_right(tmp_path: Path, readers_data: Path):
    whole = [readers_data / "ndtiff" / name for name in FOLDERS if "stitched" not in name]
    check_random_reads(whole)


def test_the_microscope_s_facts_are_told(readers_data: Path):
    reader = open_reader(readers_data / "ndtiff" / "v3_ndtiff3.2_multichannel")
    metadata = reader.read_metadata()
    reader.close()
    assert json.loads(json.dumps(metadata.as_dict(), allow_nan=False)) == metadata.as_dict()
    assert metadata.acquisition_date == "2022-12-26T16:25:52"
    assert metadata.software == "Micro-Manager"
    assert metadata.objective is not None
    assert metadata.objective.name == "Nikon 10X S Fluor"
    (scene,) = metadata.scenes
    assert scene.timestamps_s[:2] == [0, pytest.approx(0.498)]
    assert len(scene.timestamps_s) == scene.sizes["time"]
    assert [(one.name, one.exposure_ms) for one in scene.channels] == [("DAPI", 10), ("FITC", 10)]


def test_nothing_is_printed(readers_data: Path, capfd: pytest.CaptureFixture[str]):
    reader = open_reader(readers_data / "ndtiff" / "v3_ndtiff3.2_multichannel")
    reader.read_plane(0, {"time": 1}, None, allocate_in_memory)
    reader.close()
    assert capfd.readouterr() == ("", "")


# ---------------------------------------------------------------- axes


def test_axes_may_be_called_by_their_letters(readers_data: Path):
    reader = open_reader(readers_data / "ndtiff" / "v3_ndtiff3.2_multichannel")
    by_letter = reader.read_plane(0, {"T": 7, "C": 1, "Z": 15}, None, allocate_in_memory)
    by_name = reader.read_plane(0, {"time": 7, "channel": 1, "z": 15}, None, allocate_in_memory)
    np.testing.assert_array_equal(by_letter, by_name)
    with pytest.raises(OutOfRangeError, match="time=8"):
        reader.read_plane(0, {"T": 8}, None, allocate_in_memory)
    reader.close()


def test_positions_are_scenes(tmp_path: Path):
    pixels = pattern(2, 3, 5, 6)
    names = ("left", "right")
    planes = {
        (("position", name), ("time", t)): pixels[p, t]
        for t in range(3)
        for p, name in enumerate(names)
        if (name, t) != ("right", 2)
    }
    reader = open_reader(write(tmp_path, planes, **{"PixelSize_um": 0.5, "z-step_um": 2}))
    scenes = reader.describe().scenes
    assert [scene.name for scene in scenes] == ["left", "right"]
    assert scenes[1].sizes == {"time": 3, "Y": 5, "X": 6}
    assert scenes[0].pixel_size_um == {"x": 0.5, "y": 0.5, "z": 2.0}
    for p in range(2):
        plane = reader.read_plane(p, {"time": 1}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, pixels[p, 1])
    with pytest.raises(NoDataError, match="position=right, time=2"):
        reader.read_plane(1, {"time": 2}, None, allocate_in_memory)
    stamps = [scene.timestamps_s for scene in reader.read_metadata().scenes]
    assert stamps[0] == [0, 2, 4]
    assert stamps[1] == []
    reader.close()


def test_values_need_not_begin_at_0(tmp_path: Path):
    pixels = pattern(3, 5, 6)
    planes = {(("z", value),): pixels[n] for n, value in ((2, 7), (0, -5), (1, 6))}
    reader = open_reader(write(tmp_path, planes))
    assert reader.describe().scenes[0].starts == {"z": -5}
    for z in range(3):
        plane = reader.read_plane(0, {"z": z}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, pixels[z])
    reader.close()


def test_a_plane_without_an_axis_is_at_its_first_value(tmp_path: Path):
    pixels = pattern(3, 5, 6)
    planes = {
        (("channel", "a"), ("z", 0)): pixels[0],
        (("channel", "a"), ("z", 1)): pixels[1],
        (("channel", "b"),): pixels[2],
    }
    reader = open_reader(write(tmp_path, planes))
    plane = reader.read_plane(0, {"channel": 1}, None, allocate_in_memory)
    np.testing.assert_array_equal(plane, pixels[2])
    with pytest.raises(NoDataError):
        reader.read_plane(0, {"channel": 1, "z": 1}, None, allocate_in_memory)
    reader.close()


# ---------------------------------------------------------------- while it is written


def test_planes_that_come_later_are_found(tmp_path: Path):
    pixels = pattern(4, 5, 6)
    with dataset(tmp_path) as written:
        for t in range(2):
            written.put_image({"time": t}, pixels[t], {})
        written._index_file.flush()
        reader = open_reader(Path(written.path))
        assert reader.describe().scenes[0].sizes["time"] == 2
        with pytest.raises(NoDataError):
            reader.read_plane(0, {"time": 3}, None, allocate_in_memory)
        for t in range(2, 4):
            written.put_image({"time": t}, pixels[t], {})
        written._index_file.flush()
        plane = reader.read_plane(0, {"time": 3}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, pixels[3])
        assert reader.describe().scenes[0].sizes["time"] == 4
        reader.close()


def test_an_empty_index_is_not_yet_written(tmp_path: Path):
    (tmp_path / "NDTiff.index").touch()
    assert recognise(tmp_path).name == "ndtiff"
    with pytest.raises(NotYetWrittenError):
        open_reader(tmp_path)


# ---------------------------------------------------------------- damaged folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five planes along time."""
    pixels = pattern(5, 5, 6)
    return write(tmp_path, {(("time", t),): pixels[t] for t in range(5)})


def entry(name: str, *numbers: int) -> bytes:
    axes = json.dumps({"time": 0}).encode()
    return b"".join(
        struct.pack("<I", len(part)) + part for part in (axes, name.encode())
    ) + struct.pack("<8I", *numbers)


@pytest.mark.parametrize("n_bytes", [1, 20, 60])
def test_a_cut_index_gives_the_planes_before_the_cut(folder: Path, n_bytes: int):
    index = folder / "NDTiff.index"
    index.write_bytes(index.read_bytes()[:-n_bytes])
    reader = open_reader(folder)
    info = reader.describe()
    assert info.scenes[0].sizes["time"] == 4
    assert "after 4 planes" in info.warnings[0]
    assert reader.read_metadata().warnings == info.warnings
    assert reader.read_plane(0, {"time": 3}, None, allocate_in_memory).all()
    reader.close()


def test_space_for_entries_to_come_is_no_damage(folder: Path):
    index = folder / "NDTiff.index"
    index.write_bytes(index.read_bytes() + bytes(1000))
    reader = open_reader(folder)
    assert reader.describe().scenes[0].sizes["time"] == 5
    assert reader.describe().warnings == []
    reader.close()


def test_a_cut_file_gives_the_planes_that_are_whole(folder: Path):
    (path,) = folder.glob("*.tif")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = open_reader(folder)
    assert reader.read_plane(0, {"time": 0}, None, allocate_in_memory).all()
    with pytest.raises(NotYetWrittenError):
        reader.read_plane(0, {"time": 4}, None, allocate_in_memory)
    reader.close()


def test_a_missing_file_is_no_data(folder: Path):
    (path,) = folder.glob("*.tif")
    path.unlink()
    reader = open_reader(folder)
    with pytest.raises(NoDataError, match="missing"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize("name", ["../other/run.tif", "..\\run.tif", "/etc/passwd"])
def test_an_index_may_not_point_outside_of_its_folder(tmp_path: Path, name: str):
    (tmp_path / "NDTiff.index").write_bytes(entry(name, 0, 5, 5, 1, 0, 0, 0, 0))
    with pytest.raises(CorruptFileError, match="outside"):
        open_reader(tmp_path)


@pytest.mark.parametrize(
    ("numbers", "error"),
    [
        pytest.param((0, 5, 5, 77, 0, 0, 0, 0), UnsupportedFormatError, id="pixel type"),
        pytest.param((0, 5, 5, 1, 8, 0, 0, 0), UnsupportedFormatError, id="compression"),
        pytest.param((0, 0, 5, 1, 0, 0, 0, 0), CorruptFileError, id="no width"),
    ],
)
def test_an_impossible_entry_is_refused(
    folder: Path, numbers: tuple[int, ...], error: type[Exception]
):
    (path,) = folder.glob("*.tif")
    (folder / "NDTiff.index").write_bytes(entry(path.name, *numbers))
    with pytest.raises(error):
        open_reader(folder).read_plane(0, {}, None, allocate_in_memory)


def test_colour_is_read_as_three_samples(folder: Path):
    (path,) = folder.glob("*.tif")
    pixels = pattern(4, 5, 3).astype(np.uint8)
    content = path.read_bytes()
    path.write_bytes(content + pixels.tobytes())
    (folder / "NDTiff.index").write_bytes(entry(path.name, len(content), 5, 4, 2, 0, 0, 0, 0))
    reader = open_reader(folder)
    assert reader.describe().scenes[0].sizes == {"time": 1, "Y": 4, "X": 5, "S": 3}
    plane = reader.read_plane(0, {}, None, allocate_in_memory)
    np.testing.assert_array_equal(plane, pixels)
    reader.close()


def test_a_big_endian_file_is_read_in_native_order(folder: Path):
    (path,) = folder.glob("*.tif")
    pixels = pattern(4, 5)
    content = b"MM" + path.read_bytes()[2:]
    path.write_bytes(content + pixels.astype(">u2").tobytes())
    (folder / "NDTiff.index").write_bytes(entry(path.name, len(content), 5, 4, 1, 0, 0, 0, 0))
    reader = open_reader(folder)
    np.testing.assert_array_equal(reader.read_plane(0, {}, None, allocate_in_memory), pixels)
    reader.close()


def test_a_copy_elsewhere_reads_the_same(tmp_path: Path, readers_data: Path):
    source = readers_data / "ndtiff" / "v2_ndtiffv2.0_test"
    copy = shutil.copytree(source, tmp_path / "copy")
    readers = [open_reader(path) for path in (source, copy)]
    for _, index in all_planes(readers[0]):
        first, second = (one.read_plane(0, index, None, allocate_in_memory) for one in readers)
        np.testing.assert_array_equal(first, second)

"""Leica LIF, LOF and XLEF: real files, files of every layout, and damaged ones."""

from pathlib import Path
from typing import Any

import liffile
import numpy as np
import pytest
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_lif_files import LeicaImage, pattern, write_lif, write_lof, write_xlef
from readers_truth_rig import all_planes, check_random_reads, check_truth, truth_of

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotAllowedError,
    NotYetWrittenError,
    OutOfRangeError,
    UnsupportedFormatError,
)
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader, recognise

FILES = ("leica_xz_scan_2ch", "leica_wavelength_sweep")
SELECT = "PLANECAST_READER_LIF"


class TestLif(ReaderContract):
    @pytest.fixture(params=["<u2", "u1", "<f4"])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        first = LeicaImage("one", "TCZYX", pattern((2, 3, 4, 5, 6), request.param))
        second = LeicaImage("two", "YX", pattern((7, 9)), block="MemBlock_2")
        path = write_lif(tmp_path / "a.lif", [first, second])
        return Example(path, [ExpectedScene(one.axes, one.pixels) for one in (first, second)])


class TestLifWithChannelsOutermost(ReaderContract):
    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        image = LeicaImage("one", "CZYX", pattern((2, 3, 5, 6)))
        path = write_lif(tmp_path / "a.lif", [image])
        return Example(path, [ExpectedScene(image.axes, image.pixels)])


class TestLifInColour(ReaderContract):
    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        image = LeicaImage("one", "ZYXS", pattern((4, 5, 6, 3), "u1"))
        path = write_lif(tmp_path / "a.lif", [image])
        return Example(path, [ExpectedScene(image.axes, image.pixels)])


class TestLof(ReaderContract):
    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        image = LeicaImage("one", "TCYX", pattern((2, 3, 5, 6)))
        path = write_lof(tmp_path / "a.lof", image)
        return Example(path, [ExpectedScene(image.axes, image.pixels)])


class TestXlef(ReaderContract):
    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        image = LeicaImage("one", "TCYX", pattern((2, 3, 5, 6)))
        return Example(write_xlef(tmp_path, image), [ExpectedScene(image.axes, image.pixels)])


class TestLifWithReadlif(TestLif):
    @pytest.fixture(params=["<u2", "u1"])
    def example(
        self, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Example:
        pytest.importorskip("readlif")
        monkeypatch.setenv(SELECT, "readlif")
        image = LeicaImage("one", "TZCYX", pattern((2, 4, 3, 5, 6), request.param))
        path = write_lif(tmp_path / "a.lif", [image])
        return Example(path, [ExpectedScene(image.axes, image.pixels)])


# ---------------------------------------------------------------- real files


@pytest.mark.parametrize("library", ["liffile", "readlif"])
@pytest.mark.parametrize("entry", truth_of("lif/"))
def test_the_file_is_as_the_reference_says(
    entry: dict[str, Any], library: str, readers_data: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip(library)
    monkeypatch.setenv(SELECT, library)
    check_truth(readers_data, entry)


@pytest.mark.parametrize("library", ["liffile", "readlif"])
@pytest.mark.parametrize("name", FILES)
def test_every_plane_equals_the_whole_image(
    name: str, library: str, readers_data: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip(library)
    monkeypatch.setenv(SELECT, library)
    path = readers_data / "lif" / f"{name}.lif"
    reader = open_reader(path)
    n_planes = 0
    with liffile.LifFile(path) as file:
        images = [(list(image.sizes), image.asarray()) for image in file.images]
    for scene, index in all_planes(reader):
        axes, pixels = images[scene]
        expected = pixels[tuple(index[axis] for axis in axes[:-2])]
        plane = reader.read_plane(scene, index, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, expected)
        n_planes += 1
    reader.close()
    assert n_planes == sum(int(np.prod(pixels.shape[:-2])) for _, pixels in images)


def test_random_reads_of_four_clients_are_right(readers_data: Path):
    check_random_reads([readers_data / "lif" / f"{name}.lif" for name in FILES])


def test_the_microscope_s_facts_are_told(readers_data: Path):
    reader = open_reader(readers_data / "lif" / "leica_xz_scan_2ch.lif")
    metadata = reader.read_metadata()
    reader.close()
    assert metadata.acquisition_date == "2021-03-04T16:39:17.951+00:00"
    assert metadata.microscope == "TCS SP8"
    assert metadata.software == "LAS X 3.5.7.23225"
    assert metadata.objective is not None
    assert metadata.objective.name == "HC PL APO CS2 63x/1.30 GLYC"
    assert (metadata.objective.magnification, metadata.objective.numerical_aperture) == (63, 1.3)
    assert metadata.objective.immersion == "glycerol"
    scan = metadata.scenes[0]
    assert scan.timestamps_s[:3] == pytest.approx([0, 0.53, 1.06])
    assert scan.time_interval_s == pytest.approx(0.53)
    assert scan.stage_positions[0].x_um == pytest.approx(34620.939)
    assert [channel.color for channel in scan.channels] == ["#00ff00", "#ff0000"]


def test_planes_of_an_xz_scan_are_z_by_x_and_y_is_chosen(readers_data: Path):
    reader = open_reader(readers_data / "lif" / "leica_xz_scan_2ch.lif")
    last = reader.read_plane(1, {"Y": 22, "C": 1}, None, allocate_in_memory)
    assert last.shape == (128, 128)
    with pytest.raises(OutOfRangeError, match="Z"):
        reader.read_plane(1, {"Z": 1}, None, allocate_in_memory)
    with pytest.raises(OutOfRangeError, match="Y=23"):
        reader.read_plane(1, {"Y": 23}, None, allocate_in_memory)
    reader.close()


# ---------------------------------------------------------------- layouts


@pytest.mark.parametrize(
    ("axes", "sizes"),
    [
        pytest.param("TX", {"T": 5, "X": 6}, id="line scan"),
        pytest.param("CTX", {"C": 2, "T": 5, "X": 6}, id="line scan of two channels"),
        pytest.param("λYX", {"λ": 2, "Y": 5, "X": 6}, id="emission"),
        pytest.param("X", {"Y": 1, "X": 6}, id="one line"),
        pytest.param("TZX", {"T": 2, "Z": 5, "X": 6}, id="xz"),
    ],
)
def test_axes_are_the_file_s_own(tmp_path: Path, axes: str, sizes: dict[str, int]):
    pixels = pattern(tuple(sizes[axis] for axis in axes))
    reader = open_reader(write_lif(tmp_path / "a.lif", [LeicaImage("one", axes, pixels)]))
    assert reader.describe().scenes[0].sizes == sizes
    found = [
        reader.read_plane(scene, index, None, allocate_in_memory)
        for scene, index in all_planes(reader)
    ]
    reader.close()
    np.testing.assert_array_equal(np.reshape(found, pixels.shape), pixels)


def test_pixel_sizes_are_of_the_steps_between_pixels(tmp_path: Path):
    image = LeicaImage("one", "TZYX", pattern((3, 4, 5, 6)))
    reader = open_reader(write_lif(tmp_path / "a.lif", [image]))
    scene = reader.read_metadata().scenes[0]
    reader.close()
    assert scene.pixel_size_um == {axis: pytest.approx(1.0) for axis in "xyz"}
    assert scene.time_interval_s == pytest.approx(1.0)
    assert scene.timestamps_s == []


def test_tiles_are_an_axis_with_a_place_for_each(tmp_path: Path):
    tiles = '<Attachment Name="TileScanInfo">{}</Attachment>'.format(
        "".join(
            f'<Tile FieldX="{n}" FieldY="0" PosX="{n}e-3" PosY="2e-3" PosZ="0"/>' for n in range(3)
        )
    )
    image = LeicaImage("one", "MYX", pattern((3, 5, 6)), attachments=tiles)
    reader = open_reader(write_lif(tmp_path / "a.lif", [image]))
    assert reader.describe().scenes[0].sizes == {"M": 3, "Y": 5, "X": 6}
    places = reader.read_metadata().scenes[0].stage_positions
    reader.close()
    assert [place.x_um for place in places] == pytest.approx([0, 1000, 2000])


def test_readlif_is_not_asked_for_tile_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("readlif")
    monkeypatch.setenv(SELECT, "readlif")
    path = write_lif(tmp_path / "a.lif", [LeicaImage("one", "MYX", pattern((3, 5, 6)))])
    reader = open_reader(path)
    with pytest.raises(UnsupportedFormatError, match="tile scans; use liffile"):
        reader.read_plane(0, {"M": 1}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize("axes", ["CZYX", "ZYXS"])
def test_readlif_is_not_asked_for_what_it_reads_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axes: str
):
    pytest.importorskip("readlif")
    monkeypatch.setenv(SELECT, "readlif")
    pixels = pattern((3, 4, 5, 6) if axes == "CZYX" else (4, 5, 6, 3), "u1")
    reader = open_reader(write_lif(tmp_path / "a.lif", [LeicaImage("one", axes, pixels)]))
    with pytest.raises(UnsupportedFormatError, match="use liffile"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


def test_the_content_wins_over_the_name(tmp_path: Path):
    path = write_lif(tmp_path / "a.tif", [LeicaImage("one", "YX", pattern((5, 6)))])
    assert recognise(path).name == "lif"


# ---------------------------------------------------------------- damaged files


def test_a_cut_file_gives_the_planes_that_are_there(tmp_path: Path):
    images = [
        LeicaImage("one", "ZYX", pattern((3, 5, 6))),
        LeicaImage("two", "ZYX", pattern((3, 5, 6)), block="MemBlock_2"),
        LeicaImage("three", "ZYX", pattern((3, 5, 6)), block="MemBlock_3"),
    ]
    path = write_lif(tmp_path / "a.lif", images)
    third_bytes = images[2].pixels.nbytes + 22 + 2 * len("MemBlock_3")
    path.write_bytes(path.read_bytes()[: -third_bytes - 50])
    reader = open_reader(path)
    warnings = reader.describe().warnings
    assert "ends within the pixels of two" in warnings[0]
    assert "ends before the pixels of three" in warnings[1]
    assert reader.read_metadata().warnings == warnings
    for scene, z in [(0, 0), (0, 2), (1, 0), (1, 1)]:
        np.testing.assert_array_equal(
            reader.read_plane(scene, {"Z": z}, None, allocate_in_memory), images[scene].pixels[z]
        )
    for scene, z in [(1, 2), (2, 0)]:
        with pytest.raises(NotYetWrittenError):
            reader.read_plane(scene, {"Z": z}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize("n_bytes", [0, 5, 13, 200])
def test_a_file_cut_within_its_xml_is_not_yet_written(tmp_path: Path, n_bytes: int):
    path = write_lif(tmp_path / "a.lif", [LeicaImage("one", "YX", pattern((5, 6)))])
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(NotYetWrittenError):
        open_reader(path)


@pytest.mark.parametrize("length", [2**31 - 1, 2**32 - 1])
def test_an_impossible_length_of_the_xml_is_corrupt(tmp_path: Path, length: int):
    path = write_lif(tmp_path / "a.lif", [LeicaImage("one", "YX", pattern((5, 6)))])
    content = bytearray(path.read_bytes())
    content[9:13] = length.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=str(length)):
        open_reader(path)


def test_more_pixels_claimed_than_there_are_is_corrupt(tmp_path: Path):
    path = write_lif(tmp_path / "a.lif", [LeicaImage("one", "ZYX", pattern((3, 50, 60)))])
    content = path.read_bytes()
    old, new = (f'NumberOfElements="{n}"'.encode("utf-16le") for n in (50, 99))
    path.write_bytes(content.replace(old, new))
    reader = open_reader(path)
    assert "claims" in reader.describe().warnings[0]
    with pytest.raises(CorruptFileError, match="claims"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


def test_fewer_pixels_claimed_than_there_are_are_not_guessed_at(tmp_path: Path):
    path = write_lif(tmp_path / "a.lif", [LeicaImage("one", "ZYX", pattern((3, 50, 60)))])
    content = path.read_bytes()
    old, new = (f'NumberOfElements="{n}"'.encode("utf-16le") for n in (60, 41))
    path.write_bytes(content.replace(old, new))
    reader = open_reader(path)
    with pytest.raises(UnsupportedFormatError, match="not stored in one piece"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


def test_damaged_metadata_leaves_the_pixels(tmp_path: Path):
    stamps = '<TimeStampList NumberOfTimeStamps="1">no number</TimeStampList>'
    image = LeicaImage("one", "YX", pattern((5, 6)), attachments=stamps)
    reader = open_reader(write_lif(tmp_path / "a.lif", [image]))
    metadata = reader.read_metadata()
    assert "no metadata" in metadata.warnings[0]
    assert metadata.scenes[0].sizes == {"Y": 5, "X": 6}
    plane = reader.read_plane(0, {}, None, allocate_in_memory)
    np.testing.assert_array_equal(plane, image.pixels)
    reader.close()


def test_xml_that_is_none_is_corrupt(tmp_path: Path):
    path = tmp_path / "a.lif"
    path.write_bytes(write_lif(path, [LeicaImage("a<b", "YX", pattern((5, 6)))]).read_bytes())
    with pytest.raises(CorruptFileError, match="XML"):
        open_reader(path)


def test_a_missing_part_of_an_experiment_is_no_data(tmp_path: Path):
    path = write_xlef(tmp_path, LeicaImage("one", "YX", pattern((5, 6))))
    (tmp_path / "image.lof").unlink()
    reader = open_reader(path)
    with pytest.raises(NoDataError, match=r"image\.lof"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


def test_a_missing_image_of_an_experiment_is_no_data(tmp_path: Path):
    path = write_xlef(tmp_path, LeicaImage("one", "YX", pattern((5, 6))))
    (tmp_path / "image.xlif").unlink()
    with pytest.raises(NoDataError, match=r"image\.xlif"):
        open_reader(path)


@pytest.mark.parametrize("target", ["../secret.lof", "/etc/passwd.lof"])
def test_an_experiment_may_not_point_outside_of_its_folder(tmp_path: Path, target: str):
    folder = tmp_path / "run"
    folder.mkdir()
    image = LeicaImage("one", "YX", pattern((5, 6)))
    write_lof(tmp_path / "secret.lof", image)
    path = write_xlef(folder, image, target=target)
    with pytest.raises(NotAllowedError, match="outside of its folder"):
        open_reader(path).read_plane(0, {}, None, allocate_in_memory)

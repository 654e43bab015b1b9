"""Folders of plates: ImageXpress and CellVoyager, real and written here."""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_truth_rig import check_metadata_of, check_random_reads, truth_of

from planecast_protocol.errors import NoDataError, NotYetWrittenError, UnsupportedFormatError
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader, recognise
from planecast_reader.readers.hcs_folder.places import IMAGEXPRESS, find_plates, is_plate

REAL = "hcs/imagexpress_1well_3ch_2sites_t2"
UUID = "9E8DE988-C6EC-49A6-8D1B-2BC852EA11E9"
PLACE = re.compile(r"TimePoint_(\d+)/.*_s(\d+)_w(\d)")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(1, 60000, shape).astype(np.uint16)


def write_tiff(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, metadata=None)


# ---------------------------------------------------------------- a real plate


@pytest.mark.parametrize("entry", truth_of("hcs/"))
def test_each_file_of_the_reference_is_a_plane(entry: dict[str, Any], readers_data: Path):
    """The reference took each file for a scene; here they are planes of two sites."""
    reader = open_reader(readers_data / entry["file"])
    check_metadata_of(reader)
    scenes = reader.describe().scenes
    assert [scene.name for scene in scenes] == ["C07:1", "C07:2"]
    assert scenes[0].sizes == {"T": 2, "C": 3, "Z": 1, "Y": 256, "X": 256}
    places = set()
    for expected in entry["scenes"]:
        place = PLACE.search(expected["name"])
        assert place is not None
        t, site, channel = (int(number) - 1 for number in place.groups())
        places.add((t, site, channel))
        plane = reader.read_plane(site, {"T": t, "C": channel}, None, allocate_in_memory)
        assert plane.dtype == expected["dtype"]
        assert hashlib.sha256(plane.tobytes()).hexdigest() == expected["planes"][0]["sha256"]
    reader.close()
    assert len(places) == 12


def test_the_headers_of_the_pictures_tell_of_the_microscope(readers_data: Path):
    reader = open_reader(readers_data / REAL)
    scene = reader.describe().scenes[0]
    metadata = reader.read_metadata()
    reader.close()
    channels = [(one.name, one.emission_nm, one.exposure_ms) for one in scene.channels]
    assert channels == [("FITC", 536, 80), ("Cy3", 593, 100), ("Texas Red", 624, 5)]
    assert scene.pixel_size_um == {"x": 13.5504, "y": 13.5504, "z": None}
    assert metadata.acquisition_date == "2024-04-22T09:57:37.294000"
    assert metadata.objective is not None
    assert (metadata.objective.magnification, metadata.objective.numerical_aperture) == (4, 0.2)
    assert [one.well for one in metadata.scenes] == ["C07", "C07"]
    assert metadata.scenes[0].stage_positions[0].y_um == 27625.7
    assert metadata.scenes[1].stage_positions[0].y_um == 31094.5


def test_random_reads_of_four_clients_are_right(readers_data: Path, tmp_path: Path):
    write_yokogawa(tmp_path / "plate", noise(2, 2, 2, 3, 32, 40))
    check_random_reads([readers_data / REAL, tmp_path / "plate"])


# ---------------------------------------------------------------- ImageXpress


class TestImageXpress(ReaderContract):
    """Time points and z steps in folders, a settings file, thumbnails."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(4, 2, 2, 3, 10, 12)
        sites = [("A2", 1), ("A2", 2), ("A10", 1), ("B01", 1)]
        for number, t, c, z in np.ndindex(*pixels.shape[:4]):
            well, site = sites[number]
            folder = tmp_path / "2024-01-01" / "7" / f"TimePoint_{t + 1}" / f"ZStep_{z + 1}"
            name = f"my_plate_{well}_s{site}_w{c + 1}"
            write_tiff(folder / f"{name}{UUID}.tif", pixels[number, t, c, z])
            write_tiff(folder / f"{name}_thumb{UUID}.tif", pixels[number, t, c, z, ::2, ::2])
        plate = tmp_path / "2024-01-01" / "7"
        (plate / "my_plate.HTD").write_text(
            '"HTSInfoFile", Version 1.0\n"TimePoints", 2\n"ZSteps", 3\n"NWavelengths", 2\n'
            '"WaveName1", "DAPI"\n"WaveName2", "FITC"\n'
        )
        (plate / "TimePoint_2" / "ZStep_3" / f"my_plate_A10_s1_w2{UUID}.tif").unlink()
        scenes = [ExpectedScene("TCZYX", one) for one in pixels]
        scenes[2].missing.append({"T": 1, "C": 1, "Z": 2})
        return Example(tmp_path, scenes)

    def test_sites_and_channels_have_their_names(self, reader: PlaneReader):
        scenes = reader.describe().scenes
        assert [scene.name for scene in scenes] == ["A2:1", "A2:2", "A10:1", "B01:1"]
        assert [channel.name for channel in scenes[0].channels] == ["DAPI", "FITC"]

    def test_a_missing_plane_names_its_file(self, reader: PlaneReader):
        name = r"TimePoint_2/ZStep_3/my_plate_A10_s1_w2\*\.tif is missing"
        with pytest.raises(NoDataError, match=name):
            reader.read_plane(2, {"T": 1, "C": 1, "Z": 2}, None, allocate_in_memory)

    def test_a_plane_that_appears_later_is_read(self, example: Example, reader: PlaneReader):
        missing = example.scenes[2].missing[0]
        pixels = example.scenes[2].plane(missing)
        folder = example.path / "2024-01-01" / "7" / "TimePoint_2" / "ZStep_3"
        write_tiff(folder / f"my_plate_A10_s1_w2{UUID.replace('9', 'A')}.tif", pixels)
        np.testing.assert_array_equal(
            reader.read_plane(2, missing, None, allocate_in_memory), pixels
        )


class TestFlatImageXpress(ReaderContract):
    """One site, one time point: files right in the folder."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(2, 2, 10, 12)
        for number, c in np.ndindex(2, 2):
            name = f"plate_{'AB'[number]}03_w{c + 1}.TIF"
            write_tiff(tmp_path / name, pixels[number, c])
        scenes = [ExpectedScene("TCZYX", one[None, :, None]) for one in pixels]
        return Example(tmp_path, scenes)


def test_a_projection_beside_the_steps_is_a_channel_of_its_own(tmp_path: Path):
    pixels = noise(3, 10, 12)
    for z in range(2):
        write_tiff(tmp_path / f"ZStep_{z + 1}" / "p_A01_s1_w1.tif", pixels[z])
    write_tiff(tmp_path / "p_A01_s1_w1.tif", pixels[2])
    reader = open_reader(tmp_path)
    scene = reader.describe().scenes[0]
    assert [channel.name for channel in scene.channels] == ["w1", "w1 projection"]
    np.testing.assert_array_equal(
        reader.read_plane(0, {"C": 1}, None, allocate_in_memory), pixels[2]
    )
    with pytest.raises(NoDataError):
        reader.read_plane(0, {"C": 1, "Z": 1}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"p_C07_s2_w2{UUID}.tif", ("p", "C07", "2", "2")),
        ("p_C07_s2_w12.tif", ("p", "C07", "2", "12")),
        ("a_B2_p_AA07_w1.TIF", ("a_B2_p", "AA07", None, "1")),
        ("p_C07_s12.tiff", ("p", "C07", "12", None)),
    ],
)
def test_names_are_split(name: str, expected: tuple[str | None, ...]):
    found = IMAGEXPRESS.fullmatch(name)
    assert found is not None
    assert found.group("plate", "well", "site", "channel") == expected


# ---------------------------------------------------------------- CellVoyager

RECORDS = """<?xml version="1.0" encoding="utf-8"?>
<bts:MeasurementData xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0">{}
</bts:MeasurementData>"""
RECORD = (
    '<bts:MeasurementRecord bts:Type="{}" bts:X="{}" bts:Y="-20" bts:Z="{}" bts:Ch="1" '
    'bts:Time="2024-05-06T07:08:{:02}+09:00">{}</bts:MeasurementRecord>'
)
DETAIL = """<bts:MeasurementDetail xmlns:bts="x"><bts:MeasurementChannel bts:Ch="1"
 bts:HorizontalPixelDimension="0.325" bts:VerticalPixelDimension="0.325"/>
</bts:MeasurementDetail>"""
SETTING = """<bts:MeasurementSetting xmlns:bts="x"><bts:ChannelList>
<bts:Channel bts:Ch="1" bts:Color="#FF0000FF" bts:ExposureTime="200" bts:Objective="20xPlan"
 bts:Magnification="20"/><bts:Channel bts:Ch="2" bts:Color="#FF00FF00" bts:Fluorophore="GFP"/>
</bts:ChannelList></bts:MeasurementSetting>"""


def yokogawa_name(field: int, t: int, z: int, channel: int) -> str:
    return f"my_plate_C02_T{t + 1:04}F{field + 1:03}L01A01Z{z + 1:02}C{channel + 1:02}.tif"


def write_yokogawa(folder: Path, pixels: np.ndarray) -> None:
    """Write pixels (field, t, c, z, y, x) with the files beside them."""
    records = []
    for field, t, c, z in np.ndindex(*pixels.shape[:4]):
        name = yokogawa_name(field, t, z, c)
        write_tiff(folder / name, pixels[field, t, c, z])
        records.append(RECORD.format("IMG", 100 * field, 2.5 * z, 30 * t + z, name))
    records.append(RECORD.format("ERR", 0, 0, 0, "lost"))
    (folder / "MeasurementData.mlf").write_text(RECORDS.format("".join(records)))
    (folder / "MeasurementDetail.mrf").write_text(DETAIL)
    (folder / "setting.mes").write_text(SETTING)


class TestYokogawa(ReaderContract):
    """All in one folder; one picture of the list is missing."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(2, 2, 2, 3, 10, 12)
        write_yokogawa(tmp_path, pixels)
        (tmp_path / yokogawa_name(1, 0, 2, 1)).unlink()
        scenes = [ExpectedScene("TCZYX", one) for one in pixels]
        scenes[1].missing.append({"T": 0, "C": 1, "Z": 2})
        return Example(tmp_path, scenes)

    def test_the_files_beside_tell_of_channels_and_places(self, reader: PlaneReader):
        scene = reader.describe().scenes[0]
        metadata = reader.read_metadata()
        channels = [(one.name, one.color, one.exposure_ms) for one in scene.channels]
        assert channels == [("C01", "#0000ff", 200), ("GFP", "#00ff00", None)]
        assert scene.pixel_size_um == {"x": 0.325, "y": 0.325, "z": 2.5}
        assert [one.stage_positions[0].x_um for one in metadata.scenes] == [0, 100]
        assert metadata.scenes[0].timestamps_s == [0, 30]
        assert metadata.acquisition_date == "2024-05-06T07:08:00+09:00"
        assert metadata.objective is not None
        assert metadata.objective.magnification == 20

    def test_a_missing_plane_names_its_file(self, reader: PlaneReader):
        with pytest.raises(NoDataError, match=rf"{yokogawa_name(1, 0, 2, 1)} is missing"):
            reader.read_plane(1, {"C": 1, "Z": 2}, None, allocate_in_memory)


class TestYokogawaWithoutList(ReaderContract):
    """Only pictures, some lost: names alone tell."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(2, 1, 2, 2, 10, 12)
        write_yokogawa(tmp_path, pixels)
        for path in (tmp_path / "MeasurementData.mlf", tmp_path / yokogawa_name(0, 0, 1, 0)):
            path.unlink()
        scenes = [ExpectedScene("TCZYX", one) for one in pixels]
        scenes[0].missing.append({"T": 0, "C": 0, "Z": 1})
        return Example(tmp_path, scenes)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_list_that_is_cut_is_read_as_far_as_it_goes(tmp_path: Path, share: float):
    pixels = noise(1, 1, 1, 4, 10, 12)
    write_yokogawa(tmp_path, pixels)
    path = tmp_path / "MeasurementData.mlf"
    path.write_text(path.read_text()[: int(share * path.stat().st_size)])
    reader = open_reader(tmp_path)
    np.testing.assert_array_equal(
        reader.read_plane(0, {"Z": 3}, None, allocate_in_memory), pixels[0, 0, 0, 3]
    )
    reader.close()


def test_names_in_the_list_lead_nowhere_else(tmp_path: Path):
    write_yokogawa(tmp_path / "plate", noise(1, 1, 1, 1, 10, 12))
    name = yokogawa_name(0, 0, 1, 0)
    write_tiff(tmp_path / name, noise(10, 12))
    records = RECORDS.format(RECORD.format("IMG", 0, 0, 0, f"../{name}"))
    (tmp_path / "plate" / "MeasurementData.mlf").write_text(records)
    reader = open_reader(tmp_path / "plate")
    assert reader.describe().scenes[0].sizes["Z"] == 1
    reader.close()


# ---------------------------------------------------------------- recognition


@pytest.fixture
def two_plates(tmp_path: Path) -> Path:
    for number in range(2):
        write_yokogawa(tmp_path / str(number), noise(1, 1, 1, 1, 10, 12))
    return tmp_path


def test_two_plates_are_not_one(two_plates: Path):
    assert len(find_plates(two_plates)) == 2
    with pytest.raises(UnsupportedFormatError, match=r"2 plates \(0, 1\); open one of them"):
        open_reader(two_plates)


def test_plates_are_known_by_names_in_them(tmp_path: Path, readers_data: Path):
    assert recognise(readers_data / REAL).name == "hcs_folder"
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "A1_0_0_w1.tiff").touch()
    (tmp_path / "0" / "A1_0_0_Fluorescence_488_nm_Ex.tiff").touch()
    assert not is_plate(tmp_path)


def test_a_plate_that_has_just_begun_is_not_yet_written(tmp_path: Path):
    (tmp_path / "plate.HTD").write_text('"TimePoints", 2\n')
    with pytest.raises(NotYetWrittenError, match="no picture yet"):
        open_reader(tmp_path)


def test_a_plate_whose_first_picture_is_half_written_is_described_by_another(tmp_path: Path):
    pixels = noise(1, 1, 1, 3, 10, 12)
    write_yokogawa(tmp_path, pixels)
    first = tmp_path / yokogawa_name(0, 0, 0, 0)
    first.write_bytes(first.read_bytes()[:20])
    reader = open_reader(tmp_path)
    assert reader.describe().scenes[0].sizes["Z"] == 3
    with pytest.raises(NotYetWrittenError):
        reader.read_plane(0, {"Z": 0}, None, allocate_in_memory)
    reader.close()

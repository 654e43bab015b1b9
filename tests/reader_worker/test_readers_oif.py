"""Olympus OIB and OIF: real files, written ones, and damaged ones."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_oif_files import write_oif
from readers_truth_rig import check_random_reads, check_truth, truth_of

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    UnsupportedFormatError,
)
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader, recognise

OIB = "oib/fv1000_3ch_256.oib"
OIF = "oif/fv1000_3ch_256/Cell 1 mitoEGFP.oif"


def pattern(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).integers(1, 4000, shape).astype(np.uint16)


class TestOif(ReaderContract):
    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = pattern(2, 4, 3, 5, 6)
        missing = (1, 2, 0)
        path = write_oif(tmp_path / "cell.oif", "XYCZT", pixels, (missing,))
        index = dict(zip("TZC", missing, strict=True))
        return Example(path, [ExpectedScene("TZCYX", pixels, [index])])


class TestOifByItsFolder(ReaderContract):
    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = pattern(3, 5, 6)
        write_oif(tmp_path / "cell.oif", "XYZ", pixels)
        return Example(tmp_path, [ExpectedScene("ZYX", pixels)])


@pytest.mark.parametrize("entry", [*truth_of("oib/"), *truth_of("oif/")])
def test_the_file_is_as_the_reference_says(entry: dict[str, Any], readers_data: Path):
    check_truth(readers_data, entry)


def test_random_reads_of_four_clients_are_right(tmp_path: Path, readers_data: Path):
    stack = write_oif(tmp_path / "cell.oif", "XYCZT", pattern(2, 4, 3, 50, 60))
    check_random_reads([readers_data / OIB, readers_data / OIF, stack])


@pytest.mark.parametrize("name", [OIB, OIF])
def test_the_microscope_s_facts_are_told(name: str, readers_data: Path):
    reader = open_reader(readers_data / name)
    metadata = reader.read_metadata()
    channels = reader.describe().scenes[0].channels
    reader.close()
    assert metadata.acquisition_date == "2012-07-26T15:13:35.976"
    assert metadata.microscope == "FLUOVIEW FV1000"
    assert metadata.objective is not None
    assert metadata.objective.name == "UPLFLN 40X NA:0.75"
    assert (metadata.objective.magnification, metadata.objective.numerical_aperture) == (40, 0.75)
    assert metadata.scenes[0].significant_bits == 12
    assert [channel.color for channel in channels] == ["#00ff00", "#ff0000", "#ffffff"]
    assert [channel.excitation_nm for channel in channels] == [488, 543, 543]
    assert channels[1].fluor == "Alexa Fluor 546"


def test_times_and_steps_are_told(tmp_path: Path):
    reader = open_reader(write_oif(tmp_path / "cell.oif", "XYZT", pattern(3, 4, 5, 6)))
    metadata = reader.read_metadata()
    reader.close()
    scene = metadata.scenes[0]
    assert scene.pixel_size_um == {"x": 0.5, "y": 0.25, "z": 0.75}
    assert scene.timestamps_s == pytest.approx([0, 2, 4])
    assert scene.time_interval_s == 0.75
    assert scene.stage_positions[0].z_um == 1.0
    assert metadata.acquisition_date == "2020-02-03T04:05:06"


@pytest.mark.parametrize(
    ("order", "shape", "sizes"),
    [
        ("XTC", (2, 5, 6), {"C": 2, "T": 5, "X": 6}),
        ("XZT", (2, 5, 6), {"T": 2, "Z": 5, "X": 6}),
        ("XYLC", (2, 3, 5, 6), {"C": 2, "L": 3, "Y": 5, "X": 6}),
        ("XYCT", (2, 1, 5, 6), {"T": 2, "Y": 5, "X": 6}),
    ],
)
def test_axes_are_the_file_s_own(
    tmp_path: Path, order: str, shape: tuple[int, ...], sizes: dict[str, int]
):
    pixels = pattern(*shape)
    reader = open_reader(write_oif(tmp_path / "cell.oif", order, pixels))
    assert reader.describe().scenes[0].sizes == sizes
    outer = list(sizes)[:-2]
    last = {axis: sizes[axis] - 1 for axis in outer}
    np.testing.assert_array_equal(
        reader.read_plane(0, last, None, allocate_in_memory), pixels[(-1,) * (len(shape) - 2)]
    )
    reader.close()


# ---------------------------------------------------------------- damaged files


def damaged(tmp_path: Path, source: Path, change: Callable[[bytearray], None]) -> Path:
    content = bytearray(source.read_bytes())
    change(content)
    path = tmp_path / "damaged.oib"
    path.write_bytes(content)
    return path


def sector_table(content: bytearray) -> int:
    """Return where the table of sectors begins."""
    first: int = struct.unpack_from("<I", content, 76)[0]
    sector_bytes: int = 1 << struct.unpack_from("<H", content, 30)[0]
    return sector_bytes * (first + 1)


@pytest.mark.parametrize("sector", [0, 100])
def test_a_circle_in_the_table_of_sectors_is_corrupt(
    tmp_path: Path, readers_data: Path, sector: int
):
    def change(content: bytearray) -> None:
        struct.pack_into("<I", content, sector_table(content) + 4 * sector, sector)

    with pytest.raises(CorruptFileError, match="circle"):
        open_reader(damaged(tmp_path, readers_data / OIB, change))


def test_a_long_circle_is_seen_too(tmp_path: Path, readers_data: Path):
    def change(content: bytearray) -> None:
        table = sector_table(content)
        for sector in range(1, 100):
            struct.pack_into("<I", content, table + 4 * sector, sector % 99 + 1)

    with pytest.raises(CorruptFileError, match="circle"):
        open_reader(damaged(tmp_path, readers_data / OIB, change))


@pytest.mark.parametrize("place", [44, 64, 72])
def test_an_impossible_count_of_sectors_is_refused(tmp_path: Path, readers_data: Path, place: int):
    def change(content: bytearray) -> None:
        struct.pack_into("<I", content, place, 0x7FFFFFFF)

    with pytest.raises(NotYetWrittenError, match="claims"):
        open_reader(damaged(tmp_path, readers_data / OIB, change))


@pytest.mark.parametrize("share", [0, 0.0001, 0.1, 0.5])
def test_a_cut_file_is_not_yet_written(tmp_path: Path, readers_data: Path, share: float):
    def change(content: bytearray) -> None:
        del content[int(len(content) * share) :]

    with pytest.raises(NotYetWrittenError):
        open_reader(damaged(tmp_path, readers_data / OIB, change))


def test_a_cut_plane_is_not_yet_written_and_the_others_come(tmp_path: Path):
    pixels = pattern(3, 50, 60)
    path = write_oif(tmp_path / "cell.oif", "XYZ", pixels)
    second = tmp_path / "cell.oif.files" / "s_Z002.tif"
    second.write_bytes(second.read_bytes()[:-100])
    reader = open_reader(path)
    with pytest.raises(NotYetWrittenError, match=r"s_Z002\.tif"):
        reader.read_plane(0, {"Z": 1}, None, allocate_in_memory)
    for z in (0, 2):
        plane = reader.read_plane(0, {"Z": z}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, pixels[z])
    reader.close()


def test_a_plane_of_another_size_is_corrupt(tmp_path: Path):
    path = write_oif(tmp_path / "cell.oif", "XYZ", pattern(3, 50, 60))
    tifffile.imwrite(tmp_path / "cell.oif.files" / "s_Z002.tif", pattern(5, 6), metadata=None)
    reader = open_reader(path)
    with pytest.raises(CorruptFileError, match=r"s_Z002\.tif is"):
        reader.read_plane(0, {"Z": 1}, None, allocate_in_memory)
    reader.close()


def test_a_plane_that_vanished_is_no_data(tmp_path: Path):
    path = write_oif(tmp_path / "cell.oif", "XYZ", pattern(3, 5, 6))
    reader = open_reader(path)
    (tmp_path / "cell.oif.files" / "s_Z002.tif").unlink()
    with pytest.raises(NoDataError, match="gone"):
        reader.read_plane(0, {"Z": 1}, None, allocate_in_memory)
    reader.close()


def test_an_oif_without_its_folder_says_so(tmp_path: Path, readers_data: Path):
    path = Path(shutil.copy(readers_data / OIF, tmp_path / "alone.oif"))
    with pytest.raises(NoDataError, match=r"alone\.oif\.files is missing"):
        open_reader(path)


def test_a_folder_of_several_asks_for_one(tmp_path: Path):
    for name in ("a", "b"):
        write_oif(tmp_path / f"{name}.oif", "XY", pattern(5, 6))
    assert recognise(tmp_path).name == "oif"
    with pytest.raises(UnsupportedFormatError, match="2 OIF files"):
        open_reader(tmp_path)


def test_settings_that_are_none_are_corrupt(tmp_path: Path):
    path = tmp_path / "cell.oif"
    path.write_text("nothing of the kind")
    (tmp_path / "cell.oif.files").mkdir()
    with pytest.raises(CorruptFileError, match="settings"):
        open_reader(path)


def test_a_compound_file_of_others_is_unsupported(tmp_path: Path, readers_data: Path):
    def change(content: bytearray) -> None:
        old, new = ("OibInfo.txt".encode("utf-16le"), "Whatever.xy".encode("utf-16le"))
        place = content.index(old)
        content[place : place + len(old)] = new

    with pytest.raises(UnsupportedFormatError, match="no OIB"):
        open_reader(damaged(tmp_path, readers_data / OIB, change))

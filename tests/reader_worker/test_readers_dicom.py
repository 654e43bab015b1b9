"""DICOM: frames, compressed or not, folders of slices, whole slides; whole and damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from malformed_rig import find_maker, make_cases
from open_apart import open_apart
from pydicom.uid import ExplicitVRLittleEndian
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_dicom_files import (
    CODECS,
    NATIVE,
    data_set,
    noise,
    write,
    write_compressed,
    write_native,
    write_slices,
    write_slide,
)
from readers_truth_rig import check_random_reads, check_truth, truth_of

from planecast_protocol.errors import (
    CorruptFileError,
    NotYetWrittenError,
    OutOfRangeError,
    UnsupportedFormatError,
)
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader, recognise

JPEG_LS = "dicom/slide_microscopy_jpegls.dcm"


@pytest.mark.parametrize("entry", truth_of("dicom/"))
def test_the_file_is_as_the_reference_says(entry: dict[str, Any], readers_data: Path):
    check_truth(readers_data, entry)


def test_random_reads_of_four_clients_are_right(readers_data: Path, tmp_path: Path):
    volume = noise(20, 32, 48)
    write_slices(tmp_path / "series", volume, range(20))
    write_compressed(tmp_path / "a.dcm", volume, "JPEG 2000")
    files = sorted((readers_data / "dicom").iterdir())
    check_random_reads([*files, tmp_path / "series", tmp_path / "a.dcm"])


# ---------------------------------------------------------------- single files


class TestNative(ReaderContract):
    """Frames as they are in memory, in each order of bytes."""

    @pytest.fixture(params=NATIVE)
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        frames = noise(3, 10, 12)
        write_native(tmp_path / "a.dcm", frames, NATIVE[request.param])
        return Example(tmp_path / "a.dcm", [ExpectedScene("FYX", frames)])

    def test_the_spacing_in_mm_becomes_pixel_sizes(self, reader: PlaneReader):
        sizes = reader.describe().scenes[0].pixel_size_um
        assert sizes == pytest.approx({"x": 0.25, "y": 0.5, "z": None})


class TestColors(ReaderContract):
    """Red, green and blue, one plane after another."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        frames = noise(2, 10, 12, 3, dtype="uint8", top=256)
        found = data_set(frames, ExplicitVRLittleEndian)
        found.PlanarConfiguration = 1
        write(tmp_path / "a.dcm", found, frames.transpose(0, 3, 1, 2).tobytes())
        return Example(tmp_path / "a.dcm", [ExpectedScene("FYXS", frames)])


class TestCompressed(ReaderContract):
    """A stream a frame, with and without a table of them."""

    @pytest.fixture(params=[(codec, has) for codec in CODECS for has in (True, False)], ids=str)
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        codec, has_table = request.param
        frames = noise(3, 20, 24)
        write_compressed(tmp_path / "a.dcm", frames, codec, has_table=has_table)
        return Example(tmp_path / "a.dcm", [ExpectedScene("FYX", frames)])


class TestCompressedColors(ReaderContract):
    """The same in colours."""

    @pytest.fixture(params=CODECS)
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        frames = noise(2, 20, 24, 3, dtype="uint8", top=256)
        write_compressed(tmp_path / "a.dcm", frames, request.param)
        return Example(tmp_path / "a.dcm", [ExpectedScene("FYXS", frames)])


def test_spare_bits_are_cleared_or_filled_with_the_sign(tmp_path: Path):
    frames = noise(1, 4, 6, top=2**16)
    write_native(tmp_path / "u.dcm", frames, ExplicitVRLittleEndian, BitsStored=12, HighBit=11)
    plane = open_reader(tmp_path / "u.dcm").read_plane(0, {}, None, allocate_in_memory)
    np.testing.assert_array_equal(plane, frames[0] & 0xFFF)
    signed = frames.view("int16")
    write_native(tmp_path / "s.dcm", signed, ExplicitVRLittleEndian, BitsStored=12, HighBit=11)
    plane = open_reader(tmp_path / "s.dcm").read_plane(0, {}, None, allocate_in_memory)
    np.testing.assert_array_equal(plane, (frames[0] << 4).view("int16") >> 4)


def test_single_bits_of_any_frame_are_read(tmp_path: Path):
    frames = noise(3, 3, 5, dtype="uint8", top=2)
    found = data_set(frames, ExplicitVRLittleEndian)
    found.BitsAllocated = found.BitsStored = 1
    found.HighBit = 0
    write(tmp_path / "a.dcm", found, np.packbits(frames.ravel(), bitorder="little").tobytes())
    reader = open_reader(tmp_path / "a.dcm")
    for number in range(3):
        plane = reader.read_plane(0, {"F": number}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, frames[number])
    reader.close()


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"])
def test_other_spaces_of_colour_become_rgb_as_in_pydicom(tmp_path: Path, photometric: str):
    is_palette = photometric == "PALETTE COLOR"
    frames = noise(1, 6, 8, *(() if is_palette else (3,)), dtype="uint8", top=256)
    found = data_set(frames, ExplicitVRLittleEndian)
    found.PhotometricInterpretation = photometric
    pixels = frames.tobytes()
    if photometric == "YBR_FULL_422":
        pixels = noise(6, 8, 2, dtype="uint8", top=256).tobytes()
    if is_palette:
        for color in ("Red", "Green", "Blue"):
            setattr(found, f"{color}PaletteColorLookupTableDescriptor", [256, 0, 16])
            table = noise(256, top=65536)[:: 1 if color == "Red" else -1]
            setattr(found, f"{color}PaletteColorLookupTableData", table.tobytes())
    write(tmp_path / "a.dcm", found, pixels)
    plane = open_reader(tmp_path / "a.dcm").read_plane(0, {}, None, allocate_in_memory)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    expected = dataset.pixel_array
    if is_palette:
        expected = pydicom.pixels.apply_color_lut(expected, dataset)
    np.testing.assert_array_equal(plane, expected.reshape(plane.shape))


def test_the_data_set_tells_of_its_acquisition(readers_data: Path):
    reader = open_reader(readers_data / JPEG_LS)
    metadata = reader.read_metadata()
    reader.close()
    assert metadata.acquisition_date == "2009-12-29T09:59:15"
    assert metadata.microscope == "Test Manufacturer Test Model"
    assert metadata.software == "Test Version v0.1.0"
    assert metadata.scenes[0].significant_bits == 8
    assert metadata.warnings == [
        "these are the tiles of one level of a slide; open its folder for the slide"
    ]


# ---------------------------------------------------------------- folders


class TestSlices(ReaderContract):
    """A series in files whose names and numbers say nothing of their place."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        volume = noise(5, 10, 12)
        write_slices(tmp_path / "series", volume, [3, 0, 4, 1, 2])
        (tmp_path / "series" / "notes.txt").write_text("hello")
        return Example(tmp_path / "series", [ExpectedScene("ZYX", volume)])

    def test_the_step_is_that_of_the_places(self, reader: PlaneReader):
        assert reader.describe().scenes[0].pixel_size_um["z"] == pytest.approx(2.0)
        assert reader.describe().warnings == []


class TestTimes(ReaderContract):
    """Each place twice: two time points, in the order of the numbers."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        volume = noise(6, 10, 12)
        write_slices(tmp_path / "series", volume, range(6))
        for number in range(6):
            path = tmp_path / "series" / f"IM{number:04}"
            found = pydicom.dcmread(path)
            found.ImagePositionPatient = [0, 0, number % 3]
            found.save_as(path)
        return Example(tmp_path / "series", [ExpectedScene("TZYX", volume.reshape(2, 3, 10, 12))])


class TestSeveralSeries(ReaderContract):
    """Two series and a file of frames in one folder."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        volume = noise(2, 10, 12)
        write_slices(tmp_path / "series", volume, range(2))
        write_native(tmp_path / "series" / "z.dcm", volume, ExplicitVRLittleEndian)
        other = noise(1, 7, 9)
        write_native(tmp_path / "series" / "y.dcm", other, ExplicitVRLittleEndian)
        return Example(
            tmp_path / "series",
            [
                ExpectedScene("ZYX", volume),
                ExpectedScene("ZYX", other),
                ExpectedScene("FYX", volume),
            ],
        )


def test_missing_slices_are_told(tmp_path: Path):
    write_slices(tmp_path / "series", noise(6, 4, 4), [0, 1, 2, 5])
    reader = open_reader(tmp_path / "series")
    assert reader.describe().scenes[0].sizes["Z"] == 4
    assert reader.describe().warnings == ["slices are missing at 1 places of the stack"]
    reader.close()


def test_a_damaged_slice_is_left_out_and_told(tmp_path: Path):
    write_slices(tmp_path / "series", noise(3, 4, 4), range(3))
    path = tmp_path / "series" / "IM0001"
    path.write_bytes(path.read_bytes()[:400])
    reader = open_reader(tmp_path / "series")
    info = reader.describe()
    reader.close()
    assert info.scenes[0].sizes["Z"] == 2
    assert "IM0001" in info.warnings[0]


class TestSlide(ReaderContract):
    """A slide of two levels, a file each."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        picture = noise(64, 96, 3, dtype="uint8", top=256)
        (tmp_path / "slide").mkdir()
        write_slide(tmp_path / "slide" / "0.dcm", picture, 16, 0.0005)
        write_slide(tmp_path / "slide" / "1.dcm", picture[::2, ::2], 16, 0.001)
        return Example(tmp_path / "slide", [ExpectedScene("YXS", picture)])

    def test_regions_of_levels_are_read(self, example: Example, reader: PlaneReader):
        scene = reader.describe().scenes[0]
        assert [(level.width, level.downsampling) for level in scene.levels] == [(96, 1), (48, 2)]
        assert scene.pixel_size_um == pytest.approx({"x": 0.5, "y": 0.5, "z": None})
        part = reader.read_region(0, (20, 10, 40, 30), 1, {}, allocate_in_memory)
        half = example.scenes[0].pixels[::2, ::2]
        np.testing.assert_array_equal(part, half[5:20, 10:30])
        with pytest.raises(OutOfRangeError, match="no level 2"):
            reader.read_region(0, (0, 0, 4, 4), 2, {}, allocate_in_memory)

    def test_the_objective_is_told(self, reader: PlaneReader):
        objective = reader.read_metadata().objective
        assert objective is not None
        assert objective.magnification == 20


@pytest.mark.parametrize("name", ["slide_microscopy_25_tiles", "slide_microscopy_jpegls"])
def test_the_tiles_of_a_real_slide_make_its_picture(name: str, readers_data: Path, tmp_path: Path):
    content = (readers_data / "dicom" / f"{name}.dcm").read_bytes()
    (tmp_path / "slide").mkdir()
    (tmp_path / "slide" / "only.dcm").write_bytes(content)
    slide = open_reader(tmp_path / "slide")
    tiles = open_reader(tmp_path / "slide" / "only.dcm")
    whole = slide.read_plane(0, {}, None, allocate_in_memory)
    assert whole.shape == (50, 50, 3)
    for number in range(25):
        tile = tiles.read_plane(0, {"F": number}, None, allocate_in_memory)
        y, x = 10 * (number // 5), 10 * (number % 5)
        np.testing.assert_array_equal(whole[y : y + 10, x : x + 10], tile)
    slide.close()
    tiles.close()


# ---------------------------------------------------------------- damaged and hostile


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rows", [65535, 21])
def test_a_stream_of_another_size_is_corrupt(tmp_path: Path, codec: str, rows: int):
    frames = noise(1, 20, 24)
    write_compressed(tmp_path / "a.dcm", frames, codec)
    found = pydicom.dcmread(tmp_path / "a.dcm")
    found.Rows = rows
    found.save_as(tmp_path / "a.dcm")
    with pytest.raises(CorruptFileError, match=r"a\.dcm: a frame"):
        open_reader(tmp_path / "a.dcm").read_plane(0, {}, None, allocate_in_memory)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Rows", 0), ("Rows", 65535), ("SamplesPerPixel", 2), ("BitsAllocated", 12),
     ("BitsStored", 17), ("NumberOfFrames", "99999"), ("NumberOfFrames", "0")],
)  # fmt: skip
def test_sizes_that_can_t_be_are_refused(tmp_path: Path, keyword: str, value: Any):
    write_native(tmp_path / "a.dcm", noise(2, 10, 12), ExplicitVRLittleEndian, **{keyword: value})
    with pytest.raises(CorruptFileError, match="declares"):
        open_reader(tmp_path / "a.dcm")


@pytest.mark.parametrize("codec", [None, "JPEG-LS"])
def test_frames_that_are_whole_are_read_from_a_cut_file(tmp_path: Path, codec: str | None):
    frames = noise(4, 20, 24)
    path = tmp_path / "a.dcm"
    if codec is None:
        write_native(path, frames, ExplicitVRLittleEndian)
    else:
        write_compressed(path, frames, codec)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - len(content) // 3])
    reader = open_reader(path)
    np.testing.assert_array_equal(reader.read_plane(0, {}, None, allocate_in_memory), frames[0])
    with pytest.raises(NotYetWrittenError):
        reader.read_plane(0, {"F": 3}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.1.99"])
def test_a_transfer_syntax_without_codec_is_named(tmp_path: Path, uid: str):
    write_compressed(tmp_path / "a.dcm", noise(1, 8, 8), "RLE")
    content = (tmp_path / "a.dcm").read_bytes()
    old = b"1.2.840.10008.1.2.5\0"
    assert len(uid) % 2 == 1 or uid.endswith("99")
    head, tail = content.split(b"\x02\0\x10\0UI\x14\0" + old)
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    changed = head + b"\x02\0\x10\0UI" + len(padded).to_bytes(2, "little") + padded + tail
    grown = len(padded) - len(old)
    at = changed.index(b"\x02\0\0\0UL\x04\0") + 8
    length = int.from_bytes(changed[at : at + 4], "little") + grown
    changed = changed[:at] + length.to_bytes(4, "little") + changed[at + 4 :]
    (tmp_path / "a.dcm").write_bytes(changed)
    name = pydicom.uid.UID(uid).name.split(" @")[0]
    with pytest.raises(UnsupportedFormatError) as caught:
        open_reader(tmp_path / "a.dcm").read_plane(0, {}, None, allocate_in_memory)
    assert name in caught.value.message


def test_each_malformed_file_ends_in_an_error_or_in_pixels(tmp_path: Path, readers_data: Path):
    maker = find_maker()
    if maker is None:
        pytest.skip("no program that makes malformed files; set PLANECAST_TEST_TOOLS")
    cases = make_cases(maker, readers_data, tmp_path / "bad")
    chosen = [case.path for case in cases if case.kind == "dicom"]
    outcomes = dict(zip((path.name for path in chosen), open_apart(*chosen), strict=True))
    assert len(outcomes) == 17
    # The first frame is whole in these.
    fine = {"truncated_0900permille.dcm", "cut_last_1_bytes.dcm"}
    read = {name for name, found in outcomes.items() if found == "ok"}
    # Of flipped bits in the data set some matter to no pixel.
    assert {name for name in read if "bitflips" not in name} == fine
    assert set(outcomes.values()) <= {
        "ok",
        "CorruptFileError",
        "NotYetWrittenError",
        "UnsupportedFormatError",
    }


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_of_streams_end_no_process(tmp_path: Path, readers_data: Path, seed: int):
    chance = np.random.default_rng(seed)
    codec = list(CODECS)[seed % len(CODECS)]
    write_compressed(tmp_path / "good.dcm", noise(1, 20, 24), codec)
    good = np.frombuffer((tmp_path / "good.dcm").read_bytes(), np.uint8)
    paths = [tmp_path / f"bad{number}.dcm" for number in range(6)]
    for number, path in enumerate(paths):
        bad = good.copy()
        bad[chance.integers(len(good) // 2, len(good), 5)] ^= 1 << number
        path.write_bytes(bad.tobytes())
    assert set(open_apart(*paths)) <= {"ok", "CorruptFileError", "NotYetWrittenError"}


def test_files_are_known_by_the_mark_after_their_preamble(tmp_path: Path):
    write_native(tmp_path / "no suffix", noise(1, 4, 4), ExplicitVRLittleEndian)
    assert recognise(tmp_path / "no suffix").name == "dicom"
    assert recognise(tmp_path).name == "dicom"

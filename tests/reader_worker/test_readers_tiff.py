"""TIFF in all its kinds, written by the tests."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_tiff_files import HEIGHT, WIDTH, noise

from planecast_protocol.errors import (
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    TooLargeError,
)
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import indexing, open_reader

DTYPES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8", "u8", "c8")


class TestSinglePage(ReaderContract):
    """One plane, of every pixel type, in both byte orders."""

    @pytest.fixture(params=[f"{order}{name}" for name in DTYPES for order in "<>"])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        order, name = request.param[0], request.param[1:]
        pixels = noise(HEIGHT, WIDTH, dtype=name)
        path = tmp_path / "plane.tif"
        tifffile.imwrite(path, pixels, byteorder=order, photometric="minisblack", metadata=None)
        return Example(path, [ExpectedScene("YX", pixels)])


class TestLayouts(ReaderContract):
    """Ten ways to store the same stack."""

    @pytest.fixture(
        params=[
            {},
            {"compression": "zlib"},
            {"compression": "lzw", "predictor": True},
            {"compression": "zstd"},
            {"compression": "packbits"},
            {"tile": (16, 32)},
            {"tile": (16, 16), "compression": "zlib"},
            {"rowsperstrip": 5},
            {"rowsperstrip": 5, "compression": "zlib", "byteorder": ">"},
            {"bigtiff": True, "byteorder": ">"},
        ],
        ids=str,
    )
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        options = dict(request.param)
        opening = {key: options.pop(key) for key in ("bigtiff", "byteorder") if key in options}
        pixels = noise(4, HEIGHT, WIDTH)
        path = tmp_path / "stack.tif"
        with tifffile.TiffWriter(path, **opening) as writer:
            for page in pixels:
                writer.write(
                    page, metadata=None, contiguous=False, photometric="minisblack", **options
                )
        return Example(path, [ExpectedScene("IYX", pixels)])


class TestColours(ReaderContract):
    """RGB and RGBA, samples together or apart."""

    @pytest.fixture(
        params=[(3, "contig", None), (4, "contig", "zlib"), (3, "separate", None),
                (4, "separate", "zlib")],
        ids=str,
    )  # fmt: skip
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        samples, planar, compression = request.param
        pixels = noise(2, HEIGHT, WIDTH, samples, dtype="u1")
        path = tmp_path / "colours.tif"
        with tifffile.TiffWriter(path) as writer:
            for page in pixels:
                writer.write(
                    page if planar == "contig" else np.moveaxis(page, -1, 0),
                    photometric="rgb",
                    planarconfig=planar,
                    compression=compression,
                    extrasamples=["unassalpha"] if samples == 4 else None,
                    metadata=None,
                    contiguous=False,
                )
        return Example(path, [ExpectedScene("IYXS", pixels)])


class TestOmeTiff(ReaderContract):
    """OME-TIFF with all axes, and with several series of unlike sizes."""

    @pytest.fixture(params=["one", "series", "big-endian"])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        path = tmp_path / "image.ome.tif"
        scenes = [ExpectedScene("TZCYX", noise(2, 3, 2, HEIGHT, WIDTH))]
        if request.param == "series":
            scenes.append(ExpectedScene("CYX", noise(3, 20, 30, dtype="f4")))
            scenes.append(ExpectedScene("YXS", noise(16, 18, 3, dtype="u1")))
        order = ">" if request.param == "big-endian" else "<"
        with tifffile.TiffWriter(path, ome=True, byteorder=order) as writer:
            for number, scene in enumerate(scenes):
                writer.write(
                    scene.pixels,
                    photometric="rgb" if "S" in scene.axes else "minisblack",
                    metadata={"axes": scene.axes, "Name": f"fov {number}"},
                )
        return Example(path, scenes)


class TestImageJ(ReaderContract):
    """An ImageJ hyperstack, which is big-endian."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(2, 3, 2, HEIGHT, WIDTH)
        path = tmp_path / "hyperstack.tif"
        tifffile.imwrite(
            path,
            pixels,
            imagej=True,
            resolution=(1 / 0.25, 1 / 0.25),
            metadata={"axes": "TZCYX", "spacing": 1.5, "unit": "um"},
        )
        return Example(path, [ExpectedScene("TZCYX", pixels)])

    def test_pixel_sizes_come_from_resolution_and_spacing(self, reader: PlaneReader):
        size = reader.describe().scenes[0].pixel_size_um
        assert size == pytest.approx({"x": 0.25, "y": 0.25, "z": 1.5})


class TestUnknownAxes(ReaderContract):
    """Axes that tifffile has no letter for are neither guessed nor dropped."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = noise(2, 3, HEIGHT, WIDTH)
        path = tmp_path / "unknown.tif"
        tifffile.imwrite(path, pixels, photometric="minisblack")
        return Example(path, [ExpectedSceneNamed("QqYX", pixels)])

    def test_every_plane_is_the_one_that_was_written(self, example: Example, reader: PlaneReader):
        plane = reader.read_plane(0, {"Q": 1, "Q2": 2}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, example.scenes[0].pixels[1, 2])

    def test_scenes_have_the_sizes_and_types_that_were_written(self, reader: PlaneReader):
        assert reader.describe().scenes[0].sizes == {"Q": 2, "Q2": 3, "Y": HEIGHT, "X": WIDTH}

    def test_an_index_beyond_its_axis_is_out_of_range(self, reader: PlaneReader):
        with pytest.raises(OutOfRangeError):
            reader.read_plane(0, {"Q2": 3}, None, allocate_in_memory)


class ExpectedSceneNamed(ExpectedScene):
    """With a second Q, written q here."""


def write_ome(path: Path, **metadata: object) -> np.ndarray:
    pixels = noise(2, 3, 2, HEIGHT, WIDTH)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "TZCYX", **metadata})
    return pixels


def test_ome_metadata_is_told(tmp_path: Path):
    path = tmp_path / "image.ome.tif"
    write_ome(
        path,
        PhysicalSizeX=325,
        PhysicalSizeXUnit="nm",
        PhysicalSizeY=0.325,
        PhysicalSizeYUnit="µm",
        Channel={"Name": ["DAPI", "GFP"], "EmissionWavelength": [450, 525], "Color": [255, -1]},
        Plane={"ExposureTime": [0.1, 0.02] * 6},
    )
    reader = open_reader(path)
    scene = reader.describe().scenes[0]
    reader.close()
    assert scene.pixel_size_um == pytest.approx({"x": 0.325, "y": 0.325, "z": None})
    assert [channel.name for channel in scene.channels] == ["DAPI", "GFP"]
    assert [channel.emission_nm for channel in scene.channels] == [450, 525]
    assert [channel.color for channel in scene.channels] == ["#000000", "#ffffff"]


def test_a_page_is_read_by_its_number(tmp_path: Path):
    path = tmp_path / "image.ome.tif"
    pixels = write_ome(path).reshape(-1, HEIGHT, WIDTH)
    reader = open_reader(path)
    for number, page in enumerate(pixels):
        np.testing.assert_array_equal(reader.read_plane(0, {}, number, allocate_in_memory), page)
    with pytest.raises(NotYetWrittenError, match="12 pages so far"):
        reader.read_plane(0, {}, 12, allocate_in_memory)
    reader.close()


def test_a_pyramid_is_read_by_level(tmp_path: Path):
    path = tmp_path / "pyramid.ome.tif"
    full = noise(128, 96)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(full, subifds=1, tile=(32, 32), metadata={"axes": "YX"})
        writer.write(full[::2, ::2], subfiletype=1, tile=(32, 32))
    reader = open_reader(path)
    scene = reader.describe().scenes[0]
    assert [(level.width, level.height) for level in scene.levels] == [(96, 128), (48, 64)]
    region = reader.read_region(0, (20, 40, 40, 60), 1, {}, allocate_in_memory)
    np.testing.assert_array_equal(region, full[::2, ::2][20:50, 10:30])
    with pytest.raises(OutOfRangeError, match="level 2"):
        reader.read_region(0, (0, 0, 8, 8), 2, {}, allocate_in_memory)
    reader.close()


def test_a_region_of_a_plane_beyond_the_limit_is_read_by_its_tiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "large.tif"
    pixels = noise(200, 300, 3, dtype="u1")
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(32, 48), compression="zlib")
    monkeypatch.setattr(indexing, "MAX_PLANE_BYTES", 50_000)
    reader = open_reader(path)
    with pytest.raises(TooLargeError):
        reader.read_plane(0, {}, None, allocate_in_memory)
    for x, y, width, height in (
        (0, 0, 300, 20),
        (40, 31, 100, 3),
        (299, 199, 1, 1),
        (290, 0, 99, 9),
    ):
        np.testing.assert_array_equal(
            reader.read_region(0, (x, y, width, height), 0, {}, allocate_in_memory),
            pixels[y : y + height, x : x + width],
        )
    with pytest.raises(OutOfRangeError, match="outside"):
        reader.read_region(0, (300, 0, 5, 5), 0, {}, allocate_in_memory)
    reader.close()


def test_a_file_of_two_with_a_missing_one_says_which(tmp_path: Path):
    """A multi-file OME-TIFF whose second file was never copied."""
    path = tmp_path / "a.ome.tif"
    pixels = noise(HEIGHT, WIDTH)
    uuid = "urn:uuid:00000000-0000-0000-0000-00000000000"
    planes = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}.ome.tif">{uuid}{t}</UUID></TiffData>'
        for t, name in enumerate("ab")
    )
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="{uuid}0"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
        f'Type="uint16" SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="1" SizeZ="1" SizeT="2">'
        f'<Channel ID="Channel:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    tifffile.imwrite(path, pixels, description=xml, metadata=None)
    reader = open_reader(path)
    assert "b.ome.tif" in reader.describe().warnings[0]
    np.testing.assert_array_equal(reader.read_plane(0, {"T": 0}, None, allocate_in_memory), pixels)
    with pytest.raises(NoDataError, match=r"b\.ome\.tif"):
        reader.read_plane(0, {"T": 1}, None, allocate_in_memory)
    reader.close()

    tifffile.imwrite(tmp_path / "b.ome.tif", pixels + 1, description=xml, metadata=None)
    reader = open_reader(path)
    np.testing.assert_array_equal(
        reader.read_plane(0, {"T": 1}, None, allocate_in_memory), pixels + 1
    )
    reader.close()


def test_references_out_of_the_folder_are_not_followed(tmp_path: Path):
    outside = tmp_path / "outside.ome.tif"
    tifffile.imwrite(outside, noise(HEIGHT, WIDTH), metadata=None)
    folder = tmp_path / "folder"
    folder.mkdir()
    planes = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:{t}</UUID>'
        "</TiffData>"
        for t, name in enumerate(("in.ome.tif", "../outside.ome.tif"))
    )
    xml = (
        '<OME UUID="urn:0"><Image><Pixels DimensionOrder="XYCZT" Type="uint16" '
        f'SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="1" SizeZ="1" SizeT="2">{planes}'
        "</Pixels></Image></OME>"
    )
    tifffile.imwrite(folder / "in.ome.tif", noise(HEIGHT, WIDTH), description=xml, metadata=None)
    reader = open_reader(folder / "in.ome.tif")
    info = reader.describe()
    reader.close()
    assert "outside" in info.warnings[0]
    assert info.scenes[0].sizes == {"Y": HEIGHT, "X": WIDTH}


def test_resolution_for_paper_is_no_pixel_size(tmp_path: Path):
    path = tmp_path / "printed.tif"
    pixels = noise(HEIGHT, WIDTH)
    for resolution, unit, expected in (
        ((300, 300), "INCH", None),
        ((72 / 2.54, 72 / 2.54), "CENTIMETER", None),
        ((1e4 / 0.65, 1e4 / 0.65), "CENTIMETER", 0.65),
    ):
        tifffile.imwrite(path, pixels, resolution=resolution, resolutionunit=unit, metadata=None)
        reader = open_reader(path)
        found = reader.describe().scenes[0].pixel_size_um["x"]
        reader.close()
        assert found == (None if expected is None else pytest.approx(expected))

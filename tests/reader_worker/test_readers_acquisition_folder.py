"""Folders of an acquisition, in the layouts of Squid."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from readers_contract import Example, ExpectedScene, ReaderContract

from planecast_protocol.errors import NoDataError, NotYetWrittenError, UnsupportedFormatError
from planecast_protocol.metadata import StagePosition
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_files, open_reader
from planecast_reader.readers.acquisition_folder import reader as folder_reader
from planecast_reader.readers.acquisition_folder.names import region_order, scan, split_name

CHANNELS = ["BF", "Fluorescence_488_nm_Ex"]
FOVS = [("A2", 0), ("A2", 1), ("A10", 0), ("B1", 0), ("my_region_1", 3)]
"""In the order in which they should be shown."""


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 60000, shape).astype(np.uint16)


def write_sidecars(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "0").mkdir(exist_ok=True)
    (folder / "acquisition parameters.json").write_text(
        json.dumps({"dz(um)": 1.5, "pixel_size_um": 0.325, "objective": {"magnification": 20.0}})
    )
    rows = [f"{region},{fov},0,{number}.5,2.25,0" for number, (region, fov) in enumerate(FOVS)]
    (folder / "0" / "coordinates.csv").write_text(
        "\n".join(["region,fov,z_level,x (mm),y (mm),z (um)", *rows])
    )


def write_planes(folder: Path, pixels: np.ndarray, suffix: str = ".tiff") -> None:
    """Write pixels (fov, t, c, z, y, x) as one file a plane."""
    for number, t, c, z in np.ndindex(*pixels.shape[:4]):
        region, fov = FOVS[number]
        place = folder / str(t)
        place.mkdir(exist_ok=True)
        name = f"{region}_{fov}_{z}_{CHANNELS[c]}{suffix}"
        tifffile.imwrite(place / name, pixels[number, t, c, z], metadata=None)


class TestPlanes(ReaderContract):
    """One file a plane."""

    @pytest.fixture(params=[".tiff", ".tif"])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        folder = tmp_path / "run"
        write_sidecars(folder)
        pixels = noise(len(FOVS), 2, 2, 3, 12, 17)
        write_planes(folder, pixels, request.param)
        gone = folder / "1" / f"A10_0_2_BF{request.param}"
        gone.unlink()
        scenes = [ExpectedScene("TCZYX", one) for one in pixels]
        scenes[2].missing.append({"T": 1, "C": 0, "Z": 2})
        return Example(folder, scenes)

    def test_fovs_are_named_and_in_natural_order(self, reader: PlaneReader):
        info = reader.describe()
        assert [scene.name for scene in info.scenes] == [f"{r}:{f}" for r, f in FOVS]
        assert [channel.name for channel in info.scenes[0].channels] == CHANNELS

    def test_the_files_beside_tell_sizes_and_positions(self, reader: PlaneReader):
        assert reader.describe().scenes[0].pixel_size_um == {"x": 0.325, "y": 0.325, "z": 1.5}
        metadata = reader.read_metadata()
        positions = [scene.stage_positions for scene in metadata.scenes]
        assert positions == [
            [StagePosition(x_um=1e3 * number + 500, y_um=2250)] for number in range(len(FOVS))
        ]
        assert [scene.well for scene in metadata.scenes] == [region for region, _ in FOVS]

    def test_a_missing_plane_names_its_file(self, reader: PlaneReader):
        with pytest.raises(NoDataError, match=r"1/A10_0_2_BF\.tiff is missing"):
            reader.read_plane(2, {"T": 1, "Z": 2}, None, allocate_in_memory)

    def test_a_plane_that_appears_later_is_read(self, example: Example, reader: PlaneReader):
        missing = example.scenes[2].missing[0]
        pixels = example.scenes[2].plane(missing)
        tifffile.imwrite(example.path / "1" / "A10_0_2_BF.tiff", pixels, metadata=None)
        np.testing.assert_array_equal(
            reader.read_plane(2, missing, None, allocate_in_memory), pixels
        )

    def test_a_plane_taken_again_is_read_again(self, example: Example, reader: PlaneReader):
        old = reader.read_plane(0, {}, None, allocate_in_memory)
        path = next((example.path / "0").glob("A2_0_0_BF*"))
        tifffile.imwrite(path, np.vstack([old, old]) + 1, metadata=None)
        new = reader.read_plane(0, {}, None, allocate_in_memory)
        np.testing.assert_array_equal(new, np.vstack([old, old]) + 1)

    def test_few_files_are_open_at_once(self, example: Example, reader: PlaneReader):
        assert isinstance(reader, folder_reader.AcquisitionFolderReader)
        for index in example.scenes[0].indices():
            for scene in range(2):
                reader.read_plane(scene, index, None, allocate_in_memory)
        assert len(reader._files._open) == open_files.MAX_OPEN_FILES


class TestStacks(ReaderContract):
    """One OME-TIFF a fov."""

    @pytest.fixture(params=["0", "ome_tiff"])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        folder = tmp_path / "run"
        write_sidecars(folder)
        place = folder / request.param
        place.mkdir(exist_ok=True)
        pixels = noise(len(FOVS), 2, 2, 3, 12, 17)
        for (region, fov), one in zip(FOVS, pixels, strict=True):
            tifffile.imwrite(
                place / f"{region}_{fov}.ome.tiff",
                one.transpose(0, 2, 1, 3, 4),
                ome=True,
                metadata={"axes": "TZCYX", "Channel": {"Name": CHANNELS}},
            )
        return Example(folder, [ExpectedScene("TCZYX", one) for one in pixels])

    def test_channels_have_the_names_of_the_file(self, reader: PlaneReader):
        assert [c.name for c in reader.describe().scenes[0].channels] == CHANNELS


def test_fovs_that_first_appear_at_the_second_time_point_are_shown(tmp_path: Path):
    for t, name in ((0, "A1_0_0_BF"), (1, "A1_0_0_BF"), (1, "A1_7_0_BF")):
        (tmp_path / str(t)).mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / str(t) / f"{name}.tiff", noise(4, 5), metadata=None)
    reader = open_reader(tmp_path)
    assert [scene.name for scene in reader.describe().scenes] == ["A1:0", "A1:7"]
    np.testing.assert_array_equal(
        reader.read_plane(1, {"T": 1}, None, allocate_in_memory), noise(4, 5)
    )
    with pytest.raises(NoDataError, match="0/A1_7_0_BF"):
        reader.read_plane(1, {"T": 0}, None, allocate_in_memory)
    reader.close()


def test_one_file_is_opened_to_describe_three_thousand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "0").mkdir()
    first = tmp_path / "0" / "A1_0_0_BF.tiff"
    tifffile.imwrite(first, noise(4, 5), metadata=None)
    content = first.read_bytes()
    for number in range(3000):
        (tmp_path / "0" / f"A1_{number // 10}_{number % 10}_BF.tiff").write_bytes(content)
    opened: list[Path] = []

    def counting(path: Path) -> PlaneReader:
        opened.append(path)
        return open_reader(path)

    monkeypatch.setattr(open_files, "open_reader", counting)
    reader = folder_reader.AcquisitionFolderReader(tmp_path)
    info = reader.describe()
    reader.close()
    assert len(info.scenes) == 300
    assert info.scenes[0].sizes == {"T": 1, "C": 1, "Z": 10, "Y": 4, "X": 5}
    assert len(opened) == 1


def test_a_folder_whose_first_picture_is_half_written_is_described_by_another(tmp_path: Path):
    (tmp_path / "0").mkdir()
    for z in range(2):
        tifffile.imwrite(tmp_path / "0" / f"A1_0_{z}_BF.tiff", noise(4, 5), metadata=None)
    whole = (tmp_path / "0" / "A1_0_0_BF.tiff").read_bytes()
    (tmp_path / "0" / "A1_0_0_BF.tiff").write_bytes(whole[:20])
    reader = open_reader(tmp_path)
    assert reader.describe().scenes[0].sizes["Z"] == 2
    with pytest.raises(NotYetWrittenError):
        reader.read_plane(0, {"Z": 0}, None, allocate_in_memory)
    reader.close()


def test_an_acquisition_that_has_just_begun_is_not_yet_written(tmp_path: Path):
    (tmp_path / "acquisition parameters.json").write_text("{}")
    with pytest.raises(NotYetWrittenError, match="no picture yet"):
        open_reader(tmp_path)


def test_any_other_folder_is_unsupported(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnsupportedFormatError):
        open_reader(tmp_path)


@pytest.mark.parametrize(
    ("stem", "known", "expected"),
    [
        ("A1_0_2_BF", set(), ("A1", 0, 2, "BF")),
        ("my_region_3_2_Fluorescence_488_nm_Ex", set(),
         ("my_region", 3, 2, "Fluorescence_488_nm_Ex")),
        ("region_1_0_2_BF", set(), ("region_1", 0, 2, "BF")),
        ("A1_0_2_Ch_1_2_x", {"A1"}, ("A1", 0, 2, "Ch_1_2_x")),
        ("manual0_10_0_BF_LED_matrix_full", set(), ("manual0", 10, 0, "BF_LED_matrix_full")),
        ("overview", set(), None),
        ("A1_0_BF", set(), None),
    ],
)  # fmt: skip
def test_names_are_split_where_region_and_channel_have_underscores(
    stem: str, known: set[str], expected: tuple[str, int, int, str] | None
):
    assert split_name(stem, frozenset(known)) == expected


def test_wells_are_ordered_by_row_and_column():
    names = ["AA1", "B1", "A10", "manual2", "A2", "manual10", "Z9"]
    ordered = ["A2", "A10", "B1", "Z9", "AA1", "manual2", "manual10"]
    assert sorted(names, key=region_order) == ordered


def test_hidden_and_foreign_files_are_left_out(tmp_path: Path):
    (tmp_path / "0").mkdir()
    for name in (".A1_0_0_BF.tiff.part", ".A1_0_0_BF.tiff", "A1_0_0_BF.png", "A1_0_0_BF.tiff"):
        (tmp_path / "0" / name).touch()
    assert list(scan(tmp_path).planes.values()) == [tmp_path / "0" / "A1_0_0_BF.tiff"]


# ---------------------------------------------------------------- other ways of Squid to save


def write_pages(path: Path, pixels: np.ndarray) -> None:
    """Append pixels (c, z, y, x) page by page, z by z, as Squid does."""
    for z in range(pixels.shape[1]):
        for c, channel in enumerate(CHANNELS):
            facts = {"z_level": z, "channel": channel, "channel_index": c, "region_id": "A1"}
            with tifffile.TiffWriter(path, append=True) as tiff:
                tiff.write(pixels[c, z], metadata=facts, description=json.dumps(facts))


class TestMultiPage(ReaderContract):
    """One multi-page TIFF a fov and time point."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        folder = tmp_path / "run"
        write_sidecars(folder)
        pixels = noise(len(FOVS), 2, 2, 3, 12, 17)
        scenes = [ExpectedScene("TCZYX", one) for one in pixels]
        for number, (region, fov) in enumerate(FOVS):
            for t in range(2):
                (folder / str(t)).mkdir(exist_ok=True)
                if (number, t) != (3, 1):
                    write_pages(folder / str(t) / f"{region}_{fov}_stack.tiff", pixels[number, t])
        scenes[3].missing += [{"T": 1, "C": c, "Z": z} for c in range(2) for z in range(3)]
        return Example(folder, scenes)

    def test_channels_are_in_the_controller_s_order(self, reader: PlaneReader):
        info = reader.describe()
        assert [channel.name for channel in info.scenes[0].channels] == CHANNELS
        assert [scene.name for scene in info.scenes] == [f"{r}:{f}" for r, f in FOVS]

    def test_a_page_that_was_appended_is_read(self, example: Example, reader: PlaneReader):
        path = example.path / "0" / "A2_0_stack.tiff"
        path.unlink()
        pixels = example.scenes[0].pixels[0]
        write_pages(path, pixels[:, :1])
        with pytest.raises(NoDataError, match="no page for z=2"):
            reader.read_plane(0, {"Z": 2}, None, allocate_in_memory)
        path.unlink()
        write_pages(path, pixels)
        plane = reader.read_plane(0, {"Z": 2}, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, pixels[0, 2])


class TestZarrStores(ReaderContract):
    """One zarr store a fov, below `zarr` or in a plate."""

    @pytest.fixture(params=["zarr/{0}{1}/fov_{2}.ome.zarr", "plate.ome.zarr/{0}/{1}/{2}"])
    def example(self, tmp_path: Path, request: pytest.FixtureRequest) -> Example:
        folder = tmp_path / "run"
        (folder / "0").mkdir(parents=True)
        (folder / "acquisition parameters.json").write_text("{}")
        pixels = noise(3, 2, 2, 3, 12, 17)
        places = [("A", "2", 0), ("A", "2", 1), ("B", "10", 0)]
        axes = [{"name": name} for name in "tczyx"]
        for place, one in zip(places, pixels, strict=True):
            group = zarr.open_group(folder / request.param.format(*place), mode="w")
            group.create_array("0", data=one, chunks=(1, 1, 1, 12, 17))
            datasets = [{"path": "0"}]
            group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": datasets}]}
        return Example(folder, [ExpectedScene("TCZYX", one) for one in pixels])

    def test_fovs_have_the_names_of_their_wells(self, reader: PlaneReader):
        names = [scene.name for scene in reader.describe().scenes]
        assert names == ["A2:0", "A2:1", "B10:0"]

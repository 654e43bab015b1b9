"""What a file says, in pandas and in the OME model."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_rig import hyperstack, opened, write_ome
from ome_types import OME, from_xml
from readers_czi_files import put, writing
from worker_rig import Worker, running_worker

from planecast_protocol.errors import UnsupportedFormatError
from planecast_protocol.images import ChannelInfo
from planecast_protocol.metadata import ImageMetadata, Objective, SceneMetadata, StagePosition
from planecast_reader.headless.ome import to_ome

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "64") as worker:
        yield worker


def scene(**more: object) -> SceneMetadata:
    known: dict[str, object] = {
        "name": "A1",
        "sizes": {"T": 3, "C": 2, "Z": 1, "Y": 30, "X": 40},
        "dtype": "<u2",
        "channels": [
            ChannelInfo(name="DAPI", color="#0000ff", emission_nm=461.0, exposure_ms=20.0),
            ChannelInfo(name="BF", contrast_method="Brightfield", acquisition_mode="of our own"),
        ],
        "pixel_size_um": {"x": 0.325, "y": 0.325, "z": None},
    }
    return SceneMetadata(**{**known, **more})  # type: ignore[arg-type]


def there_and_back(metadata: ImageMetadata) -> OME:
    """Return what another program finds in the XML."""
    return from_xml(to_ome(metadata).to_xml())


def test_the_ome_model_has_what_the_file_says():
    metadata = ImageMetadata(
        path="local:a.czi",
        acquisition_date="2024-05-06T07:08:09+00:00",
        microscope="Axio",
        objective=Objective(
            name="Plan 20x", magnification=20.0, numerical_aperture=0.8, immersion="oil"
        ),
        scenes=[
            scene(
                well="B2",
                significant_bits=12,
                timestamps_s=[0.0, 2.5, 5.0],
                stage_positions=[StagePosition(x_um=10.0, y_um=-20.0, z_um=3.0)],
            )
        ],
    )
    ome = there_and_back(metadata)
    (image,) = ome.images
    pixels = image.pixels
    assert image.name == "A1"
    assert image.stage_label is not None
    assert image.stage_label.name == "B2"
    assert (pixels.size_t, pixels.size_c, pixels.size_z) == (3, 2, 1)
    assert (pixels.size_y, pixels.size_x) == (30, 40)
    assert pixels.dimension_order.value == "XYZCT"
    assert pixels.type.value == "uint16"
    assert pixels.significant_bits == 12
    assert (pixels.physical_size_x, pixels.physical_size_z) == (0.325, None)
    assert [channel.name for channel in pixels.channels] == ["DAPI", "BF"]
    assert pixels.channels[0].emission_wavelength == 461
    assert pixels.channels[0].color.as_hex() in {"#00f", "#0000ff"}
    assert pixels.channels[1].contrast_method is not None
    assert pixels.channels[1].acquisition_mode is None
    assert len(pixels.planes) == 6
    last = pixels.planes[-1]
    assert (last.the_t, last.the_c, last.the_z) == (2, 1, 0)
    assert (last.delta_t, last.position_x, last.position_y, last.position_z) == (5, 10, -20, 3)
    assert pixels.planes[0].exposure_time == 20
    (instrument,) = ome.instruments
    assert instrument.microscope is not None
    assert instrument.microscope.model == "Axio"
    assert instrument.objectives[0].lens_na == 0.8
    assert image.acquisition_date is not None
    assert image.acquisition_date.year == 2024


def test_what_the_file_does_not_say_is_absent():
    ome = there_and_back(ImageMetadata(scenes=[scene(channels=[ChannelInfo(name="0")] * 2)]))
    assert ome.instruments == []
    assert ome.images[0].pixels.planes == []
    assert ome.images[0].acquisition_date is None
    assert ome.images[0].pixels.channels[0].emission_wavelength is None


def test_colours_are_samples_of_one_channel():
    rgb = scene(sizes={"Y": 30, "X": 40, "S": 3}, channels=[ChannelInfo(name="RGB")], dtype="|u1")
    pixels = there_and_back(ImageMetadata(scenes=[rgb])).images[0].pixels
    assert pixels.size_c == 3
    assert [channel.samples_per_pixel for channel in pixels.channels] == [3]
    assert pixels.dimension_order.value == "XYCZT"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"sizes": {"λ": 3, "Y": 30, "X": 40}}, "axis λ"),
        ({"sizes": {"C": 1, "Z": 30, "X": 40}}, "axis Z"),
        ({"dtype": "<u8"}, "uint64"),
    ],
    ids=str,
)
def test_what_the_ome_model_has_no_place_for_is_told(facts: dict, message: str):
    with pytest.raises(UnsupportedFormatError, match=message):
        to_ome(ImageMetadata(path="local:a.lif", scenes=[scene(**facts)]))


def test_metadata_of_a_file_is_written_as_ome(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", hyperstack(2, 3, 20, 30), "CZYX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        ome = from_xml(image.to_ome().to_xml())
    pixels = ome.images[0].pixels
    assert (pixels.size_c, pixels.size_z, pixels.size_y, pixels.size_x) == (2, 3, 20, 30)
    assert pixels.dimension_order.value == "XYZCT"
    assert (pixels.physical_size_x, pixels.physical_size_z) == (0.5, 2.0)
    assert [channel.name for channel in pixels.channels] == ["DAPI", "GFP"]


def write_mosaic(path: Path) -> np.ndarray:
    tiles = hyperstack(3, 20, 30)
    with writing(path) as document:
        for m, tile in enumerate(tiles):
            for z in range(2):
                put(document, tile + z, {"C": 0, "T": 0, "Z": z}, location=(25 * m, 0))
    return tiles


def test_tiles_have_numbers_and_places(worker: Worker, tmp_path: Path):
    tiles = write_mosaic(tmp_path / "mosaic.czi")
    with opened(worker, tmp_path / "mosaic.czi") as image:
        listed = image.tiles()
        assert [(one.tile, one.x, one.width) for one in listed] == [
            (0, 0, 30),
            (1, 25, 30),
            (2, 50, 30),
        ]
        table = image.tile_table()
        for one in listed:
            np.testing.assert_array_equal(image.read_tile(tile=one.tile), tiles[one.tile])
        both = image.read_stack(tile=1, T=0, C=0)
    np.testing.assert_array_equal(both, np.stack([tiles[1], tiles[1] + 1]))
    assert table[["scene", "tile", "x"]].to_numpy().tolist() == [[0, 0, 0], [0, 1, 25], [0, 2, 50]]
    assert table["x_um"].isna().all()


def test_an_image_without_tiles_has_an_empty_list(worker: Worker, tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", hyperstack(20, 30), "YX")
    with opened(worker, tmp_path / "a.ome.tif") as image:
        assert image.tiles() == []
        assert list(image.tile_table().columns)[:3] == ["scene", "tile", "x"]


def test_stage_positions_of_real_tiles(worker: Worker, readers_data: Path):
    path = readers_data / "czi" / "s3_mosaic_scene_sizes_differ_t2_z3_c2.czi"
    with opened(worker, path) as image:
        first = image.tiles(0)[0]
        assert (first.width, first.height) == (64, 64)
        assert (first.x_um, first.y_um) == (38397.296, 12678.638)
        assert len(image.tile_table()) == sum(len(one.tiles) for one in image.scenes)


def test_planetable_has_one_row_a_sub_block(worker: Worker, tmp_path: Path):
    write_mosaic(tmp_path / "mosaic.czi")
    with opened(worker, tmp_path / "mosaic.czi") as image:
        table = image.planetable(norm_time=True)
        columns = image.planetable_columns(scene=0)
    assert len(table) == 6
    assert set("SMTCZ") <= set(table.columns)
    assert table["xstart"].tolist() == columns["xstart"]

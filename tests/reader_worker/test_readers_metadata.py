"""What TIFF and CZI files say of their acquisition, in one model; and vendors' words made plain."""

import enum
import json
import xml.etree.ElementTree as ET
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tifffile
from readers_contract import check_metadata

from planecast_protocol.metadata import ImageMetadata, Objective, StagePosition
from planecast_reader.readers import open_reader
from planecast_reader.readers.objectives import immersion_word, objective_of_name
from planecast_reader.readers.plain import MAX_ITEMS, parse_xml_tree, plain_value, xml_tree

OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" Creator="the test">
 <Plate ID="Plate:0"><Well ID="Well:0" Row="27" Column="11">
  <WellSample ID="WellSample:0" Index="0"><ImageRef ID="Image:0"/></WellSample></Well></Plate>
 <Instrument ID="Instrument:0"><Microscope Manufacturer="Nikon" Model="Ti2"/>
  <Objective ID="Objective:0" Model="wrong" NominalMagnification="0"/>
  <Objective ID="Objective:1" Model="Apo 60x" NominalMagnification="60" LensNA="1.4"
   Immersion="Oil"/></Instrument>
 <Image ID="Image:0" Name="first"><AcquisitionDate>2024-05-06T07:08:09</AcquisitionDate>
  <ObjectiveSettings ID="Objective:1"/>
  <Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="5" SizeY="4" SizeZ="1"
   SizeC="2" SizeT="3" SignificantBits="12" TimeIncrement="500" TimeIncrementUnit="ms">
   <Channel ID="Channel:0" Name="DAPI" Fluor="Hoechst" EmissionWavelength="0.461"
    EmissionWavelengthUnit="µm" ContrastMethod="Fluorescence" AcquisitionMode="WideField"
    PinholeSize="40000" PinholeSizeUnit="nm" Color="-16776961"/><Channel ID="Channel:1"/>
   <TiffData/>{planes}
  </Pixels></Image></OME>"""
PLANE = (
    '<Plane TheC="{c}" TheT="{t}" TheZ="0" DeltaT="{seconds}" ExposureTime="{exposure}"'
    ' ExposureTimeUnit="ms" PositionX="1.5" PositionXUnit="mm" PositionY="-2" PositionYUnit="µm"'
    ' PositionZ="7"/>'
)


def write_ome(path: Path, planes: str) -> None:
    xml = OME.format(planes=planes)
    with tifffile.TiffWriter(path) as writer:
        for number in range(6):
            description = {"description": xml.encode()} if number == 0 else {}
            writer.write(np.full((4, 5), number, np.uint16), metadata=None, **description)


def metadata_of(path: Path) -> ImageMetadata:
    with closing(open_reader(path)) as reader:
        metadata = reader.read_metadata()
        check_metadata(metadata, reader.describe())
    return metadata


# ---------------------------------------------------------------- TIFF


def test_all_that_ome_xml_says_is_told(tmp_path: Path):
    planes = "".join(
        PLANE.format(c=c, t=t, seconds=10 + 2 * t + 0.5 * c, exposure=20 + c)
        for t in range(3)
        for c in range(2)
    )
    write_ome(tmp_path / "a.ome.tif", planes)
    metadata = metadata_of(tmp_path / "a.ome.tif")
    assert metadata.acquisition_date == "2024-05-06T07:08:09"
    assert metadata.microscope == "Nikon Ti2"
    assert metadata.objective == Objective(
        name="Apo 60x", magnification=60, numerical_aperture=1.4, immersion="oil"
    )
    scene = metadata.scenes[0]
    assert (scene.name, scene.well, scene.significant_bits) == ("first", "AB12", 12)
    assert scene.timestamps_s == [0, 2, 4]
    assert scene.time_interval_s == 0.5
    # A position in "reference frame" is in no unit that anybody knows.
    assert scene.stage_positions == [StagePosition(x_um=1500, y_um=-2)]
    dapi, unnamed = scene.channels
    assert (dapi.name, unnamed.name) == ("DAPI", "Channel 1")
    assert (dapi.fluor, dapi.emission_nm, dapi.pinhole_um) == ("Hoechst", 461, 40)
    assert (dapi.contrast_method, dapi.acquisition_mode) == ("Fluorescence", "WideField")
    assert (dapi.exposure_ms, unnamed.exposure_ms) == (20, 21)
    assert metadata.vendor["ome"]["Image"]["Pixels"]["@SignificantBits"] == "12"


def test_times_of_some_planes_only_are_no_time_stamps(tmp_path: Path):
    write_ome(tmp_path / "a.ome.tif", PLANE.format(c=0, t=1, seconds=3, exposure=1))
    assert metadata_of(tmp_path / "a.ome.tif").scenes[0].timestamps_s == []


def test_imagej_tells_its_interval(tmp_path: Path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((3, 4, 5), "u1"), imagej=True, metadata={"axes": "TYX", "finterval": 2.5}
    )
    metadata = metadata_of(path)
    assert metadata.scenes[0].time_interval_s == 2.5
    assert metadata.vendor["imagej"]["finterval"] == 2.5


def test_a_plain_tiff_tells_nothing_it_does_not_know(tmp_path: Path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 5), "u1"), metadata=None, software=False)
    metadata = metadata_of(path)
    assert metadata.objective is metadata.microscope is metadata.acquisition_date is None
    assert metadata.scenes[0].stage_positions == metadata.scenes[0].timestamps_s == []
    assert metadata.scenes[0].significant_bits is None


def test_an_lsm_tells_its_lasers_dyes_and_pinholes(readers_data: Path):
    metadata = metadata_of(next((readers_data / "lsm").glob("*.lsm")))
    assert metadata.objective == objective_of_name("Plan-Apochromat 20x/0.8 M27")
    blue, red, transmitted = metadata.scenes[0].channels
    assert (blue.name, blue.fluor, blue.excitation_nm) == ("Ch1-T1", "DAPI", 405)
    assert (red.fluor, red.pinhole_um) == ("Alexa Fluor 546", pytest.approx(36.5754))
    assert (transmitted.fluor, transmitted.pinhole_um) == (None, None)
    assert metadata.scenes[0].significant_bits == 8


def test_a_stk_tells_exposure_date_and_stage(readers_data: Path):
    metadata = metadata_of(readers_data / "tiff" / "metamorph_stk_520x696.tif")
    assert metadata.acquisition_date == "2010-03-05T12:08:52.203000"
    scene = metadata.scenes[0]
    assert (scene.channels[0].exposure_ms, scene.channels[0].emission_nm) == (300, 675)
    assert scene.stage_positions == [StagePosition(x_um=115815.18, y_um=242997.32)]


# ---------------------------------------------------------------- CZI


def test_a_czi_mosaic_tells_where_each_tile_and_time_was(readers_data: Path):
    metadata = metadata_of(readers_data / "czi" / "s3_mosaic_scene_sizes_differ_t2_z3_c2.czi")
    assert metadata.microscope == "Celldiscoverer 7"
    assert metadata.software == "ZEN (blue edition) 3.6.095.00000"
    assert metadata.objective == Objective(
        name="Plan-Apochromat 5x/0.35",
        magnification=5,
        numerical_aperture=0.35,
        immersion="air",
    )
    assert [len(scene.stage_positions) for scene in metadata.scenes] == [
        max(len(scene.tiles), 1) for scene in metadata.scenes
    ]
    told = [position != StagePosition() for position in metadata.scenes[2].stage_positions]
    assert told.count(True) == 10, "seven tiles of this file have no position"
    assert not told[3]
    first = metadata.scenes[0]
    assert first.significant_bits == 14
    assert first.timestamps_s == [0, pytest.approx(33.412, abs=0.01)]
    assert first.time_interval_s == 33.412
    dapi = first.channels[0]
    assert (dapi.emission_nm, dapi.excitation_nm, dapi.exposure_ms) == (465, 353, 2)
    assert (dapi.fluor, dapi.contrast_method) == ("DAPI", "Fluorescence")
    document = metadata.vendor["document"]["Metadata"]["Information"]
    assert document["Image"]["SizeM"] == "17"


def test_a_czi_of_a_plate_tells_its_wells(readers_data: Path):
    metadata = metadata_of(readers_data / "czi" / "wells_D6_D7_pyramid.czi")
    assert [scene.well for scene in metadata.scenes] == ["D6", "D7"]
    x = [scene.stage_positions[0].x_um for scene in metadata.scenes]
    assert x == [49500, 58500]


def test_time_stamps_come_from_the_attachment_where_sub_blocks_have_none(readers_data: Path):
    scene = metadata_of(readers_data / "czi" / "line_scan_xt_512x1_t150.czi").scenes[0]
    assert len(scene.timestamps_s) == 150
    assert scene.channels[0].pinhole_um == pytest.approx(28.58, abs=0.01)
    assert scene.timestamps_s == sorted(scene.timestamps_s)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "word"),
    [("Oil", "oil"), ("Dry", "air"), ("Water-Dipping", "water"), ("Glyc", "glycerol"),
     ("Ethanol", "Ethanol"), ("", None), (None, None)],
)  # fmt: skip
def test_immersions_have_one_word_each(text: str | None, word: str | None):
    assert immersion_word(text) == word


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("Plan-Apochromat 40x/1.4 Oil DIC M27", (40, 1.4, "oil")),
        ("EC Plan-Neofluar 10x/0.30 M27", (10, 0.3, None)),
        ("W Plan 2,5x/0,12", (2.5, 0.12, None)),
        ("HC PL APO CS2", (None, None, None)),
    ],
)
def test_the_name_of_an_objective_tells_its_figures(name: str, figures: tuple[object, ...]):
    found = objective_of_name(name)
    assert found is not None
    assert found.name == name
    assert (found.magnification, found.numerical_aperture, found.immersion) == figures


def test_an_objective_without_a_name_is_none():
    assert objective_of_name(" ") is None


class Colour(enum.IntEnum):
    RED = 3


def test_everything_becomes_json():
    strange = {
        1: np.float32(1.5),
        "nan": float("nan"),
        "enum": Colour.RED,
        "bytes": b"\xff\0",
        "when": datetime(2024, 1, 2, tzinfo=UTC),
        "surrogate": "bad\udcff",
        "large": 2**70,
        "set": {4},
        "array": np.arange(MAX_ITEMS + 1),
        "object": object,
        "nested": ({"deep": [None, True]},),
    }
    found = plain_value(strange)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found)) == found
    assert found["1"] == 1.5
    assert found["nan"] is None
    assert found["enum"] == 3
    assert found["array"] == f"{MAX_ITEMS + 1} values"
    assert found["nested"] == [{"deep": [None, True]}]


def test_what_contains_itself_ends():
    circle: dict[str, object] = {}
    circle["again"] = circle
    assert json.dumps(plain_value(circle))


def test_xml_becomes_maps_lists_and_texts():
    xml = '<a:r xmlns:a="urn:x" k="1">t<!-- c --><b>1</b><b c="2"/><e/></a:r>'
    assert xml_tree(ET.fromstring(xml)) == {
        "@k": "1",
        "#text": "t",
        "b": ["1", {"@c": "2"}],
        "e": None,
    }
    assert parse_xml_tree("<damaged") == "<damaged"

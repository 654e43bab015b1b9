"""Real microscope files against the truth that reference libraries gave."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from readers_contract import check_metadata, data_folder

from planecast_protocol.images import SceneInfo
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader

KINDS = ("tiff/", "ometiff/", "imagej/", "lsm/", "czi/")

NAMES_OF_OUR_OWN = "czi/"
"""Scenes of CZI files are named after their wells; the truth only numbers them."""

MORE_PIXEL_SIZES = {
    # MetaMorph's own tags have 0.645 µm, the reference looked at none of them.
    "tiff/metamorph_stk_520x696.tif": {"x", "y"},
    # The distance for Z is in the XML, though there is one slice.
    "czi/nuclei_gray8_320x240.czi": {"z"},
}
"""Sizes that the file says and the truth leaves out."""

CHANNELS_OF_ANOTHER_SCENE = {("lsm/drosophila_032113-18_3ch.lsm", 1)}
"""The thumbnail has no C axis, so it has one channel; the truth repeats the three of the image."""

CZI_FILES = (
    "celldivision_t3_z6_c1_zstd",
    "gray16_offset_origin_475x325",
    "line_scan_xt_512x1_t150",
    "nuclei_gray8_320x240",
    "rgb_8bit_924x624",
    "s3_mosaic_scene_sizes_differ_t2_z3_c2",
    "tiles_t2_z2_c2_negative_origin",
    "two_scenes_z2_251",
    "wells_D6_D7_pyramid",
)


def read_truth() -> list[dict[str, Any]]:
    path = data_folder() / "truth.json"
    entries = json.loads(path.read_text())["entries"] if path.is_file() else []
    return [entry for entry in entries if entry["file"].startswith(KINDS)]


TRUTH = read_truth()
each_file = pytest.mark.parametrize("entry", TRUTH, ids=[entry["file"] for entry in TRUTH])


def check_pixels(plane: np.ndarray, expected: dict[str, Any], *, is_lossy: bool) -> None:
    assert list(plane.shape) == expected["shape"]
    assert plane.dtype == np.dtype(expected["dtype"])
    if is_lossy:
        values = plane.astype(float)
        found = (values.min(), values.max(), values.mean())
        wanted = (expected["min"], expected["max"], expected["mean"])
        assert found == pytest.approx(wanted, abs=2.0)
    else:
        assert hashlib.sha256(plane.tobytes()).hexdigest() == expected["sha256"]


def check_description(file: str, number: int, scene: SceneInfo, expected: dict[str, Any]) -> None:
    assert scene.sizes == expected["dims"]
    assert "".join(scene.sizes) == expected["axes"]
    assert np.dtype(scene.dtype) == np.dtype(expected["dtype"])
    for axis in "xyz":
        size = expected["pixel_size_um"].get(axis)
        if size is not None:
            assert scene.pixel_size_um[axis] == pytest.approx(size)
        elif axis not in MORE_PIXEL_SIZES.get(file, ()):
            assert scene.pixel_size_um[axis] is None
    if "channels" in expected and (file, number) not in CHANNELS_OF_ANOTHER_SCENE:
        assert [channel.name for channel in scene.channels] == expected["channels"]
    if not file.startswith(NAMES_OF_OUR_OWN):
        assert scene.name == expected["name"]


@each_file
def test_the_file_is_as_the_reference_says(entry: dict[str, Any], readers_data: Path):
    reader = open_reader(readers_data / entry["file"])
    try:
        scenes = reader.describe().scenes
        assert len(scenes) == len(entry["scenes"])
        for number, expected in enumerate(entry["scenes"]):
            check_description(entry["file"], number, scenes[number], expected)
            is_lossy = expected.get("lossy_or_decoder_dependent", False)
            for plane in expected["planes"]:
                pixels = reader.read_plane(number, plane["index"], None, allocate_in_memory)
                check_pixels(pixels, plane, is_lossy=is_lossy)
    finally:
        reader.close()


@each_file
def test_its_metadata_is_json(entry: dict[str, Any], readers_data: Path):
    reader = open_reader(readers_data / entry["file"])
    check_metadata(reader.read_metadata(), reader.describe())
    reader.close()


def test_the_companion_and_each_of_its_files_show_the_whole_stack(readers_data: Path):
    folder = readers_data / "ometiff" / "multifile_z5"
    for path in sorted(folder.iterdir()):
        reader = open_reader(path)
        assert reader.describe().scenes[0].sizes == {"Z": 5, "Y": 24, "X": 18}
        reader.close()


def test_the_objective_and_the_times_of_a_czi_are_told(readers_data: Path):
    reader = open_reader(readers_data / "czi" / "s3_mosaic_scene_sizes_differ_t2_z3_c2.czi")
    metadata = reader.read_metadata()
    table = reader.read_planetable(None, norm_time=True)
    scenes = reader.describe().scenes
    reader.close()
    assert metadata.objective.magnification > 1
    assert metadata.acquisition_date.startswith("20")
    assert [scene.name for scene in scenes] == ["TR1", "P1", "TR2"]
    assert len(table["S"]) == 336
    assert min(table["Time[s]"]) == 0 < max(table["Time[s]"])


def test_wells_far_apart_have_their_names_and_levels(readers_data: Path):
    reader = open_reader(readers_data / "czi" / "wells_D6_D7_pyramid.czi")
    scenes = reader.describe().scenes
    assert [scene.name for scene in scenes] == ["D6", "D7"]
    assert [level.width for level in scenes[0].levels] == [544, 272]
    half = reader.read_region(1, (0, 0, 544, 440), 1, {}, allocate_in_memory)
    full = reader.read_plane(1, {}, None, allocate_in_memory)
    reader.close()
    assert half.shape == (220, 272)
    assert half.mean() == pytest.approx(full.mean(), rel=0.01)


@pytest.mark.parametrize("name", CZI_FILES)
def test_tiles_and_planetable_equal_aicspylibczi(name: str, readers_data: Path):
    pytest.importorskip("aicspylibczi")
    program = Path(__file__).with_name("readers_aics_program.py")
    path = readers_data / "czi" / f"{name}.czi"
    done = subprocess.run(
        [sys.executable, program, path], capture_output=True, text=True, timeout=60, check=True
    )
    found = json.loads(done.stdout)
    assert found["rows"] > 0
    assert found["tiles"] > 0
    assert found["rows_differ"] == []
    assert found["tiles_differ"] == []


def test_every_czi_is_compared(readers_data: Path):
    assert {path.stem for path in (readers_data / "czi").glob("*.czi")} == set(CZI_FILES)

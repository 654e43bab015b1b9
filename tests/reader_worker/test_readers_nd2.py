"""Nikon ND2: real files, whole and damaged, and frames as the format lays them out."""

import struct
import zlib
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import nd2
import numpy as np
import pytest
from readers_truth_rig import all_planes, check_random_reads, check_truth, truth_of

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    TooLargeError,
)
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader, recognise
from planecast_reader.readers.nd2.chunks import FRAME_NAME, HEADER, MAGIC, Chunks, read_chunks
from planecast_reader.readers.nd2.describe import Contents, describe_scene
from planecast_reader.readers.nd2.frames import FrameLayout, FrameReader

STACK = "nd2/cluster_t3_z10_c2_31x38.nd2"
SERIES = "nd2/ecoli_timelapse_t53_64.nd2"
ATTRIBUTES_FIRST = "nd2/di4anepps_microtubules_001_3ch_512.nd2"


@pytest.mark.parametrize("entry", truth_of("nd2/"))
def test_the_file_is_as_the_reference_says(entry: dict[str, Any], readers_data: Path):
    check_truth(readers_data, entry)


@pytest.mark.parametrize("name", [STACK, SERIES, ATTRIBUTES_FIRST])
def test_every_plane_equals_the_library_s(name: str, readers_data: Path):
    reader = open_reader(readers_data / name)
    with nd2.ND2File(readers_data / name) as file:
        whole = file.asarray()
        axes = list(file.sizes)
    outer = axes[:-2]
    n_planes = 0
    for _, index in all_planes(reader):
        plane = reader.read_plane(0, index, None, allocate_in_memory)
        np.testing.assert_array_equal(plane, whole[tuple(index[axis] for axis in outer)])
        n_planes += 1
    reader.close()
    assert n_planes == np.prod(whole.shape[:-2])


def test_random_reads_of_four_clients_are_right(readers_data: Path):
    check_random_reads(sorted((readers_data / "nd2").glob("*.nd2")))


def test_the_microscope_s_facts_are_told(readers_data: Path):
    reader = open_reader(readers_data / SERIES)
    metadata = reader.read_metadata()
    channel = reader.describe().scenes[0].channels[0]
    reader.close()
    assert metadata.acquisition_date == "2025-03-27T23:22:35.027+00:00"
    assert metadata.microscope == "Ti2 Microscope"
    assert metadata.software == "NIS-Elements AR 5.42.03 (Build 1812)"
    assert metadata.objective is not None
    assert (metadata.objective.magnification, metadata.objective.immersion) == (40, "air")
    assert metadata.objective.numerical_aperture == 0.95
    scene = metadata.scenes[0]
    assert len(scene.timestamps_s) == 53
    assert scene.timestamps_s[:2] == [0.0, pytest.approx(0.5002, abs=1e-4)]
    assert scene.stage_positions[0].x_um == 9744.0
    assert (channel.exposure_ms, channel.emission_nm, channel.color) == (500.0, 512.0, "#07ff00")


def test_each_channel_has_its_own_exposure(readers_data: Path):
    reader = open_reader(readers_data / "nd2" / "pbmc_4ch_256.nd2")
    channels = reader.describe().scenes[0].channels
    reader.close()
    assert [channel.exposure_ms for channel in channels] == [10, 500, 500, 500]


def test_a_plane_outlives_its_reader(readers_data: Path):
    reader = open_reader(readers_data / STACK)
    plane = reader.read_plane(0, {"T": 1, "Z": 5, "C": 1}, None, allocate_in_memory)
    before = plane.copy()
    reader.close()
    np.testing.assert_array_equal(plane, before)
    with pytest.raises(CorruptFileError, match="closed"):
        reader.read_plane(0, {}, None, allocate_in_memory)


def test_the_content_wins_over_the_name(tmp_path: Path, readers_data: Path):
    path = tmp_path / "picture.tif"
    path.write_bytes((readers_data / STACK).read_bytes())
    assert recognise(path).name == "nd2"


# ---------------------------------------------------------------- damaged files

Change = Callable[[bytearray], None]


def cut_tail(n_bytes: int) -> Change:
    def change(content: bytearray) -> None:
        del content[-n_bytes:]

    return change


def point_map_at(position: int) -> Change:
    def change(content: bytearray) -> None:
        struct.pack_into("<Q", content, len(content) - 8, position)

    return change


def damaged(tmp_path: Path, source: Path, change: Change) -> Path:
    content = bytearray(source.read_bytes())
    change(content)
    path = tmp_path / "damaged.nd2"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [STACK, SERIES])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(cut_tail(1), id="cut by 1 byte"),
        pytest.param(cut_tail(100), id="cut by 100 bytes"),
        pytest.param(point_map_at(1 << 60), id="map beyond the end"),
        pytest.param(point_map_at(0), id="map at 0"),
    ],
)
def test_without_a_map_all_planes_come_with_a_warning(
    tmp_path: Path, readers_data: Path, name: str, change: Change
):
    reader = open_reader(damaged(tmp_path, readers_data / name, change))
    whole = open_reader(readers_data / name)
    assert "chunk map is missing" in reader.describe().warnings[0]
    assert "chunk map is missing" in reader.read_metadata().warnings[0]
    for scene, index in all_planes(whole):
        np.testing.assert_array_equal(
            reader.read_plane(scene, index, None, allocate_in_memory),
            whole.read_plane(scene, index, None, allocate_in_memory),
        )
    reader.close()
    whole.close()


def test_a_cut_file_gives_the_frames_that_are_whole(tmp_path: Path, readers_data: Path):
    source = readers_data / ATTRIBUTES_FIRST
    path = damaged(tmp_path, source, lambda content: content.__delitem__(slice(1_700_000, None)))
    reader, whole = open_reader(path), open_reader(source)
    assert "1 whole frames" in reader.describe().warnings[0]
    for channel in range(3):
        np.testing.assert_array_equal(
            reader.read_plane(0, {"C": channel}, None, allocate_in_memory),
            whole.read_plane(0, {"C": channel}, None, allocate_in_memory),
        )
    reader.close()
    whole.close()


def test_a_frame_beyond_the_cut_is_not_yet_written(tmp_path: Path, readers_data: Path):
    source = readers_data / ATTRIBUTES_FIRST
    path = damaged(tmp_path, source, lambda content: content.__delitem__(slice(1_000_000, None)))
    reader = open_reader(path)
    with pytest.raises(NotYetWrittenError, match="frame 0 is not in it"):
        reader.read_plane(0, {}, None, allocate_in_memory)
    reader.close()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9])
def test_a_file_cut_before_its_attributes_is_not_yet_written(
    tmp_path: Path, readers_data: Path, share: float
):
    def change(content: bytearray) -> None:
        del content[int(len(content) * share) :]

    path = damaged(tmp_path, readers_data / STACK, change)
    with pytest.raises(NotYetWrittenError):
        open_reader(path)


def test_an_empty_file_is_not_yet_written(tmp_path: Path):
    path = tmp_path / "new.nd2"
    path.touch()
    with pytest.raises(NotYetWrittenError):
        open_reader(path)


def test_a_frame_that_the_map_lacks_is_no_data_and_never_zeros(tmp_path: Path, readers_data: Path):
    def change(content: bytearray) -> None:
        place = content.rindex(b"ImageDataSeq|7!")
        content[place : place + 15] = b"ImageDataXxx|7!"

    reader = open_reader(damaged(tmp_path, readers_data / SERIES, change))
    with pytest.raises(NoDataError, match="frame 7"):
        reader.read_plane(0, {"T": 7}, None, allocate_in_memory)
    assert reader.read_plane(0, {"T": 8}, None, allocate_in_memory).any()
    reader.close()


def test_a_map_that_points_at_another_chunk_is_corrupt(tmp_path: Path, readers_data: Path):
    def change(content: bytearray) -> None:
        place = content.rindex(b"ImageDataSeq|7!") + 15
        struct.pack_into("<Q", content, place, 8192)

    reader = open_reader(damaged(tmp_path, readers_data / SERIES, change))
    with pytest.raises(CorruptFileError, match="8192"):
        reader.read_plane(0, {"T": 7}, None, allocate_in_memory)
    reader.close()


def test_damaged_metadata_leaves_the_pixels(tmp_path: Path, readers_data: Path):
    def change(content: bytearray) -> None:
        name = content.index(b"CustomDataVar|AppInfo_V1_0!")
        data = name + struct.unpack_from("<I", content, name - 12)[0]
        content[data : data + 64] = b"<" + b"\xff" * 63

    reader = open_reader(damaged(tmp_path, readers_data / STACK, change))
    metadata = reader.read_metadata()
    assert any("no metadata" in warning for warning in metadata.warnings)
    assert metadata.scenes[0].sizes == {"T": 3, "Z": 10, "C": 2, "Y": 31, "X": 38}
    assert reader.read_plane(0, {"T": 1, "Z": 5, "C": 1}, None, allocate_in_memory).any()
    reader.close()


@pytest.mark.parametrize("value", [0, 2**31 - 1])
@pytest.mark.parametrize("key", ["uiWidth", "uiHeight"])
def test_an_impossible_size_is_refused(tmp_path: Path, readers_data: Path, key: str, value: int):
    def change(content: bytearray) -> None:
        text = f"{key}\0".encode("utf-16le")
        place = content.rindex(text, 0, content.rindex(b"ND2 FILEMAP")) + len(text)
        struct.pack_into("<I", content, place, value)

    path = damaged(tmp_path, readers_data / "nd2" / "cerevisiae_2ch_256.nd2", change)
    with pytest.raises((CorruptFileError, TooLargeError)):
        open_reader(path)


# ---------------------------------------------------------------- frames


def frame_file(path: Path, data: bytes, number: int = 0) -> Chunks:
    """Write one frame's chunk, as NIS-Elements does it."""
    name = FRAME_NAME % number
    header = HEADER.pack(MAGIC, 4072, len(data) + 8)
    path.write_bytes(header + name.ljust(4072, b"\0") + bytes(8) + data)
    with FileIO(path) as file:
        chunks = read_chunks(file)
    assert chunks.positions == {name: 0}
    return chunks


def layout(pixels: np.ndarray, *, padding: int = 0, is_compressed: bool = False) -> FrameLayout:
    height, width, n_channels, n_samples = pixels.shape
    row_bytes = width * n_channels * n_samples * pixels.itemsize + padding
    return FrameLayout(height, width, n_channels, n_samples, row_bytes, pixels.dtype, is_compressed)


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("n_samples", [1, 3])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f4"])
def test_each_channel_is_picked_out_of_its_frame(
    tmp_path: Path, dtype: str, n_channels: int, n_samples: int, padding: int, is_compressed: bool
):
    shape = (5, 7, n_channels, n_samples)
    pixels = np.random.default_rng(1).integers(0, 255, shape).astype(dtype) + np.dtype(dtype).type(
        0.5 if dtype == "<f4" else 0
    )
    padding *= pixels.itemsize
    rows = pixels.reshape(5, -1).view(np.uint8)
    data = np.pad(rows, ((0, 0), (0, padding))).tobytes()
    path = tmp_path / "frame.nd2"
    chunks = frame_file(path, zlib.compress(data) if is_compressed else data)
    with FileIO(path) as file:
        frames = FrameReader(
            path, file, chunks, layout(pixels, padding=padding, is_compressed=is_compressed)
        )
        for channel in [*range(n_channels), 0]:
            expected = pixels[:, :, channel, 0] if n_samples == 1 else pixels[:, :, channel]
            plane = frames.read(0, channel, allocate_in_memory)
            np.testing.assert_array_equal(plane, expected)


def test_a_frame_shorter_than_its_attributes_say_is_corrupt(tmp_path: Path):
    pixels = np.zeros((5, 7, 2, 1), np.uint16)
    path = tmp_path / "frame.nd2"
    chunks = frame_file(path, pixels.tobytes()[:-2])
    with FileIO(path) as file, pytest.raises(CorruptFileError, match="frame 0 has"):
        FrameReader(path, file, chunks, layout(pixels)).read(0, 0, allocate_in_memory)


@pytest.mark.parametrize("data", [b"no zlib at all", zlib.compress(bytes(10))])
def test_a_damaged_compressed_frame_is_corrupt(tmp_path: Path, data: bytes):
    pixels = np.zeros((5, 7, 2, 1), np.uint16)
    path = tmp_path / "frame.nd2"
    chunks = frame_file(path, data)
    with FileIO(path) as file, pytest.raises(CorruptFileError, match="compress"):
        FrameReader(path, file, chunks, layout(pixels, is_compressed=True)).read(
            0, 1, allocate_in_memory
        )


def test_positions_are_scenes_in_whatever_order_they_are_nested():
    pixels = np.zeros((5, 7, 2, 1), np.uint16)
    contents = Contents(layout(pixels), {"T": 2, "P": 3, "Z": 4}, positions=["left", None, "right"])
    assert contents.sizes() == {"T": 2, "Z": 4, "C": 2, "Y": 5, "X": 7}
    numbers = [
        contents.frame_number({"T": t, "P": p, "Z": z})
        for t in range(2)
        for p in range(3)
        for z in range(4)
    ]
    assert numbers == list(range(24))
    names = [describe_scene(number, contents).name for number in range(contents.n_positions)]
    assert names == ["left", "position 1", "right"]


def test_an_index_beyond_its_axis_is_out_of_range(readers_data: Path):
    reader = open_reader(readers_data / STACK)
    for index in ({"T": 3}, {"Z": 10}, {"C": 2}, {"P": 0}, {"Y": 1}):
        with pytest.raises(OutOfRangeError):
            reader.read_plane(0, index, None, allocate_in_memory)
    with pytest.raises(OutOfRangeError):
        reader.read_plane(1, {}, None, allocate_in_memory)
    reader.close()

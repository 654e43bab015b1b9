"""Layouts in detail: stacks of Micro-Manager, zarr in all its forms, odd files."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from agent_rig import eventually

from planecast_agent.watchers.changes import Changes
from planecast_agent.watchers.description import Description, Extent, covering
from planecast_agent.watchers.found import FoundPlane
from planecast_agent.watchers.layouts.layout import Layout
from planecast_agent.watchers.presets import preset_named, preset_of_pattern
from planecast_agent.watchers.waiting_files import WaitingFiles
from planecast_protocol.errors import AcquisitionError, CorruptFileError
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader

MICRO_MANAGER = 51123


def look_at_all(layout: Layout, folder: Path, now: float = 0.0) -> list[FoundPlane]:
    return [
        plane
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for plane in layout.look(path, now).planes
    ]


def test_stacks_of_micro_manager_say_in_each_page_what_it_is(tmp_path: Path):
    path = tmp_path / "run_MMStack_Pos0.ome.tif"
    layout = preset_named("micro-manager-stacks").open(tmp_path)
    found = []
    with tifffile.TiffWriter(path) as writer:
        for frame in range(2):
            for slice_ in range(3):
                for number, channel in enumerate(("DAPI", "Cy5")):
                    said: dict[str, Any] = {
                        "FrameIndex": frame,
                        "SliceIndex": slice_,
                        "ChannelIndex": number,
                        "Channel": channel,
                        "PositionName": "Pos0",
                    }
                    if not found:
                        said["Summary"] = {"ChNames": ["DAPI", "Cy5"], "Slices": 3, "Frames": 2}
                    text = json.dumps(said)
                    writer.write(
                        np.full((16, 16), 9, np.uint16),
                        metadata=None,
                        contiguous=False,
                        extratags=[(MICRO_MANAGER, "s", 0, text, False)],
                    )
                    writer._fh.flush()
                    found += look_at_all(layout, tmp_path)
    found += look_at_all(layout, tmp_path)
    assert [(one.t, one.z, one.channel, one.page) for one in found] == [
        (t, z, channel, (t * 3 + z) * 2 + c)
        for t in range(2)
        for z in range(3)
        for c, channel in enumerate(("DAPI", "Cy5"))
    ]
    assert {one.fov for one in found} == {"Pos0:0"}
    known = layout.description()
    assert (known.channels, known.num_z, known.height) == (("DAPI", "Cy5"), 3, 16)


def write_zarr(path: Path, shape: tuple[int, ...], **more: Any) -> "zarr.Array[Any]":
    return zarr.create_array(str(path), shape=shape, dtype="uint16", **more)


def test_a_plane_without_all_of_its_chunks_waits_and_is_then_registered(tmp_path: Path):
    array = write_zarr(
        tmp_path / "a.zarr", (2, 64, 64), chunks=(1, 32, 32), dimension_names=["t", "y", "x"]
    )
    layout = preset_named("ome-zarr").open(tmp_path)
    array[0, :32] = 5  # the lower half is the fill value for ever
    assert look_at_all(layout, tmp_path, 0.0) == []
    assert look_at_all(layout, tmp_path, 0.5) == []
    (plane,) = look_at_all(layout, tmp_path, 2.0)
    assert (plane.t, plane.fov, plane.index) == (0, "a:0", {"T": 0})
    array[1] = 7
    (plane,) = look_at_all(layout, tmp_path, 2.1)
    assert plane.t == 1
    assert look_at_all(layout, tmp_path, 9.0) == []


def test_what_is_partial_at_the_end_is_registered(tmp_path: Path):
    array = write_zarr(tmp_path / "a.zarr", (2, 64, 64), chunks=(1, 32, 32))
    layout = preset_named("ome-zarr").open(tmp_path)
    array[1, :32] = 5
    assert look_at_all(layout, tmp_path) == []
    (plane,) = layout.finish(complete=False).planes
    assert plane.index == {"D0": 1}
    assert layout.finish(complete=False).planes == ()


def test_lower_resolutions_are_no_planes(tmp_path: Path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    axes = [{"name": name} for name in "czyx"]
    datasets = [{"path": "0"}, {"path": "1"}]
    group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": datasets}]}
    for level, size in (("0", 32), ("1", 16)):
        array = group.create_array(
            level, shape=(2, 3, size, size), chunks=(1, 1, 16, 16), dtype="u1"
        )
        array[:] = 3
    layout = preset_named("ome-zarr").open(tmp_path)
    found = look_at_all(layout, tmp_path)
    assert sorted((one.z, one.channel) for one in found) == sorted(
        (z, f"Channel {c}") for z in range(3) for c in range(2)
    )
    assert {one.path for one in found} == {tmp_path / "a.zarr"}
    assert layout.description().height == 32


@pytest.mark.parametrize("separator", [".", "/"])
def test_version_2_with_either_separator(tmp_path: Path, separator: Any):
    array = write_zarr(
        tmp_path / "a.zarr",
        (2, 2, 32, 32),
        chunks=(1, 1, 32, 32),
        zarr_format=2,
        chunk_key_encoding={"name": "v2", "separator": separator},
    )
    array.attrs["_ARRAY_DIMENSIONS"] = ["time", "z", "y", "x"]
    array[:] = 4
    layout = preset_named("ome-zarr").open(tmp_path)
    found = look_at_all(layout, tmp_path)
    assert len(found) == 4
    reader = open_reader(tmp_path / "a.zarr")
    for one in found:
        assert reader.read_plane(0, one.index, None, allocate_in_memory).min() == 4
    reader.close()


def test_six_axes_of_squid_are_fovs_and_the_reader_finds_the_planes(tmp_path: Path):
    store = tmp_path / "zarr" / "region_1" / "acquisition.zarr"
    store.parent.mkdir(parents=True)
    array = write_zarr(store, (3, 1, 2, 2, 32, 32), chunks=(1, 1, 1, 1, 32, 32))
    axes = [{"name": name} for name in ("fov", "t", "c", "z", "y", "x")]
    (store / ".zattrs").write_text(
        json.dumps(
            {
                "multiscales": [{"axes": axes, "datasets": [{"path": "."}]}],
                "omero": {"channels": [{"label": "BF"}, {"label": "GFP"}]},
            }
        )
    )
    for fov, t, c, z in np.ndindex(3, 1, 2, 2):
        array[fov, t, c, z] = 100 + fov * 4 + c * 2 + z
    layout = preset_named("squid-zarr").open(tmp_path)
    found = look_at_all(layout, tmp_path)
    assert len(found) == 12
    assert {one.fov for one in found} == {f"region_1:{n}" for n in range(3)}
    reader = open_reader(store)
    for one in found:
        fov = int(one.fov.rpartition(":")[2])
        value = 100 + fov * 4 + ("BF", "GFP").index(one.channel) * 2 + one.z
        pixels = reader.read_plane(0, one.index, None, allocate_in_memory)
        assert pixels.min() == pixels.max() == value
    reader.close()


@pytest.mark.parametrize(
    "document",
    [
        "", "{", "[]", '{"node_type": "array"}', '{"node_type": "array", "shape": [1]}',
        '{"node_type": "array", "shape": [-1, 5], "codecs": []}',
    ],
)  # fmt: skip
def test_documents_of_zarr_that_are_not_whole_are_waited_for(tmp_path: Path, document: str):
    chunk = tmp_path / "a.zarr" / "c" / "0" / "0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"pixels")
    (tmp_path / "a.zarr" / "zarr.json").write_text(document)
    layout = preset_named("ome-zarr").open(tmp_path)
    look = layout.look(chunk, 0.0)
    assert (look.planes, look.again) == ((), True)


def test_a_zarr_that_declares_too_much_is_refused(tmp_path: Path):
    chunk = tmp_path / "a.zarr" / "c" / "0" / "0" / "0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"pixels")
    (tmp_path / "a.zarr" / "zarr.json").write_text(
        json.dumps(
            {
                "node_type": "array", "zarr_format": 3, "shape": [2**31 - 1, 8, 8],
                "data_type": "uint8", "codecs": [], "chunk_key_encoding": {"name": "default"},
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 8, 8]}},
            }
        )
    )  # fmt: skip
    layout = preset_named("ome-zarr").open(tmp_path)
    with pytest.raises(CorruptFileError, match="declares 2147483647 planes"):
        layout.look(chunk, 0.0)


def test_an_ome_tiff_that_is_described_elsewhere_is_told(tmp_path: Path):
    path = tmp_path / "a.ome.tif"
    text = '<OME xmlns="x"><BinaryOnly MetadataFile="all.companion.ome" UUID="urn:uuid:1"/></OME>'
    tifffile.imwrite(path, np.ones((8, 8), np.uint8), description=text, metadata=None)
    layout = preset_named("ome-tiff").open(tmp_path)
    with pytest.raises(Exception, match=r"companion\.ome"):
        layout.look(path, 0.0)


def test_an_ome_tiff_whose_xml_is_rewritten_at_the_end(tmp_path: Path):
    path = tmp_path / "a.ome.tif"
    pixels = np.full((2, 16, 16), 5, np.uint8)
    tifffile.imwrite(path, pixels, metadata={"axes": "ZYX"}, ome=True)
    whole = tifffile.tiffcomment(path)
    assert isinstance(whole, str)
    tifffile.tiffcomment(path, (whole[: len(whole) // 2]).encode())
    layout = preset_named("ome-tiff").open(tmp_path)
    look = layout.look(path, 0.0)
    assert (look.planes, look.again) == ((), True)
    tifffile.tiffcomment(path, whole.encode())
    look = layout.look(path, 1.0)
    assert [(one.z, one.page) for one in look.planes] == [(0, 0), (1, 1)]


def test_a_name_without_a_channel_has_pages(tmp_path: Path):
    preset = preset_of_pattern("pos{fov}_t{t}.tif", None)
    layout = preset.open(tmp_path)
    tifffile.imwrite(tmp_path / "pos3_t7.tif", np.ones((8, 8), np.uint8), metadata=None)
    (plane,) = look_at_all(layout, tmp_path)
    assert (plane.t, plane.fov, plane.z, plane.channel) == (7, "3", 0, "Channel 0")


def test_a_description_holds_what_is_known_and_what_appeared(tmp_path: Path):
    extent = Extent()
    for fov, z, channel in (("B1:0", 4, "BF led"), ("A10:0", 0, "GFP"), ("A2:0", 1, "DAPI")):
        extent.add(FoundPlane(t=2, fov=fov, z=z, channel=channel, path=tmp_path))
    known = Description(channels=("BF_led",), fovs=("B1:0",), num_z=3, num_t=1)
    found = covering(known, extent)
    assert found.channels == ("BF_led", "DAPI", "GFP")
    assert found.fovs == ("B1:0", "A2:0", "A10:0")
    assert (found.num_z, found.num_t) == (5, 3)


def test_too_many_channels_are_told_with_the_way_out(tmp_path: Path):
    extent = Extent()
    for number in range(300):
        extent.add(FoundPlane(t=0, fov="A1:0", z=0, channel=f"c{number}", path=tmp_path))
    with pytest.raises(AcquisitionError, match="--dry-run"):
        covering(Description(), extent)


def test_files_that_wait_are_looked_at_ever_less_often():
    waiting = WaitingFiles()
    path = Path("/data/a.tif")
    waiting.keep(path, 0.0, changed=True)
    looks = []
    for tick in range(2000):
        now = tick / 100
        for due in waiting.take_due(now):
            looks.append(now)
            waiting.keep(due, now, changed=False)
    pauses = [b - a for a, b in pairwise(looks)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(2.0, abs=0.02)
    waiting.drop(path)
    assert list(waiting.take_due(1e6)) == []
    assert len(waiting) == 0


def test_looking_again_takes_a_share_of_the_time_at_most():
    waiting = WaitingFiles()
    waiting.keep(Path("/data/a.tif"), 0.0, changed=True)
    waiting.spent(0.0, 1.0)
    assert list(waiting.take_due(8.9)) == []
    assert list(waiting.take_due(9.1)) != []


def test_a_listener_that_can_t_listen_says_why(tmp_path: Path):
    changes = Changes(tmp_path / "none")
    eventually(lambda: bool(changes.trouble), "the trouble is known")
    changes.close()


def test_a_listener_hands_over_what_changed(tmp_path: Path):
    changes = Changes(tmp_path)
    seen: set[Path] = set()

    def found(name: str) -> bool:
        seen.update(changes.next(0.05))
        return tmp_path / name in seen

    (tmp_path / "a").write_text("x")
    eventually(lambda: found("a"), "a new file")
    (tmp_path / "a").rename(tmp_path / "b")
    eventually(lambda: found("b"), "its new name")
    (tmp_path / "c").mkdir()
    eventually(lambda: found("c"), "a new folder")
    changes.close()
    changes.close()

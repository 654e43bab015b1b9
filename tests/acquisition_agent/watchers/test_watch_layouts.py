"""What layouts find, against the reader of the same folders."""

import time
from pathlib import Path

import numpy as np
import pytest
from ndstorage import NDTiffDataset
from watch_files import WRITERS, Shape, ome_path, write_settings

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.dry_run import Findings, find
from planecast_agent.watchers.found import channel_key, fov_order
from planecast_agent.watchers.layouts.ndtiff import NdTiff
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.pattern import Pattern
from planecast_agent.watchers.presets import PRESETS, preset_named
from planecast_protocol.errors import PlanecastError
from planecast_reader.readers import open_reader
from planecast_reader.readers.acquisition_folder.names import region_order, scan, split_name

SHAPE = Shape(fovs=("A2:0", "A2:1", "A10:0", "my_region_1:3"))


def find_one(folder: Path) -> Findings:
    (found,) = find(WatchOptions(root=folder))
    return found


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if "version 2" not in kind])
def test_watcher_and_reader_agree_on_a_folder(tmp_path: Path, kind: str):
    write_settings(tmp_path, SHAPE)
    writer = WRITERS[kind](tmp_path, SHAPE)
    for index in SHAPE.indices():
        writer.write(index)
    writer.close()
    found = find_one(tmp_path)
    description = found.description(Description())
    reader = open_reader(tmp_path)
    scenes = reader.describe().scenes
    reader.close()
    assert [scene.name for scene in scenes] == list(description.fovs)
    assert [channel.name for channel in scenes[0].channels] == list(description.channels)
    sizes = scenes[0].sizes
    assert (sizes["Z"], sizes["Y"], sizes["X"]) == (
        description.num_z,
        description.height,
        description.width,
    )
    assert scenes[0].pixel_size_um == {
        "x": description.pixel_size_um,
        "y": description.pixel_size_um,
        "z": description.z_step_um,
    }
    places = {(one.t, one.fov, one.z, one.channel) for one in found.planes}
    assert len(found.planes) == len(places) == SHAPE.n_planes
    assert max(t for t, *_ in places) + 1 == sizes["T"]


@pytest.mark.parametrize(
    "stem", ["A1_0_2_BF", "my_region_1_3_0_BF", "a_1_2_3_4_BF", "A1_0_2_Fluorescence_488_nm_Ex"]
)
@pytest.mark.parametrize("regions", [(), ("A1",), ("a",), ("my_region_1", "my")])
def test_watcher_and_reader_split_names_alike(tmp_path: Path, stem: str, regions: tuple[str, ...]):
    theirs = split_name(stem, frozenset(regions))
    ours = Pattern("{t}/{region}_{fov}_{z}_{channel}.tif").match(f"0/{stem}.tif", regions)
    assert theirs is not None
    assert ours is not None
    assert (ours.region, ours.fov, ours.z, ours.channel) == theirs


def test_watcher_and_reader_order_fovs_alike():
    labels = ["B1:0", "A10:2", "A10:10", "A2:1", "AA1:0", "other:0", "other 10:0", "other 9:0"]
    ours = sorted(labels, key=fov_order)
    pairs = [(label.rpartition(":")[0], int(label.rpartition(":")[2])) for label in labels]
    theirs = sorted(pairs, key=lambda fov: (region_order(fov[0]), fov[1]))
    assert ours == [f"{region}:{fov}" for region, fov in theirs]


def test_the_scan_of_the_reader_sees_the_same_files(tmp_path: Path):
    writer = WRITERS["squid-tiff"](tmp_path, SHAPE)
    for index in SHAPE.indices():
        writer.write(index)
    theirs = {
        (t, f"{region}:{fov}", z, channel)
        for ((region, fov), t, z, channel) in scan(tmp_path).planes
    }
    ours = {(one.t, one.fov, one.z, one.channel) for one in find_one(tmp_path).planes}
    assert ours == theirs


@pytest.mark.parametrize("kind", WRITERS)
def test_a_growing_folder_gives_each_plane_once(tmp_path: Path, kind: str):
    shape = Shape(fovs=("A1:0",))
    write_settings(tmp_path, shape)
    layout = preset_named(kind.split(maxsplit=1)[0]).open(tmp_path)
    writer = WRITERS[kind](tmp_path, shape)
    places = []
    now = time.monotonic()
    for index in shape.indices():
        writer.write(index)
        now += 0.01
        for path in sorted(tmp_path.rglob("*")):
            if path.is_file():
                places += [
                    (p.t, p.z, channel_key(p.channel)) for p in layout.look(path, now).planes
                ]
    writer.close()
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file():
            look = layout.look(path, now + 10)
            places += [(p.t, p.z, p.channel) for p in look.planes]
    expected = [(i.t, i.z, shape.channels[i.channel]) for i in shape.indices()]
    assert sorted(places) == sorted(expected)


def test_a_file_that_is_replaced_is_read_from_its_start(tmp_path: Path):
    shape = Shape(fovs=("A1:0",), n_t=1)
    layout = preset_named("squid-ome-tiff").open(tmp_path)
    for attempt in range(2):
        writer = WRITERS["squid-ome-tiff"](tmp_path / str(attempt), shape)
        for index in shape.indices():
            writer.write(index)
        writer.close()
        path = ome_path(tmp_path, shape, 0)
        path.parent.mkdir(exist_ok=True)
        ome_path(tmp_path / str(attempt), shape, 0).replace(path)
        assert len(layout.look(path, 1.0).planes) == shape.n_planes


# ndstorage leaves its files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_ndtiff_index_that_grows_byte_by_byte_and_out_of_order(tmp_path: Path):
    dataset = NDTiffDataset(str(tmp_path / "a"), name="run", summary_metadata={}, writable=True)
    for z in (3, 1, 2):
        dataset.put_image({"time": 0, "z": z}, np.full((8, 8), z, np.uint16), {})
    dataset.finish()
    dataset.close()
    (whole,) = (tmp_path / "a").iterdir()
    growing = tmp_path / "b"
    growing.mkdir()
    (growing / "run_NDTiffStack.tif").write_bytes((whole / "run_NDTiffStack.tif").read_bytes())
    content = (whole / "NDTiff.index").read_bytes()
    layout = NdTiff(growing)
    batches = []
    for cut in range(1, len(content) + 1):
        (growing / "NDTiff.index").write_bytes(b"")  # the same file, so that it keeps its inode
        (growing / "NDTiff.index").write_bytes(content[:cut])
        look = layout.look(growing / "NDTiff.index", float(cut))
        if look.planes:
            batches.append([plane.index["z"] for plane in look.planes])
    # The later ones stand before the first, which is registered at its new place again.
    assert batches == [[0], [1, 0], [2, 0, 1]]


def test_every_preset_opens_and_has_a_name_of_its_own(tmp_path: Path):
    names = [preset.name for preset in PRESETS]
    assert len(set(names)) == len(names)
    for preset in PRESETS:
        layout = preset.open(tmp_path)
        assert not layout.claims("nothing.txt")
        assert not layout.claims(".hidden.tif")
        assert not layout.claims("0/.A1_0_0_BF.tiff.part")
        assert not layout.description().is_certain
        assert layout.finish(complete=True).planes == ()


def test_an_unknown_preset_is_told_with_those_there_are():
    with pytest.raises(PlanecastError, match="squid-tiff"):
        preset_named("squid")

"""Where a plane that Squid announces really is: by its name, and by what appears on disk."""

import json

import numpy as np
import pytest
import tifffile

from planecast_agent.adapters.ndviewer_light.layouts import Announced, possible_places
from planecast_agent.adapters.ndviewer_light.places import MAX_DOUBTFUL, Places
from planecast_agent.adapters.place import Place


def announced(path, t=0, z=0, channel="BF", number=0, fov=0):
    return Announced(t, fov, z, channel, number, str(path))


def test_a_plane_may_be_in_each_of_the_layouts():
    plane = announced("/exp/3/A1_0_2_BF_LED_matrix_full.tiff", 3, 2, "BF LED matrix full", 1)
    assert possible_places(plane) == {
        "plane": Place("/exp/3/A1_0_2_BF_LED_matrix_full.tiff"),
        "fov": Place("/exp/ome_tiff/A1_0.ome.tiff", index={"T": 3, "Z": 2, "C": 1}),
        "region": Place("/exp/ome_tiff/A1.ome.tiff", scene=0, index={"T": 3, "Z": 2, "C": 1}),
        "time": Place("/exp/3/A1_0.ome.tiff", index={"Z": 2, "C": 1}),
        "pages": Place("/exp/3/A1_0_stack.tiff"),
    }


@pytest.mark.parametrize(
    ("name", "z", "channel", "fov"),
    [
        ("A1_0_0_BF.tiff", 0, "BF", "A1_0"),
        ("A1_0001_0002_Fluorescence_488_nm_Ex.tiff", 2, "Fluorescence 488 nm Ex", "A1_0001"),
        ("left_2_top_1_0_F_488_1_0_x.tiff", 0, "F 488 1 0 x", "left_2_top_1"),
        ("region_0_7_12_a_b.bmp", 12, "a/b", "region_0_7"),
    ],
)
def test_region_and_channel_may_have_underscores_and_numbers(name, z, channel, fov):
    places = possible_places(announced(f"/exp/0/{name}", z=z, channel=channel))
    assert places["pages"].path == f"/exp/0/{fov}_stack.tiff"


@pytest.mark.parametrize("name", ["img_000.tif", "A1_0_1_BF.tiff", "A1_BF.tiff"])
def test_other_names_are_where_they_were_announced(name):
    plane = announced(f"/exp/0/{name}", z=0, channel="BF")
    assert list(possible_places(plane)) == ["plane"]


def test_files_that_appear_as_announced_settle_all_doubt(tmp_path):
    places = Places()
    first = announced(tmp_path / "0" / "A1_0_0_BF.tiff")
    assert places.place(first).path == first.path
    assert places.look() == []
    assert places.n_doubtful == 1
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "A1_0_0_BF.tiff").touch()
    assert places.look() == []
    assert places.n_doubtful == 0
    later = announced(tmp_path / "0" / "A1_1_0_BF.tiff", fov=1)
    assert places.place(later).path == later.path
    assert places.n_doubtful == 0


def test_planes_of_a_stack_move_there_once_and_later_ones_at_once(tmp_path):
    places = Places()
    planes = [announced(tmp_path / "0" / f"A1_0_{z}_BF.tiff", z=z) for z in range(3)]
    for plane in planes[:2]:
        places.place(plane)
    (tmp_path / "ome_tiff").mkdir()
    stack = tmp_path / "ome_tiff" / "A1_0.ome.tiff"
    stack.touch()
    assert places.look() == [
        (planes[0], Place(str(stack))),
        (planes[1], Place(str(stack), index={"Z": 1})),
    ]
    assert places.place(planes[2]) == Place(str(stack), index={"Z": 2})
    assert places.look() == []
    assert places.n_doubtful == 0


def test_page_is_told_by_the_file_whatever_the_order(tmp_path):
    places = Places()
    order = [(1, "BF"), (0, "DAPI"), (0, "BF")]
    planes = {
        (z, channel): announced(tmp_path / "0" / f"A1_0_{z}_{channel}.tiff", 0, z, channel)
        for z, channel in sorted(order)
    }
    for plane in planes.values():
        places.place(plane)
    (tmp_path / "0").mkdir()
    stack = tmp_path / "0" / "A1_0_stack.tiff"
    for page, (z, channel) in enumerate(order):
        text = json.dumps({"z_level": z, "channel": channel})
        with tifffile.TiffWriter(stack, append=True) as writer:
            writer.write(np.full((8, 8), page, np.uint16), description=text, metadata=None)
        assert places.look() == [(planes[z, channel], Place(str(stack), page=page))]
    assert places.n_doubtful == 0


def test_half_written_page_is_not_a_page_yet(tmp_path):
    whole = tmp_path / "whole.tiff"
    text = json.dumps({"z_level": 0, "channel": "BF"})
    tifffile.imwrite(whole, np.ones((64, 64), np.uint16), description=text, metadata=None)
    data = whole.read_bytes()
    (tmp_path / "0").mkdir()
    growing = tmp_path / "0" / "A1_0_stack.tiff"
    places = Places()
    places.place(announced(tmp_path / "0" / "A1_0_0_BF.tiff"))
    for end in range(0, len(data), 97):
        growing.write_bytes(data[:end])
        assert places.look() == []
    growing.write_bytes(data)
    assert [place.page for _plane, place in places.look()] == [0]


def append(stack, z, channel="BF"):
    stack.parent.mkdir(exist_ok=True)
    text = json.dumps({"z_level": z, "channel": channel})
    with tifffile.TiffWriter(stack, append=True) as writer:
        writer.write(np.ones((8, 8), np.uint16), description=text, metadata=None)


def test_plane_that_is_saved_again_is_its_next_page(tmp_path):
    places, stack = Places(), tmp_path / "0" / "A1_0_stack.tiff"
    plane = announced(tmp_path / "0" / "A1_0_0_BF.tiff")
    places.place(plane)
    append(stack, 0)
    assert [place.page for _plane, place in places.look()] == [0]
    places.place(plane)
    assert places.look() == [], "the page that is there is the one from before"
    append(stack, 1)
    append(stack, 0)
    assert [place.page for _plane, place in places.look()] == [2]


def test_files_that_never_come_keep_no_other_from_being_found(tmp_path):
    places = Places()
    for fov in range(500):
        places.place(announced(tmp_path / "0" / f"A1_{fov}_0_BF.tiff", fov=fov))
    append(tmp_path / "0" / "A1_499_stack.tiff", 0)
    append(tmp_path / "0" / "A1_250_stack.tiff", 0)
    found = [plane.fov for _ in range(20) for plane, _place in places.look()]
    assert sorted(found) == [250, 499]
    assert places.n_doubtful == 498


def test_doubt_is_bounded():
    places = Places()
    for z in range(MAX_DOUBTFUL + 5):
        places.place(announced(f"/nowhere/0/A1_0_{z}_BF.tiff", z=z))
    assert places.n_doubtful == MAX_DOUBTFUL
    assert places.forgotten == 5

"""Sliders of files whose planes are no Y × X, or are chosen on other axes than T, Z and C."""

import pytest

from planecast_protocol.axes import PlaneIndex
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_viewer.facts import facts_of_image
from planecast_viewer.image_planes import ImagePlanes


def image(*sizes):
    scenes = [SceneInfo(name=f"s{n}", sizes=one, dtype="|u1") for n, one in enumerate(sizes)]
    return ImageInfo(path="local:d/x.lif", format="lif", reader="liffile", scenes=scenes)


@pytest.mark.parametrize(
    ("sizes", "num_z", "size", "title"),
    [
        ({"T": 20, "C": 2, "Z": 128, "X": 100}, 1, (128, 100), "z"),
        ({"Y": 23, "C": 2, "Z": 128, "X": 100}, 23, (128, 100), "Y"),
        ({"λ": 20, "Y": 64, "X": 60}, 20, (64, 60), "λ"),
        ({"T": 2, "λ": 10, "Z": 11, "Y": 64, "X": 60}, 11, (64, 60), "z"),
        ({"Z": 3, "Y": 64, "X": 60, "S": 3}, 3, (64, 60), "z"),
    ],
)
def test_sliders_are_on_the_axes_that_planes_are_chosen_on(sizes, num_z, size, title):
    facts = facts_of_image(image(sizes))
    assert (facts.num_z, facts.z_title) == (num_z, title)
    assert (facts.height, facts.width) == size


def test_scan_across_the_focus_says_so_and_an_axis_without_a_slider_too():
    assert facts_of_image(image({"C": 2, "Z": 9, "X": 9})).notes == (
        "a scan: its planes are Z × X",
    )
    (note,) = facts_of_image(image({"λ": 10, "Z": 11, "Y": 4, "X": 4})).notes
    assert note == "axis λ has 10 values; its first is shown"


def test_planes_are_asked_for_by_the_files_own_letters():
    planes = ImagePlanes(image({"C": 2, "Z": 9, "X": 9}, {"Y": 23, "Z": 9, "X": 9}))
    assert planes.n_planes == 2 + 23
    assert planes.source(PlaneIndex(0, 0, 0, 1)).index == {"C": 1}
    assert planes.source(PlaneIndex(0, 1, 22, 0)).index == {"Y": 22}
    assert not planes.has(PlaneIndex(0, 0, 1, 0))

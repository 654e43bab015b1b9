"""What ndv gets, through ndv's own slicing."""

import numpy as np
import pytest
from ndv.models import ArrayDisplayModel
from ndv.models._resolve import build_slice_requests, process_request, resolve

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.facts import ChannelFacts, Facts
from planecast_viewer.frame import Frame, FramePlane
from planecast_viewer.wrapper import FrameWrapper

DISPLAY = {"channel_axis": "channel", "channel_mode": "composite", "visible_axes": ("y", "x")}


def facts(n_channels=2, **more):
    given = {"identity": "a", "name": "a", "kind": "live", "num_t": None, "num_z": 1}
    channels = tuple(ChannelFacts(name=f"c{n}") for n in range(n_channels))
    sizes = {"fov_labels": ("A1:0",), "height": 4, "width": 6}
    return Facts(**{**given, **sizes, "channels": channels, **more})


def frame(*planes, wanted=None):
    made = tuple(None if plane is None else FramePlane(plane, None, None) for plane in planes)
    visible = tuple(range(len(planes))) if wanted is None else wanted
    return Frame(1, Position(5, 3, 2), made, visible)


@pytest.fixture
def wrapper(qapp):
    return FrameWrapper()


def seen(wrapper, **display):
    model = ArrayDisplayModel(**{**DISPLAY, **display})
    (request,) = build_slice_requests(resolve(model, wrapper), wrapper)
    return process_request(request).data


def test_without_a_frame_ndv_keeps_its_picture(wrapper):
    wrapper.set_facts(facts())
    assert seen(wrapper) == {}


def test_planes_pass_without_a_copy(wrapper):
    planes = [np.arange(24, dtype=np.uint16).reshape(4, 6), np.ones((4, 6), np.uint16)]
    wrapper.set_facts(facts())
    wrapper.set_frame(frame(*planes))
    shown = seen(wrapper)
    assert shown[0] is planes[0]
    assert shown[1] is planes[1]


def test_channels_keep_their_own_dtype_and_size(wrapper):
    planes = [np.full((4, 6), 255, np.uint8), np.full((8, 12), -70000, np.int32)]
    wrapper.set_facts(facts())
    wrapper.set_frame(frame(*planes))
    shown = seen(wrapper)
    assert (shown[0].dtype, shown[0].shape) == (np.uint8, (4, 6))
    assert (shown[1].dtype, shown[1].shape) == (np.int32, (8, 12))
    assert shown[1][0, 0] == -70000


def test_hidden_channel_is_left_as_it_is_and_a_missing_one_is_drawn_empty(wrapper):
    plane = np.full((4, 6), 7, np.uint16)
    wrapper.set_facts(facts(3))
    wrapper.set_frame(frame(plane, None, None, wanted=(0, 1)))
    shown = seen(wrapper)
    assert shown[1].shape == (4, 6)
    assert shown[1].max() == 0
    assert shown[2].size == 0


def test_rgb_planes_are_rgb(wrapper):
    plane = np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    wrapper.set_facts(facts(1, rgb=True))
    wrapper.set_frame(frame(plane))
    shown = seen(wrapper, channel_mode="rgba")
    assert np.array_equal(shown["RGB"], plane)
    assert np.shares_memory(shown["RGB"], plane)


def test_another_size_of_plane_is_told(wrapper):
    wrapper.set_facts(facts(dtype="float64"))
    told = []
    wrapper.dims_changed.connect(lambda: told.append(1))
    wrapper.set_frame(frame(np.zeros((4, 6)), None))
    assert told == []
    wrapper.set_frame(frame(np.zeros((40, 60)), None))
    assert told == [1]
    assert len(wrapper.coords["y"]) == 40


def test_summary_names_size_type_and_scale(wrapper):
    wrapper.set_facts(facts(pixel_size_um=0.325, dtype="uint16"))
    assert wrapper.summary_info() == "6 × 4 px   uint16   0.325 µm/px"


def test_number_of_time_points_costs_nothing(wrapper):
    wrapper.set_facts(facts(num_t=10**9))
    assert len(wrapper.coords["t"]) == 1

import numpy as np
import pytest

from planecast.demo.specimen import OFFSET, Specimen
from planecast_protocol.axes import PlaneIndex

CHANNELS = ("BF", "DAPI", "GFP", "mCherry")


@pytest.fixture(scope="module")
def specimen() -> Specimen:
    return Specimen(256, 320, num_z=5)


def seen(specimen: Specimen, channel: str, *, t: int = 0, fov: int = 0, z: int = 2) -> np.ndarray:
    return specimen.photograph(PlaneIndex(t, fov, z, CHANNELS.index(channel)), channel)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def sharpness(plane: np.ndarray) -> float:
    # Over 4 pixels: the noise of single pixels is the same in and out of focus.
    smooth = plane.reshape(64, 4, 80, 4).mean((1, 3))
    return float(np.abs(np.diff(smooth, axis=0)).mean())


@pytest.mark.parametrize("channel", CHANNELS)
def test_planes_are_of_the_camera(specimen: Specimen, channel: str):
    plane = seen(specimen, channel)
    assert plane.shape == (256, 320)
    assert plane.dtype == np.uint16
    assert plane.std() > 10
    assert plane.max() < 65535


def test_the_same_seed_gives_the_same_pixels(specimen: Specimen):
    again = Specimen(256, 320, num_z=5)
    for channel in CHANNELS:
        assert np.array_equal(seen(specimen, channel, t=3, fov=1), seen(again, channel, t=3, fov=1))


def test_another_seed_gives_other_cells(specimen: Specimen):
    other = Specimen(256, 320, num_z=5, seed=1)
    assert likeness(seen(specimen, "GFP"), seen(other, "GFP")) < 0.5


def test_no_two_planes_are_equal(specimen: Specimen):
    planes = [
        seen(specimen, "DAPI"),
        seen(specimen, "DAPI", t=1),
        seen(specimen, "DAPI", fov=1),
        seen(specimen, "DAPI", z=3),
        seen(specimen, "GFP"),
    ]
    assert len({plane.tobytes() for plane in planes}) == len(planes)


def test_cells_drift_smoothly(specimen: Specimen):
    now = seen(specimen, "GFP", t=10)
    soon, late = seen(specimen, "GFP", t=11), seen(specimen, "GFP", t=80)
    assert likeness(now, soon) > 0.9
    assert likeness(now, late) < 0.7


def test_fields_of_view_show_other_cells(specimen: Specimen):
    assert likeness(seen(specimen, "GFP", fov=0), seen(specimen, "GFP", fov=1)) < 0.5


@pytest.mark.parametrize("channel", ["DAPI", "GFP", "mCherry"])
def test_the_middle_of_the_stack_is_in_focus(specimen: Specimen, channel: str):
    in_focus = sharpness(seen(specimen, channel, z=2))
    assert in_focus > sharpness(seen(specimen, channel, z=0))
    assert in_focus > sharpness(seen(specimen, channel, z=4))


def test_bright_field_is_brightest_in_the_middle(specimen: Specimen):
    plane = seen(specimen, "BF")
    assert plane[96:160, 120:200].mean() > plane[-32:, -32:].mean() + 100


def test_noise_is_that_of_photons(specimen: Specimen):
    bright, dim = seen(specimen, "BF"), seen(specimen, "DAPI")
    for plane in (bright, dim):
        pairs = plane.astype(float) - OFFSET
        difference = pairs[:, 1:] - pairs[:, :-1]
        level = np.median(pairs)
        spread = np.median(np.abs(difference)) / 0.6745 / np.sqrt(2)
        assert spread == pytest.approx(np.sqrt(level), rel=0.3)

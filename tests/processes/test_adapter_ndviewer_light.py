"""ndviewer_light's simulation scripts, their calls made to our adapter, and what is then shown."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from adapter_rig import SIZE, Line, plane, running_line
from squid_files import OmeTiff, announced_path, append_page, create_store, save_single

from planecast_agent.adapters.ndviewer_light import LightweightViewer
from planecast_protocol.axes import PlaneIndex

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CHANNELS = ["BF LED matrix full", "Fluorescence 488 nm Ex"]
FOVS = ["A1:0", "A1:1", "B_2:0"]
N_T, N_Z = 2, 2
LATE_S = 0.05
"""How long after its announcement a file comes; Squid's come 28 to 44 ms after."""


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running_line() as running:
        yield running


@pytest.fixture(scope="module")
def viewer(line: Line) -> Iterator[LightweightViewer]:
    """Make one for all acquisitions, as controllers do."""
    one = LightweightViewer(agent=line.agent, spool_dir=line.spool_dir, late_s=0.5)
    yield one
    one.close()


class Disk:
    """Saves planes some time after they were announced, in the order of announcement."""

    def __init__(self) -> None:
        self._waiting: list[threading.Timer] = []
        self._one_at_a_time = threading.Lock()

    def save_later(self, save: Callable[[], None]) -> None:
        timer = threading.Timer(LATE_S, self._save, [save])
        self._waiting.append(timer)
        timer.start()
        # Timers of the same time need not fire in order.
        timer.join(LATE_S / 4)

    def _save(self, save: Callable[[], None]) -> None:
        with self._one_at_a_time:
            save()

    def wait(self) -> None:
        for timer in self._waiting:
            timer.join()


def all_planes() -> Iterator[PlaneIndex]:
    for t, fov, z, c in itertools.product(
        range(N_T), range(len(FOVS)), range(N_Z), range(len(CHANNELS))
    ):
        yield PlaneIndex(t, fov, z, c)


def assert_shown_right(line: Line, viewer: LightweightViewer) -> None:
    """Every plane is published and says itself; the newest is on the canvas, nothing wrong was."""
    assert viewer.acquisition_id is not None
    report = line.wait_state(viewer.acquisition_id, "done")
    published = line.published()[viewer.acquisition_id]
    assert set(published) == set(all_planes())
    assert line.identities(published) == {index: index for index in all_planes()}
    assert report["wrong"] == 0
    assert viewer.alarm == ""
    for index in list(all_planes())[-len(CHANNELS) :]:
        assert [index.t, index.fov, index.z, index.channel] in report["shown_planes"]


def acquire_tiff(
    viewer: LightweightViewer, experiment: Path, save: Callable[[str, PlaneIndex], None]
) -> None:
    """Announce each plane before its file is there, as Squid does."""
    disk = Disk()
    viewer.start_acquisition(channels=CHANNELS, num_z=N_Z, height=SIZE, width=SIZE, fov_labels=FOVS)
    for index in all_planes():
        channel = CHANNELS[index.channel]
        path = announced_path(experiment, index.t, FOVS[index.fov], index.z, channel)
        viewer.register_image(
            t=index.t, fov_idx=index.fov, z=index.z, channel=channel, filepath=path
        )
        disk.save_later(lambda path=path, index=index: save(path, index))  # type: ignore[misc]
    viewer.end_acquisition()
    disk.wait()


def pixels(index: PlaneIndex) -> "np.typing.NDArray[np.uint16]":
    return plane(*(index.t, index.fov, index.z, index.channel), len(CHANNELS))


def test_one_file_a_plane(line: Line, viewer: LightweightViewer) -> None:
    acquire_tiff(viewer, line.folder / "single", lambda path, i: save_single(path, pixels(i)))
    assert_shown_right(line, viewer)


def test_plane_is_found_in_the_preallocated_ome_tiff(line: Line, viewer: LightweightViewer) -> None:
    experiment = line.folder / "ome"
    files = OmeTiff(experiment, N_T, N_Z, CHANNELS)
    acquire_tiff(
        viewer,
        experiment,
        lambda _path, i: files.save(FOVS[i.fov], i.t, i.z, i.channel, pixels(i)),
    )
    assert not (experiment / "0").exists(), "the announced path is never written"
    assert_shown_right(line, viewer)


def test_plane_is_found_in_the_growing_multi_page_file(
    line: Line, viewer: LightweightViewer
) -> None:
    def save(path: str, index: PlaneIndex) -> None:
        append_page(path, FOVS[index.fov], index.z, CHANNELS[index.channel], pixels(index))

    experiment = line.folder / "pages"
    acquire_tiff(viewer, experiment, save)
    assert len(list((experiment / "0").iterdir())) == len(FOVS)
    assert_shown_right(line, viewer)


def test_one_zarr_store_a_fov(line: Line, viewer: LightweightViewer) -> None:
    root = line.folder / "flexible" / "zarr" / "region_1"
    paths = [root / f"fov_{number}.ome.zarr" for number in range(len(FOVS))]
    acquire_stores(viewer, paths)
    assert_shown_right(line, viewer)


def test_plate_of_zarr_stores(line: Line, viewer: LightweightViewer) -> None:
    plate = line.folder / "wells" / "plate.ome.zarr"
    acquire_stores(
        viewer, [plate / "A" / "1" / "0", plate / "A" / "1" / "1", plate / "B" / "2" / "0"]
    )
    assert_shown_right(line, viewer)


def acquire_stores(viewer: LightweightViewer, paths: list[Path]) -> None:
    """Acquire into stores of five axes; the notices come after the end."""
    shape = (N_T, len(CHANNELS), N_Z, SIZE, SIZE)
    viewer.start_zarr_acquisition(
        fov_paths=[str(path) for path in paths],
        channels=CHANNELS,
        num_z=N_Z,
        fov_labels=FOVS,
        height=SIZE,
        width=SIZE,
    )
    arrays = [create_store(path, shape, CHANNELS) for path in paths]
    for index in all_planes():
        arrays[index.fov][index.t, index.channel, index.z] = pixels(index)
    viewer.end_zarr_acquisition()
    for index in all_planes():
        viewer.notify_zarr_frame(
            t=index.t, fov_idx=index.fov, z=index.z, channel=CHANNELS[index.channel]
        )


@pytest.mark.parametrize("names", [True, False], ids=["axes-in-array", "axes-in-attributes"])
def test_zarr_stores_of_six_axes(line: Line, viewer: LightweightViewer, names: bool) -> None:
    fovs_per_region = [2, 1]
    paths = [
        line.folder / f"six-{names}" / "zarr" / region / "acquisition.zarr"
        for region in ("left", "right")
    ]
    viewer.start_zarr_acquisition_6d(
        region_paths=[str(path) for path in paths],
        channels=CHANNELS,
        num_z=N_Z,
        fovs_per_region=fovs_per_region,
        height=SIZE,
        width=SIZE,
        region_labels=["left", "right"],
    )
    arrays = [
        create_store(path, (n, N_T, len(CHANNELS), N_Z, SIZE, SIZE), CHANNELS, names=names)
        for path, n in zip(paths, fovs_per_region, strict=True)
    ]
    for index in all_planes():
        region, local = divmod(index.fov, 2)
        # The notice first: a viewer that asks now is told "not yet", and gets the plane later.
        viewer.notify_zarr_frame(
            t=index.t,
            fov_idx=local,
            z=index.z,
            channel=CHANNELS[index.channel],
            region_idx=region,
        )
        arrays[region][local, index.t, index.channel, index.z] = pixels(index)
    viewer.end_zarr_acquisition()
    assert_shown_right(line, viewer)


def test_viewers_look_where_the_controller_points_also_after_the_end(
    line: Line, viewer: LightweightViewer
) -> None:
    acquire_tiff(viewer, line.folder / "pointed", lambda path, i: save_single(path, pixels(i)))
    assert_shown_right(line, viewer)
    viewer.load_fov(1, t=0, z=1)
    line.wait(lambda: line.report()["position"] == [0, 1, 1], "the fov that was pointed to")
    line.wait_shown((0, 1, 1, 0), (0, 1, 1, 1))
    assert viewer.go_to_well_fov("B_2", 0)
    line.wait(lambda: line.report()["position"] == [0, 2, 1], "the other axes stay")
    assert not line.report()["following"]
    assert not viewer.go_to_well_fov("C9", 0)


def test_folder_that_is_loaded_is_published_and_can_be_gone_through(
    line: Line, viewer: LightweightViewer
) -> None:
    folder = line.folder / "loaded"
    for index in all_planes():
        name = CHANNELS[index.channel]
        path = announced_path(folder, index.t, FOVS[index.fov], index.z, name)
        save_single(path, pixels(index))
    viewer.load_dataset(str(folder))
    assert not viewer.is_push_mode_active()
    assert viewer.has_fov_dimension()
    assert viewer.get_fov_list() == [
        {"region": "A1", "fov": 0},
        {"region": "A1", "fov": 1},
        {"region": "B_2", "fov": 0},
    ]

    def loaded() -> list[str]:
        complete = set(all_planes())
        return [
            name
            for name, planes in line.published().items()
            if name.startswith("loaded") and set(planes) == complete
        ]

    line.wait(lambda: bool(loaded()), "all planes of the folder")
    published = line.published()[loaded()[0]]
    assert line.identities(published) == {index: index for index in all_planes()}
    line.wait(lambda: line.report().get("acquisition") == loaded()[0], "the folder in the viewer")
    assert viewer.set_current_index("fov", 2)
    line.wait(lambda: line.report()["position"][1] == 2, "the fov of that name")
    assert not viewer.set_current_index("fov", 3)

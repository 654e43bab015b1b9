"""Sequences of pymmcore-plus' own engine, and what is then shown: each frame says which it is."""

import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pymmcore_plus", reason="pymmcore-plus is not installed")
pytest.importorskip("mm_test_adapters", reason="mm-test-adapters is not installed")
pytest.importorskip("tensorstore", reason="tensorstore is not installed")

from adapter_rig import SIZE, Line, running_line

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import useq
    from microscope import Microscope, marks
    from pymmcore_plus import CMMCorePlus
    from pymmcore_plus.mda import handlers

from planecast_agent.adapters.pymmcore_plus import MdaPublisher, publish_mda
from planecast_agent.subscriber.control_follower import ControlFollower
from planecast_protocol.axes import PlaneIndex

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    # What pymmcore-plus and its writers warn of is theirs.
    pytest.mark.filterwarnings("ignore"),
]

SEQUENCE = useq.MDASequence(
    channels=["DAPI", "FITC"],
    stage_positions=[(0, 0, 0), useq.Position(x=1, y=1, z=0, name="B2")],
    z_plan={"range": 2, "step": 2},
    time_plan={"interval": 0, "loops": 2},
    axis_order="tpzc",
)
WITH_GRID = useq.MDASequence(
    channels=["DAPI", "FITC"],
    stage_positions=[(0, 0, 0), (5, 5, 0)],
    grid_plan={"rows": 1, "columns": 2},
    z_plan={"range": 2, "step": 2},
    axis_order="pgzc",
)
PLAIN = useq.MDASequence(time_plan={"interval": 0, "loops": 5})
WELLS = useq.MDASequence(
    channels=["DAPI"],
    stage_positions=useq.WellPlatePlan(
        plate=96,
        a1_center_xy=(0, 0),
        selected_wells=([0, 1], [0, 2]),
        well_points_plan=useq.GridRowsColumns(rows=1, columns=2, fov_width=1, fov_height=1),
    ),
)
SEQUENCES = {"all-axes": SEQUENCE, "grid": WITH_GRID, "plain": PLAIN, "wells": WELLS}


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running_line() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def signals_without_qt() -> Iterator[None]:
    """Listeners of these tests act in the engine's thread, whatever ran in this process before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYMM_SIGNALS_BACKEND", "psygnal")
        yield


@pytest.fixture(scope="module")
def microscope(signals_without_qt: None) -> Iterator[Microscope]:
    one = Microscope()
    yield one
    one.close()


@pytest.fixture
def publish(line: Line) -> Iterator[Callable[..., MdaPublisher]]:
    started: list[MdaPublisher] = []

    def start(core: Any, **settings: Any) -> MdaPublisher:
        given = {"agent": line.agent, "spool_dir": line.spool_dir, **settings}
        started.append(publish_mda(core, **given))
        return started[-1]

    yield start
    for one in started:
        one.close()


def assert_shown_right(
    line: Line, publisher: MdaPublisher, sequence: "useq.MDASequence"
) -> dict[str, Any]:
    """Every frame is published and says itself; the newest is on the canvas, nothing wrong was."""
    assert publisher.acquisition is not None
    acquisition = publisher.acquisition.id
    report = line.wait_state(acquisition, "done")
    published = line.published()[acquisition]
    assert set(published) == {PlaneIndex(*mark) for mark in marks(sequence)}
    assert line.identities(published) == {index: index for index in published}
    assert report["wrong"] == 0
    assert publisher.alarm == ""
    assert publisher.wait_delivered(20)
    return report


def wait_ended(line: Line, publisher: MdaPublisher) -> dict[str, Any]:
    assert publisher.acquisition is not None
    return line.wait_ended(publisher.acquisition.id)


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES.keys())
@pytest.mark.parametrize("suffix", [".ome.tiff", ".ome.zarr"])
def test_path_as_output(
    line: Line,
    microscope: Microscope,
    publish: Callable[..., MdaPublisher],
    sequence: "useq.MDASequence",
    suffix: str,
    request: pytest.FixtureRequest,
) -> None:
    publisher = publish(microscope.core)
    name = request.node.callspec.id.strip(".").replace(".", "-")
    microscope.run(sequence, str(line.folder / f"{name}{suffix}"))
    assert_shown_right(line, publisher, sequence)
    assert publisher.acquisition is not None
    assert publisher.acquisition.id.startswith(name)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "OMETiffWriter": lambda folder: handlers.OMETiffWriter(folder / "handler.ome.tiff"),
    "TensorStoreHandler-zarr2": lambda folder: handlers.TensorStoreHandler(
        path=folder / "handler2.zarr"
    ),
    "TensorStoreHandler-zarr3": lambda folder: handlers.TensorStoreHandler(
        path=folder / "handler3.zarr", driver="zarr3"
    ),
    "ImageSequenceWriter": lambda folder: handlers.ImageSequenceWriter(
        folder / "handler_files", prefix="x"
    ),
}


@pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS.keys())
def test_handler_as_output(
    line: Line,
    microscope: Microscope,
    publish: Callable[..., MdaPublisher],
    make: Callable[[Path], Any],
) -> None:
    publisher = publish(microscope.core)
    microscope.run(SEQUENCE, make(line.folder))
    assert_shown_right(line, publisher, SEQUENCE)


def test_frames_without_a_writer_are_saved_where_asked(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    folder = line.folder / "saved"
    publisher = publish(microscope.core, save_to=folder)
    microscope.run(SEQUENCE)
    assert_shown_right(line, publisher, SEQUENCE)
    assert (folder / "1" / "B2_0_1_FITC.tiff").is_file()
    microscope.run(PLAIN)
    assert_shown_right(line, publisher, PLAIN)
    assert (line.folder / "saved_2" / "4" / "0_0_0_image.tiff").is_file()


def test_a_camera_of_hundreds_of_frames_a_second(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    publisher = publish(microscope.core, save_to=line.folder / "fast")
    fast = useq.MDASequence(time_plan={"interval": 0, "loops": 600})
    microscope.run(fast)
    assert_shown_right(line, publisher, fast)


def test_events_that_nobody_knows_before(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    publisher = publish(microscope.core)
    microscope.camera.marks = ((t, 0, 0, 0) for t in range(4))
    microscope.camera.n_channels = 1
    events = (useq.MDAEvent(index={"t": t}) for t in range(4))
    microscope.core.run_mda(events, output=str(line.folder / "iterator.ome.zarr")).join()
    assert publisher.acquisition is not None
    line.wait_state(publisher.acquisition.id, "done")
    published = line.published()[publisher.acquisition.id]
    assert line.identities(published) == {
        PlaneIndex(t, 0, 0, 0): PlaneIndex(t, 0, 0, 0) for t in range(4)
    }


def test_a_writer_of_ones_own(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    folder = line.folder / "own"
    folder.mkdir()

    def where(event: Any, _meta: Any) -> Path:
        return folder / f"{event.index['t']}.npy.tiff"

    class Own:
        def frameReady(self, frame: Any, event: Any, meta: Any) -> None:  # noqa: N802
            import tifffile

            tifffile.imwrite(where(event, meta), frame)

    writer = Own()
    publisher = publish(microscope.core, where=where)
    microscope.run(PLAIN, writer)
    assert_shown_right(line, publisher, PLAIN)


def test_sequence_that_is_canceled_is_aborted_for_viewers(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    publisher = publish(microscope.core, save_to=line.folder / "canceled")
    mda = microscope.core.mda

    def cancel_third(_image: Any, event: Any, _meta: Any) -> None:
        if event.index["t"] == 2:
            mda.cancel()

    mda.events.frameReady.connect(cancel_third)
    microscope.run(useq.MDASequence(time_plan={"interval": 0, "loops": 10_000}))
    mda.events.frameReady.disconnect(cancel_third)
    report = wait_ended(line, publisher)
    assert (report["state"], report["end_reason"]) == (
        "aborted",
        "canceled after 3 frames of 10000",
    )


def test_camera_that_fails_aborts_the_acquisition(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    publisher = publish(microscope.core, save_to=line.folder / "failed")
    microscope.camera.fails_after = 2
    microscope.run(PLAIN)
    microscope.camera.fails_after = None
    report = wait_ended(line, publisher)
    assert report["state"] == "aborted"
    assert "after 2 frames of 5" in report["end_reason"]


def test_sequence_that_nobody_saves_says_what_is_missing(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    publisher = publish(microscope.core)
    microscope.run(PLAIN)
    assert "save_to" in publisher.alarm
    assert publisher.acquisition is not None
    assert publisher.acquisition.id not in {
        name for name, planes in line.published().items() if planes
    }


def test_hardware_sequence_that_overflows_is_aborted_with_the_reason(
    line: Line, publish: Callable[..., MdaPublisher]
) -> None:
    core = CMMCorePlus()
    core.loadSystemConfiguration()
    core.setProperty("Camera", "OnCameraCCDXSize", 1024)
    core.setProperty("Camera", "OnCameraCCDYSize", 1024)
    core.setProperty("Camera", "FastImage", 1)
    core.setExposure(1)
    core.setCircularBufferMemoryFootprint(4)
    core.mda.engine.use_hardware_sequencing = True
    publisher = publish(core, save_to=line.folder / "overflow")
    full = threading.Event()

    def hold(_image: Any, _event: Any, _meta: Any) -> None:
        while not full.is_set() and not core.isBufferOverflowed():
            full.wait(0.01)
        full.set()

    core.mda.events.frameReady.connect(hold)
    core.run_mda(useq.MDASequence(time_plan={"interval": 0, "loops": 60})).join()
    report = wait_ended(line, publisher)
    assert report["state"] == "aborted"
    assert "buffer overflowed after" in report["end_reason"]
    core.unloadAllDevices()


def test_demo_camera_is_shown_as_it_was(line: Line, publish: Callable[..., MdaPublisher]) -> None:
    core = CMMCorePlus()
    core.loadSystemConfiguration()
    core.setProperty("Camera", "OnCameraCCDXSize", SIZE)
    core.setProperty("Camera", "OnCameraCCDYSize", SIZE)
    frames: dict[int, np.ndarray] = {}
    core.mda.events.frameReady.connect(
        lambda image, event, _meta: frames.update({event.index["t"]: image.copy()})
    )
    publisher = publish(core, save_to=line.folder / "demo")
    core.run_mda(PLAIN).join()
    assert publisher.acquisition is not None
    assert publisher.wait_delivered(20)
    pixels = line.pixels(line.published()[publisher.acquisition.id])
    assert {index.t for index in pixels} == set(frames) == set(range(5))
    for index, image in pixels.items():
        np.testing.assert_array_equal(image, frames[index.t])
    core.unloadAllDevices()


def test_stage_and_progress_are_shown_while_it_runs(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    publish(microscope.core, save_to=line.folder / "stated")
    seen: list[dict[str, object]] = []
    follower = ControlFollower(line.agent, on_change=lambda: seen.append(values()))

    def values() -> dict[str, object]:
        controllers = follower.picture.controllers
        return {entry.name: entry.value for one in controllers for entry in one.values}

    follower.start()
    try:
        line.wait(lambda: follower.picture.agent == "live", "the agent")
        microscope.run(SEQUENCE)
        last = {"frames": 16, "of": 16}
        line.wait(lambda: any(one.get("progress") == last for one in list(seen)), "the last frame")
        shown = next(one for one in seen if one.get("progress") == last)
        # The stage stands on its own grid.
        assert shown["stage"] == pytest.approx({"x_um": 1, "y_um": 1, "z_um": 1}, abs=0.02)
        assert shown["exposure_ms"] == 1.0
    finally:
        follower.close()


def test_frames_are_saved_even_if_they_can_not_be_published(
    line: Line, microscope: Microscope, publish: Callable[..., MdaPublisher]
) -> None:
    (line.folder / "no-folder").write_text("a file")
    folder = line.folder / "only-saved"
    publisher = publish(microscope.core, save_to=folder, spool_dir=line.folder / "no-folder")
    microscope.run(PLAIN)
    assert publisher.wait_delivered(20)
    assert publisher.acquisition is None
    assert "not published" in publisher.alarm
    assert len(list(folder.glob("*/*.tiff"))) == 5


IN_A_PROGRAM_WITH_WINDOWS = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
from PySide6.QtWidgets import QApplication
application = QApplication([])
from microscope import Microscope, useq
from planecast_agent.adapters.pymmcore_plus import publish_mda
microscope = Microscope()
assert type(microscope.core.mda.events).__name__ == "QMDASignaler"
publisher = publish_mda(microscope.core, save_to=sys.argv[2])
# The GUI's thread waits here, and its signals with it.
microscope.run(useq.MDASequence(time_plan={"interval": 0, "loops": 5}))
assert publisher.wait_delivered(20), publisher.alarm
print("published", publisher.acquisition.id)
publisher.close()
"""


def test_a_busy_gui_does_not_hold_frames_back(line: Line) -> None:
    pytest.importorskip("PySide6", reason="PySide6 is not installed")
    here, folder = Path(__file__).parent, line.folder / "windows"
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROGRAM_WITH_WINDOWS, str(here), str(folder)],
        capture_output=True,
        text=True,
        env={**line.environment, "PYMM_SIGNALS_BACKEND": "auto"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    acquisition = done.stdout.split()[-1]
    line.wait_state(acquisition, "done")
    assert set(line.published()[acquisition]) == {PlaneIndex(t, 0, 0, 0) for t in range(5)}

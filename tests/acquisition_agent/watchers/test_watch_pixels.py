"""The whole line: files appear, are registered, and the real worker reads the right pixels."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from agent_rig import TIMEOUT_S, AgentProcess, eventually
from imagecodecs import png_encode
from ndstorage import NDTiffDataset
from watch_files import CELL, WRITERS, Shape, plane, write_settings
from watch_rig import WatchProcess, images, start_writer, started

from planecast.demo.identity import decode
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.event_messages import RegisterImage
from planecast_protocol.reader_messages import PlaneArea, ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient

Watch = Callable[..., WatchProcess]
SHAPE = Shape()


@pytest.fixture(scope="module")
def worker() -> Iterator[ReaderClient]:
    folder = Path(tempfile.mkdtemp(prefix="pc", dir="/tmp"))
    address = f"unix://{folder}/w"
    command = [sys.executable, "-m", "planecast_reader", "--address", address, "--readers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        client = ReaderClient(address)
        yield client
        client.close()
        process.terminate()
        process.wait(TIMEOUT_S)
    shutil.rmtree(folder)


def identity(worker: ReaderClient, image: RegisterImage) -> PlaneIndex | None:
    """Read a registered plane as a viewer does; return which plane its pixels say it is."""
    source = image.source
    request = ReadPixels(
        request=0,
        path=source.path,
        scene=source.scene,
        index=source.index,
        area=PlaneArea(page=source.page),
        running=True,
        wait=True,
    )
    answer = worker.request(request, TIMEOUT_S)
    assert isinstance(answer, PixelAnswer), answer
    return decode(answer.pixels, CELL, image.index.channel * 8 * CELL)


def all_are_right(worker: ReaderClient, agent: AgentProcess, acquisition: str) -> int:
    registered = images(agent, acquisition)
    for image in registered:
        assert identity(worker, image) == image.index
    return len(registered)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_worker_reads_what_was_registered(
    watch: Watch, agent: AgentProcess, data: Path, worker: ReaderClient, kind: str
):
    folder = data / "run"
    write_settings(folder, SHAPE)
    watching = watch()
    writer = start_writer(kind, folder, SHAPE.n_t, SHAPE.n_z, ",".join(SHAPE.fovs), 0.05)
    acquisition = watching.wait_for("started")["acquisition"]
    # While the controller writes: what is registered can be read.
    eventually(lambda: len(images(agent, acquisition)) >= 4, "four planes")
    assert all_are_right(worker, agent, acquisition) >= 4
    assert writer.wait(60) == 0
    (folder / ".done").touch()
    watching.wait_for("ended")
    assert all_are_right(worker, agent, acquisition) == SHAPE.n_planes


def test_separate_files_of_micro_manager(
    watch: Watch, agent: AgentProcess, data: Path, worker: ReaderClient
):
    shape = Shape(fovs=("Pos0:0", "Pos1:0"))
    watching = watch()
    for number, fov in enumerate(shape.fovs):
        position = data / "run_1" / fov.partition(":")[0]
        position.mkdir(parents=True)
        (position / "metadata.txt").write_text(
            '{"Summary": {"ChNames": ["BF", "DAPI"], "Slices": 2, "Frames": 2, "Height": 48, '
            '"Width": 48, "PixelType": "GRAY16", "StagePositions": [{"Label": "Pos0"}, '
            '{"Label": "Pos1"}]}, "FrameKey-0-0-0": {'
        )
        for index in shape.indices():
            if index.fov == number:
                name = (
                    f"img_channel{index.channel:03}_position{number:03}"
                    f"_time{index.t:09}_z{index.z:03}.tif"
                )
                tifffile.imwrite(position / name, plane(shape, index), metadata=None)
    begun = watching.wait_for("started")
    assert begun["preset"] == "micro-manager-files"
    assert Path(begun["folder"]).name == "run_1"
    acquisition = begun["acquisition"]
    eventually(lambda: len(images(agent, acquisition)) == shape.n_planes, "all planes")
    assert started(agent, acquisition).fov_labels == list(shape.fovs)
    assert started(agent, acquisition).channels == ["BF", "DAPI"]
    assert all_are_right(worker, agent, acquisition) == shape.n_planes


# ndstorage leaves its files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_ndtiff_while_it_is_written(
    watch: Watch, agent: AgentProcess, data: Path, worker: ReaderClient
):
    shape = Shape(fovs=("position 0:0", "position 1:0"))
    watching = watch("--settle", "0.5")
    dataset = NDTiffDataset(
        str(data), name="run", summary_metadata={"PixelSize_um": 0.1}, writable=True
    )
    for index in shape.indices():
        axes = {
            "position": index.fov,
            "time": index.t,
            "z": index.z,
            "channel": shape.channels[index.channel],
        }
        dataset.put_image(axes, plane(shape, index), {"Exposure": 1.0})
    dataset.finish()
    dataset.close()
    begun = watching.wait_for("started")
    assert begun["preset"] == "ndtiff"
    eventually(
        lambda: len(images(agent, watching.told("started")[-1]["acquisition"])) == shape.n_planes,
        "all planes",
    )
    acquisition = watching.told("started")[-1]["acquisition"]
    assert started(agent, acquisition).fov_labels == list(shape.fovs)
    assert all_are_right(worker, agent, acquisition) == shape.n_planes


def test_a_pattern_of_ones_own(watch: Watch, agent: AgentProcess, data: Path, worker: ReaderClient):
    shape = Shape(n_t=3)
    watching = watch("--pattern", "{well}/f{fov}_t{t:3}_z{z}_{channel}.tif", "--settle", "0.5")
    for index in shape.indices():
        well, _, fov = shape.fovs[index.fov].partition(":")
        name = f"f{fov}_t{index.t:03}_z{index.z}_{shape.channels[index.channel]}.tif"
        (data / well).mkdir(exist_ok=True)
        tifffile.imwrite(data / well / name, plane(shape, index), metadata=None)
    eventually(
        lambda: (
            watching.told("started") != []
            and len(images(agent, watching.told("started")[-1]["acquisition"])) == shape.n_planes
        ),
        "all planes",
    )
    acquisition = watching.told("started")[-1]["acquisition"]
    assert all_are_right(worker, agent, acquisition) == shape.n_planes


@pytest.mark.parametrize("imagej", [False, True])
def test_pages_that_a_user_or_imagej_describes(
    watch: Watch, agent: AgentProcess, data: Path, worker: ReaderClient, imagej: bool
):
    shape = Shape(fovs=("A1:0",), n_t=1, n_z=5, channels=("Channel 0",))
    pixels = np.stack([plane(shape, index) for index in shape.indices()])
    watching = watch("--pattern", "{well}.tif", *(() if imagej else ("--pages", "z")))
    if imagej:
        tifffile.imwrite(data / "A1.tif", pixels, imagej=True, metadata={"axes": "ZYX"})
    else:
        tifffile.imwrite(data / "A1.tif", pixels, metadata=None, contiguous=False)
    acquisition = watching.wait_for("started")["acquisition"]
    eventually(lambda: len(images(agent, acquisition)) >= 5, "all planes")
    assert all_are_right(worker, agent, acquisition) == 5


def test_pages_that_nobody_describes_are_told(watch: Watch, agent: AgentProcess, data: Path):
    watching = watch("--pattern", "{well}.tif")
    pixels = np.ones((3, 16, 16), np.uint8)
    tifffile.imwrite(data / "A1.tif", pixels, metadata=None, photometric="minisblack")
    told = watching.wait_for("warning")["message"]
    assert "give --pages z, t or channel" in told


def test_other_pictures_count_when_they_are_at_rest(watch: Watch, agent: AgentProcess, data: Path):
    watching = watch("--pattern", "t{t}_{channel}.png", "--settle", "0.3")
    for t in range(3):
        (data / f"t{t}_BF.png").write_bytes(png_encode(np.full((20, 30), 7, np.uint8)))
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) == 3, "three pictures")
    start = started(agent, begun["acquisition"])
    assert (start.height, start.width, start.dtype) == (20, 30, "uint8")


def test_a_kind_of_file_whose_size_nobody_knows_needs_the_option(
    watch: Watch, agent: AgentProcess, data: Path
):
    for t in range(2):
        (data / f"t{t}_BF.raw").write_bytes(b"x" * 600)
    watching = watch("--pattern", "t{t}_{channel}.raw", "--settle", "0.3")
    assert "give --size HEIGHTxWIDTH" in watching.wait_for("warning")["message"]
    assert not watching.told("started")
    watching.close()
    again = watch("--pattern", "t{t}_{channel}.raw", "--settle", "0.3", "--size", "20x30")
    begun = again.wait_for("started")
    assert started(agent, begun["acquisition"]).height == 20

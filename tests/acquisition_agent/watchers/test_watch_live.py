"""Files that appear while a real `planecast watch` looks on."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from agent_rig import AgentProcess, eventually
from watch_files import (
    WRITERS,
    Shape,
    plane,
    plane_path,
    write_plane_file,
    write_plane_files,
    write_settings,
)
from watch_rig import WatchProcess, images, start_writer, started

from planecast.demo.disk import tiff_bytes, write_by_rename
from planecast_agent.watchers.journal_view import read_journal

Watch = Callable[..., WatchProcess]
SHAPE = Shape()


def indices(agent: AgentProcess, acquisition: str) -> list[tuple[int, int, int, int]]:
    return [(i.t, i.fov, i.z, i.channel) for i in (e.index for e in images(agent, acquisition))]


def all_of(shape: Shape) -> list[tuple[int, int, int, int]]:
    return [(i.t, i.fov, i.z, i.channel) for i in shape.indices()]


@pytest.mark.parametrize("kind", WRITERS)
def test_every_layout_is_registered_once_while_another_process_writes(
    watch: Watch, agent: AgentProcess, data: Path, kind: str
):
    folder = data / "run"
    write_settings(folder, SHAPE)
    watching = watch()
    writer = start_writer(kind, folder, SHAPE.n_t, SHAPE.n_z, ",".join(SHAPE.fovs), 0.03)
    assert writer.wait(60) == 0
    (folder / ".done").touch()
    ended = watching.wait_for("ended")
    assert ended["not_whole"] == 0
    assert watching.told("started")[0]["preset"] == kind.split(maxsplit=1)[0]
    assert sorted(indices(agent, ended["acquisition"])) == sorted(all_of(SHAPE))
    begun = started(agent, ended["acquisition"])
    assert begun.channels == list(SHAPE.channels)
    assert begun.fov_labels == list(SHAPE.fovs)
    assert (begun.num_z, begun.num_t, begun.height, begun.width) == (2, 2, 48, 48)
    assert (begun.dtype, begun.pixel_size_um, begun.z_step_um) == ("uint16", 0.325, 1.5)
    eventually(lambda: not agent_has_open(agent, ended["acquisition"]), "the agent has its end")


def agent_has_open(agent: AgentProcess, acquisition: str) -> bool:
    return not read_journal(agent.address, acquisition).ended


@pytest.mark.parametrize("kind", ["squid-tiff", "squid-ome-tiff", "squid-zarr"])
def test_polling_finds_the_same(watch: Watch, agent: AgentProcess, data: Path, kind: str):
    folder = data / "run"
    write_settings(folder, SHAPE)
    watching = watch("--poll")
    assert "again" in watching.told("watching")[0]["how"]
    writer = start_writer(kind, folder, SHAPE.n_t, SHAPE.n_z, ",".join(SHAPE.fovs), 0.03)
    assert writer.wait(60) == 0
    (folder / ".done").touch()
    ended = watching.wait_for("ended")
    assert sorted(indices(agent, ended["acquisition"])) == sorted(all_of(SHAPE))


def test_what_is_there_comes_first_and_in_order(watch: Watch, agent: AgentProcess, data: Path):
    write_settings(data, SHAPE)
    write_plane_files(data, SHAPE)
    watching = watch()
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) == SHAPE.n_planes, "all planes")
    assert indices(agent, begun["acquisition"]) == all_of(SHAPE)


def test_no_file_is_lost_or_doubled_between_the_scan_and_the_listening(
    watch: Watch, agent: AgentProcess, data: Path
):
    shape = Shape(n_t=40)
    write_settings(data, shape)
    writer = start_writer("squid-tiff", data, 40, 2, ",".join(shape.fovs), 0.001)
    watching = watch()
    assert writer.wait(60) == 0
    assert watching.send(signal.SIGINT) == 0
    begun = watching.told("started")[0]
    assert sorted(indices(agent, begun["acquisition"])) == sorted(all_of(shape))


def test_a_burst_of_2000_files(watch: Watch, agent: AgentProcess, data: Path):
    shape = Shape(fovs=tuple(f"A1:{n}" for n in range(10)), n_t=50, size=16)
    write_settings(data, shape)
    watching = watch()
    content = tiff_bytes(plane(shape, next(shape.indices())))
    for t in range(shape.n_t):
        (data / str(t)).mkdir()
    for index in shape.indices():
        plane_path(data, shape, index).write_bytes(content)
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) >= 2000, "2000 planes")
    assert sorted(indices(agent, begun["acquisition"])) == sorted(all_of(shape))


def test_a_file_appears_by_renaming(watch: Watch, agent: AgentProcess, data: Path):
    shape = Shape(n_t=1)
    write_settings(data, shape)
    watching = watch()
    for index in shape.indices():
        path = plane_path(data, shape, index)
        path.parent.mkdir(exist_ok=True)
        write_by_rename(path, tiff_bytes(plane(shape, index)))
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) >= shape.n_planes, "all planes")
    paths = [image.source.path for image in images(agent, begun["acquisition"])]
    assert not [path for path in paths if ".part" in path]
    assert sorted(indices(agent, begun["acquisition"])) == sorted(all_of(shape))


def test_a_half_written_file_waits_for_its_rest(watch: Watch, agent: AgentProcess, data: Path):
    shape = Shape(n_t=1)
    write_settings(data, shape)
    first, second, *_ = shape.indices()
    watching = watch()
    write_plane_file(data, shape, first)
    begun = watching.wait_for("started")
    path = plane_path(data, shape, second)
    content = tiff_bytes(plane(shape, second))
    with path.open("wb", buffering=0) as file:
        file.write(content[:-1000])
        eventually(
            lambda: any(one["waiting"] == 1 for one in watching.told("status")), "it is noticed"
        )
        assert indices(agent, begun["acquisition"]) == [(0, 0, 0, 0)]
        file.write(content[-1000:])
    eventually(lambda: len(images(agent, begun["acquisition"])) == 2, "the whole file")
    source = images(agent, begun["acquisition"])[1].source
    assert source.size_bytes == len(content)
    assert source.mtime_ns == path.stat().st_mtime_ns


def test_a_retaken_image_is_registered_again(watch: Watch, agent: AgentProcess, data: Path):
    shape = Shape(n_t=1)
    write_settings(data, shape)
    watching = watch()
    index = next(shape.indices())
    path = write_plane_file(data, shape, index)
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) == 1, "the first one")
    path.write_bytes(tiff_bytes(plane(shape, index) + 1))
    eventually(lambda: len(images(agent, begun["acquisition"])) == 2, "the second one")
    assert indices(agent, begun["acquisition"]) == [(0, 0, 0, 0)] * 2


def test_each_folder_of_a_root_is_an_acquisition(watch: Watch, agent: AgentProcess, data: Path):
    watching = watch()
    for name, kind in (("one", "squid-tiff"), ("two", "squid-multi-page-tiff")):
        write_settings(data / name, SHAPE)
        assert start_writer(kind, data / name, 2, 2, ",".join(SHAPE.fovs), 0).wait(60) == 0
        (data / name / ".done").touch()
        watching.wait_for("ended", 2 if name == "two" else 1)
    ended = watching.told("ended")
    assert [Path(one["folder"]).name for one in ended] == ["one", "two"]
    for one in ended:
        assert sorted(indices(agent, one["acquisition"])) == sorted(all_of(SHAPE))
        assert started(agent, one["acquisition"]).name == Path(one["folder"]).name


def test_finished_acquisitions_of_a_root_are_left_out(
    watch: Watch, agent: AgentProcess, data: Path
):
    for name in ("old", "new"):
        write_settings(data / name, SHAPE)
        write_plane_files(data / name, SHAPE)
    (data / "old" / ".done").touch()
    watching = watch()
    begun = watching.wait_for("started")
    assert Path(begun["folder"]).name == "new"
    assert "old" in watching.wait_for("found")["message"]
    again = watch("--existing", "all", folder=data / "old")
    assert Path(again.wait_for("started")["folder"]).name == "old"


def test_silence_ends_an_acquisition(watch: Watch, agent: AgentProcess, data: Path):
    write_settings(data, SHAPE)
    write_plane_files(data, SHAPE)
    watching = watch("--end-after-idle", "0.5")
    ended = watching.wait_for("ended")
    assert ended["planes"] == SHAPE.n_planes
    eventually(lambda: not agent_has_open(agent, ended["acquisition"]), "the agent has its end")


@pytest.mark.parametrize("how", [(), ("--poll",)])
def test_files_after_the_silence_go_into_one_that_holds_all(
    watch: Watch, agent: AgentProcess, data: Path, how: tuple[str, ...]
):
    shape = Shape(n_t=2)
    write_settings(data, shape)
    early = [index for index in shape.indices() if index.t == 0]
    for index in early:
        write_plane_file(data, shape, index)
    watching = watch("--end-after-idle", "0.5", *how)
    watching.wait_for("ended")
    for index in shape.indices():
        if index.t == 1:
            write_plane_file(data, shape, index)
    second = watching.wait_for("ended", 2)
    assert sorted(indices(agent, second["acquisition"])) == sorted(all_of(shape))


def test_ctrl_c_ends_as_done(watch: Watch, agent: AgentProcess, data: Path):
    write_settings(data, SHAPE)
    write_plane_files(data, SHAPE)
    watching = watch()
    begun = watching.wait_for("started")
    assert watching.send(signal.SIGINT) == 0
    assert watching.told("ended")[0]["planes"] == SHAPE.n_planes
    eventually(lambda: not agent_has_open(agent, begun["acquisition"]), "the agent has its end")


def test_a_fov_that_nobody_announced_leads_to_an_acquisition_that_holds_all(
    watch: Watch, agent: AgentProcess, data: Path
):
    small = Shape(fovs=("A1:0",), n_t=1)
    write_plane_files(data, small)
    watching = watch("--settle", "0.3")
    first = watching.wait_for("started")
    assert started(agent, first["acquisition"]).fov_labels == ["A1:0"]
    shape = Shape(fovs=("A1:0", "B2:0"), n_t=1)
    for index in shape.indices():
        if index.fov == 1:
            write_plane_file(data, shape, index)
    told = watching.wait_for("continued")
    assert told["before"] == first["acquisition"]
    eventually(lambda: len(images(agent, told["acquisition"])) == shape.n_planes, "all planes")
    assert started(agent, told["acquisition"]).fov_labels == ["A1:0", "B2:0"]
    assert sorted(indices(agent, told["acquisition"])) == sorted(all_of(shape))
    eventually(lambda: not agent_has_open(agent, first["acquisition"]), "the first one ended")


def test_the_agent_may_come_later(watch: Watch, idle_agent: AgentProcess, data: Path):
    write_settings(data, SHAPE)
    watching = watch()
    write_plane_files(data, SHAPE)
    begun = watching.wait_for("started")
    eventually(lambda: len(images(idle_agent, begun["acquisition"])) == SHAPE.n_planes, "spooled")
    idle_agent.start()
    eventually(
        lambda: (
            any(one["undelivered"] == 0 for one in watching.told("status")[-1:])
            and watching.told("status")[-1]["planes"] == SHAPE.n_planes
        ),
        "all is delivered",
    )


def test_black_planes_of_a_finished_acquisition_are_planes(
    watch: Watch, agent: AgentProcess, data: Path
):
    shape = Shape(fovs=("A1:0",), n_t=1)
    write_settings(data, shape)
    (data / "ome_tiff").mkdir()
    pixels = [plane(shape, index) for index in shape.indices()]
    pixels[1][:] = 0
    metadata = {"axes": "TZCYX", "Channel": {"Name": list(shape.channels)}}
    stack = np.stack(pixels).reshape(1, 2, 2, 48, 48)
    tifffile.imwrite(data / "ome_tiff" / "A1_0.ome.tiff", stack, metadata=metadata, ome=True)
    watching = watch()
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) == 3, "those with pixels")
    (data / ".done").touch()
    watching.wait_for("ended")
    assert sorted(indices(agent, begun["acquisition"])) == sorted(all_of(shape))


def test_a_damaged_file_is_told_and_the_others_go_on(watch: Watch, agent: AgentProcess, data: Path):
    shape = Shape(n_t=1)
    write_settings(data, shape)
    watching = watch()
    first, second, *_ = shape.indices()
    path = plane_path(data, shape, first)
    path.parent.mkdir()
    path.write_bytes(b"this is no TIFF" * 10)
    write_plane_file(data, shape, second)
    assert str(path) in watching.wait_for("warning")["message"]
    begun = watching.wait_for("started")
    eventually(lambda: indices(agent, begun["acquisition"]) == [(0, 0, 0, 1)], "the good one")


def test_a_folder_that_vanishes_harms_nobody(watch: Watch, agent: AgentProcess, data: Path):
    for name in ("one", "two"):
        write_settings(data / name, SHAPE)
    watching = watch()
    write_plane_files(data / "one", SHAPE)
    watching.wait_for("started")
    shutil.rmtree(data / "one")
    write_plane_files(data / "two", SHAPE)
    begun = watching.wait_for("started", 2)
    eventually(lambda: len(images(agent, begun["acquisition"])) == SHAPE.n_planes, "the other one")
    assert (data / "two").is_dir()
    assert watching.send(signal.SIGINT) == 0


@pytest.mark.parametrize("how", [(), ("--poll",)])
def test_a_marker_of_ones_own_ends_an_acquisition(
    watch: Watch, agent: AgentProcess, data: Path, how: tuple[str, ...]
):
    write_settings(data, SHAPE)
    watching = watch("--end-marker", "finished*.txt", *how)
    write_plane_files(data, SHAPE)
    begun = watching.wait_for("started")
    (data / "finished_at_noon.txt").write_text("ok")
    watching.wait_for("ended")
    assert sorted(indices(agent, begun["acquisition"])) == sorted(all_of(SHAPE))


def test_loose_files_and_folders_of_acquisitions_in_one_root(
    watch: Watch, agent: AgentProcess, data: Path
):
    metadata = {"axes": "ZYX"}
    pixels = np.full((2, 16, 16), 3, np.uint8)
    tifffile.imwrite(data / "loose.ome.tif", pixels, metadata=metadata, ome=True)
    watching = watch("--settle", "0.3")
    assert watching.wait_for("started")["folder"] == str(data)
    write_settings(data / "run", SHAPE)
    write_plane_files(data / "run", SHAPE)
    begun = watching.wait_for("started", 2)
    assert begun["folder"] == str(data / "run")
    eventually(lambda: len(images(agent, begun["acquisition"])) == SHAPE.n_planes, "all planes")


def test_a_folder_that_is_moved_in_whole(watch: Watch, agent: AgentProcess, home: Path, data: Path):
    write_settings(home / "elsewhere", SHAPE)
    write_plane_files(home / "elsewhere", SHAPE)
    watching = watch()
    (home / "elsewhere").rename(data / "run")
    begun = watching.wait_for("started")
    eventually(lambda: len(images(agent, begun["acquisition"])) == SHAPE.n_planes, "all planes")
    assert indices(agent, begun["acquisition"]) == all_of(SHAPE)


def test_names_that_are_no_text_harm_nobody(watch: Watch, agent: AgentProcess, data: Path):
    folder = data / "run"
    write_settings(folder, SHAPE)
    watching = watch()
    (folder / "0").mkdir()
    good = write_plane_file(folder, SHAPE, next(SHAPE.indices()))
    odd = os.fsencode(good.parent) + b"/A1_1_0_\xff\xfe.tiff"
    Path(os.fsdecode(odd)).write_bytes(good.read_bytes())
    watching.wait_for("started")

    def newest() -> str:
        return watching.told("started")[-1]["acquisition"]

    eventually(lambda: len(images(agent, newest())) == 2, "both of them, in one acquisition")
    assert started(agent, newest()).channels == ["BF", "DAPI", r"\xff\xfe"]
    assert {image.source.path.rpartition("/")[2] for image in images(agent, newest())} == {
        "A1_0_0_BF.tiff",
        r"A1_1_0_\xff\xfe.tiff",
    }
    watching.send(signal.SIGINT)
    assert not watching.complaints


def test_a_name_that_is_too_long_is_told_and_the_others_go_on(
    watch: Watch, agent: AgentProcess, data: Path
):
    write_settings(data, SHAPE)
    watching = watch()
    good = write_plane_file(data, SHAPE, next(SHAPE.indices()))
    good.with_name(f"A1_1_0_{'x' * 200}.tiff").write_bytes(good.read_bytes())
    assert "too long a name" in watching.wait_for("warning")["message"]
    begun = watching.wait_for("started")
    eventually(lambda: indices(agent, begun["acquisition"]) == [(0, 0, 0, 0)], "the good one")

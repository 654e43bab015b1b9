import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from planecast.demo.controller import Controller
from planecast.demo.identity import decode
from planecast.demo.plan import Plan
from planecast_agent.acquisition import Acquisition
from planecast_protocol.axes import PlaneIndex

Planecast = Callable[..., "subprocess.CompletedProcess[str]"]


def small(out: Path, agent: str) -> Plan:
    return Plan(out=out, agent=agent, planes=24, rate=400, fovs=1, num_z=2, size=128, cell=4)


def start(out: Path, agent: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "planecast.demo.controller", "--out", str(out)]
    command += ["--agent", agent, "--nz", "2", "--fovs", "1", "--size", "128", "--cell", "4"]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)


def test_every_plane_is_in_the_file_that_was_announced(agent: str, tmp_path: Path):
    plan = small(tmp_path / "out", agent)
    done = Controller(plan).run()
    assert done["registered"] == 24
    assert done["status"] == "done"
    for index in plan.indices():
        plane = tifffile.imread(plan.path(index))
        assert decode(plane, 4, x0=index.channel * 32) == index
    assert len(list((tmp_path / "out").rglob("*.tiff"))) == 24
    assert not list((tmp_path / "out").rglob("*.part"))


def test_files_are_named_and_accompanied_as_microscopes_do(agent: str, tmp_path: Path):
    plan = small(tmp_path / "out", agent)
    Controller(plan).run()
    assert plan.path(PlaneIndex(1, 1, 0, 2)) == tmp_path / "out" / "1" / "A2_0_0_GFP.tiff"
    assert (
        (tmp_path / "out" / "1" / "coordinates.csv").read_text().startswith("region,fov,z_level,")
    )
    parameters = json.loads((tmp_path / "out" / "acquisition parameters.json").read_text())
    assert parameters["pixel_size_um"] == 0.325


def test_planes_are_announced_before_their_files_exist(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    existed = Counter[bool]()
    register_image = Acquisition.register_image

    def spy(self: Acquisition, *arguments: object, **options: object) -> None:
        existed[Path(str(arguments[-1])).exists()] += 1
        register_image(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Acquisition, "register_image", spy)
    Controller(small(tmp_path / "out", agent)).run()
    assert existed == {False: 24}


def test_an_endless_plan_ends_before_the_disk_is_full(tmp_path: Path):
    plan = Plan(out=tmp_path, planes=0, size=1000, max_mb=100)
    assert len(list(plan.indices())) == 50


def test_a_full_disk_ends_the_acquisition_as_aborted(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    ended = []
    end = Acquisition.end

    def spy(self: Acquisition, *arguments: object) -> None:
        ended.append(arguments[:1])
        end(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("planecast.demo.controller.write_in_pieces", full)
    monkeypatch.setattr(Acquisition, "end", spy)
    with pytest.raises(OSError, match="No space left"):
        Controller(small(tmp_path / "out", agent)).run()
    assert ended == [("aborted",)]


def test_an_agent_has_all_that_was_acquired(agent: str, tmp_path: Path, planecast: Planecast):
    with start(tmp_path / "exp7", agent, "--planes", "24", "--rate", "200") as controller:
        assert controller.wait(60) == 0
        assert controller.stdout is not None
        done = json.loads(controller.stdout.read())
    assert done["delivered"] is True
    (listed,) = json.loads(planecast("acquisitions", "--agent", agent, "--json").stdout)
    assert (listed["name"], listed["state"], listed["planes"]) == ("exp7", "done", 24)
    (line,) = planecast("acquisitions", "--agent", agent).stdout.splitlines()
    assert " 24 planes " in line
    assert "  exp7  " in line


def test_sigterm_ends_the_acquisition_as_aborted(agent: str, tmp_path: Path, planecast: Planecast):
    def listed() -> list[dict[str, object]]:
        answer: list[dict[str, object]] = json.loads(
            planecast("acquisitions", "--agent", agent, "--json").stdout
        )
        return answer

    with start(tmp_path / "exp8", agent, "--rate", "100") as controller:
        while not listed():
            assert controller.poll() is None
        controller.send_signal(signal.SIGTERM)
        assert controller.wait(60) == 0
        assert controller.stdout is not None
        done = json.loads(controller.stdout.read())
    assert done["status"] == "aborted"
    assert [(one["state"], one["planes"]) for one in listed()] == [("aborted", done["registered"])]

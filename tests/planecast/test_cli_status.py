"""`planecast status` against real programs: alive, hanging, and absent."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile

from planecast.status.agent_ear import AgentEar
from planecast.status.picture import take_picture
from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.control_follower import ControlFollower
from planecast_protocol.state_messages import Part

TIMEOUT_S = 60.0


class Programs:
    """An agent and a worker that it tells of, with folders of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.agent_address = f"ipc://{folder}/agent"
        self.worker_address = f"unix://{folder}/worker"
        self._stack = stack
        self.worker = self._start("planecast_reader", "--address", self.worker_address)
        self.agent = self._start(
            "planecast_agent",
            *("--address", self.agent_address, "--worker", self.worker_address),
            *("--state-dir", str(folder / "state"), "--spool-dir", str(folder / "spool")),
        )

    def _start(self, module: str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True
        )
        self._stack.callback(self._end, process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        return process

    def _end(self, process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(TIMEOUT_S)
        assert process.stdout is not None
        process.stdout.close()

    def status(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Return exit code and facts of `status --once --json`."""
        command = [sys.executable, "-m", "planecast", "status", "--agent", self.agent_address]
        done = subprocess.run(
            [*command, "--once", "--json", *options],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert done.stdout.startswith("{"), done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    folder = tmp_path_factory.mktemp("own")
    with ExitStack() as stack:
        yield Programs(folder, stack)


@pytest.fixture
def acquisition(programs: Programs) -> Iterator[Acquisition]:
    path = programs.folder / "plane.tif"
    tifffile.imwrite(path, np.ones((64, 64), np.uint16), photometric="minisblack")
    with Acquisition.start(
        *("exp7", ["BF"], 1, 64, 64, ["A1:0"]),
        agent=programs.agent_address, spool_dir=programs.folder / "spool",
    ) as started:  # fmt: skip
        for t in range(5):
            started.register_image(t, 0, 0, "BF", str(path))
        assert started.wait_delivered(TIMEOUT_S)
        yield started


def test_all_parts_are_shown_and_nothing_is_silent(programs: Programs, acquisition: Acquisition):
    shows = Part(part="0" * 32, kind="viewer", name="viewer 7", shows=acquisition.id, behind=3)
    viewer = ControlFollower(
        programs.agent_address, on_change=lambda: None, introduce=lambda: shows
    )
    viewer.start()
    try:
        code, facts = programs.status()
        while not facts["viewers"]:
            code, facts = programs.status()
    finally:
        viewer.close()

    assert (code, facts["silent"]) == (0, [])
    agent = facts["agent"]
    assert (agent["life"], agent["beat"]["pid"]) == ("live", programs.agent.pid)
    (running,) = facts["acquisitions"]
    assert running["summary"]["planes"] == 5
    assert running["planes_per_s"] == 0.0
    assert [one["life"] for one in facts["controllers"]] == ["live"]
    assert facts["viewers"][0]["part"]["behind"] == 3
    worker = facts["worker"]
    assert (worker["address"], worker["life"]) == (programs.worker_address, "live")
    pids = {child.pid for child in psutil.Process(programs.worker.pid).children()}
    assert {one["pid"] for one in worker["readers"]} == pids
    assert worker["status"]["arena_bytes"] > 0
    assert worker["planes_per_s"] == 0.0


def test_the_table_is_shown_live(programs: Programs):
    """In a terminal, until Ctrl-C."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "planecast", "status", "--agent", programs.agent_address]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "50"}
    shown = b""
    with subprocess.Popen(command, stdout=theirs, stdin=theirs, env=environment) as process:
        os.close(theirs)
        while shown.count(b"all answer") < 2:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        # It could not end while nobody reads what it shows.
        with contextlib.suppress(OSError):
            while more := os.read(ours, 4096):
                shown += more
        assert process.wait(TIMEOUT_S) == 0
    os.close(ours)
    text = shown.decode()
    assert programs.agent_address in text
    assert "reader processes" in text
    assert "from cache" in text


def test_a_hanging_worker_is_named(programs: Programs):
    programs.worker.send_signal(signal.SIGSTOP)
    try:
        code, facts = programs.status()
    finally:
        programs.worker.send_signal(signal.SIGCONT)

    assert code == 0
    assert (facts["worker"]["life"], facts["worker"]["readers"]) == ("silent", [])
    assert any(f"worker at {programs.worker_address} hangs" in one for one in facts["silent"])


def test_a_hanging_agent_is_told_apart_from_none(programs: Programs, tmp_path: Path):
    programs.agent.send_signal(signal.SIGSTOP)
    try:
        code, facts = programs.status("--worker", programs.worker_address)
    finally:
        programs.agent.send_signal(signal.SIGCONT)
    assert (code, facts["agent"]["life"], facts["worker"]["life"]) == (1, "silent", "live")
    assert facts["silent"][0].startswith(f"the agent at {programs.agent_address} hangs")

    nobody = f"ipc://{tmp_path}/a"
    code, facts = programs.status("--agent", nobody, "--worker", f"unix://{tmp_path}/w")
    assert (code, facts["agent"]["life"], facts["worker"]["life"]) == (1, "absent", "absent")
    no_file = "(No such file or directory); start one: planecast reader"
    assert facts["silent"] == [
        f"no agent at {nobody}; start one: planecast agent",
        f"no reader worker at unix://{tmp_path}/w {no_file}",
    ]


def test_of_a_worker_on_the_agents_machine_the_agent_tells(programs: Programs):
    """Where the worker can't be asked: through the agent's heartbeat."""
    with AgentEar(programs.agent_address) as ear:
        while len(ear.beats) < 2 or ear.beats[0].worker is None:
            ear.listen(1.0)
        picture = take_picture(ear, None)

    assert picture.silent == []
    worker = picture.worker
    assert (worker.address, worker.life) == (programs.worker_address, "live")
    assert worker.planes_per_s == 0.0
    assert len(worker.readers) == len(psutil.Process(programs.worker.pid).children())

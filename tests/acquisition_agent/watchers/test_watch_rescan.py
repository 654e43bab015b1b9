"""Files whose controller was killed before it registered them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from agent_rig import AgentProcess, eventually
from watch_files import Shape, write_plane_files
from watch_rig import events, images

from planecast_agent.watchers.journal_view import read_journal
from planecast_protocol.event_messages import RegisterImage, ResumeAcquisition

SHAPE = Shape(fovs=("A1:0", "A1:1"), n_t=50, n_z=1, size=16)
N_REGISTERED = 100
CONTROLLER = """
import sys, time
from planecast_agent.acquisition import Acquisition
from watch_files import Shape, plane_path
agent, spool, folder, n_registered = sys.argv[1:]
shape = Shape(fovs=("A1:0", "A1:1"), n_t=50, n_z=1, size=16)
acquisition = Acquisition.start(
    "run", list(shape.channels), 1, 16, 16, list(shape.fovs), agent=agent, spool_dir=spool
)
from pathlib import Path
for number, index in enumerate(shape.indices()):
    if number < int(n_registered):
        path = plane_path(Path(folder), shape, index)
        acquisition.register_image(index.t, index.fov, index.z, index.channel, path)
print(acquisition.id, flush=True)
sys.stdin.read()
"""


def planecast(agent: AgentProcess, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "planecast", *words, "--agent", agent.address],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PLANECAST_SPOOL_DIR": str(agent.spool_dir)},
    )  # fmt: skip


@pytest.fixture
def killed(agent: AgentProcess, data: Path) -> str:
    """Kill a controller that wrote 200 files and registered 100; return its acquisition."""
    assert SHAPE.n_planes == 200
    write_plane_files(data, SHAPE)
    words = [agent.address, str(agent.spool_dir), str(data), str(N_REGISTERED)]
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        acquisition = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    return acquisition


def test_100_of_100_orphans_are_listed_and_nothing_is_registered(
    agent: AgentProcess, data: Path, killed: str
):
    done = planecast(agent, "acquisitions", "rescan", killed, str(data), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = [[i.t, i.fov, i.z, i.channel] for i in SHAPE.indices()][N_REGISTERED:]
    assert sorted(one["index"] for one in found["orphans"]) == sorted(expected)
    assert (found["found"], found["registered"], found["beyond"]) == (200, 0, [])
    assert len(images(agent, killed)) == N_REGISTERED


def test_orphans_are_registered_in_their_acquisition(agent: AgentProcess, data: Path, killed: str):
    done = planecast(agent, "acquisitions", "rescan", killed, str(data), "--end")
    assert done.returncode == 0, done.stderr
    assert "100 of them were not registered, 100 are now" in done.stdout
    eventually(lambda: read_journal(agent.address, killed).ended, "it is ended")
    assert len(read_journal(agent.address, killed).planes) == SHAPE.n_planes
    again = planecast(agent, "acquisitions", "rescan", killed, str(data))
    assert again.returncode == 0
    assert "0 of them were not registered, 0 are now" in again.stdout


def test_planes_that_a_rescan_found_are_told_from_those_that_were_announced(
    agent: AgentProcess, data: Path, killed: str
):
    assert planecast(agent, "acquisitions", "rescan", killed, str(data), "--end").returncode == 0
    told = events(agent, killed)
    at = next(n for n, one in enumerate(told) if isinstance(one, ResumeAcquisition))
    assert told[at].source == "rescan"
    announced, found = (
        sum(isinstance(one, RegisterImage) for one in part) for part in (told[:at], told[at:])
    )
    assert (announced, found) == (N_REGISTERED, SHAPE.n_planes - N_REGISTERED)


def test_an_acquisition_that_has_ended_takes_no_more(agent: AgentProcess, data: Path, killed: str):
    for path in list(data.rglob("*.tiff"))[:10]:
        path.unlink()
    assert planecast(agent, "acquisitions", "rescan", killed, str(data), "--end").returncode == 0
    write_plane_files(data, SHAPE)
    done = planecast(agent, "acquisitions", "rescan", killed, str(data))
    assert done.returncode == 1
    assert "has ended and takes no more planes" in done.stderr


def test_a_controller_that_lives_is_left_alone(agent: AgentProcess, data: Path, start):
    acquisition = start(
        fov_labels=list(SHAPE.fovs), channels=list(SHAPE.channels), num_z=1, name="alive",
        roots=None,
    )  # fmt: skip
    assert acquisition.wait_delivered(10)
    write_plane_files(data, Shape(n_t=1, n_z=1, size=16))
    done = planecast(agent, "acquisitions", "rescan", acquisition.id, str(data))
    assert done.returncode == 1
    assert "belongs to a controller that is running" in done.stderr


def test_planes_beyond_the_acquisition_are_told(agent: AgentProcess, data: Path, killed: str):
    write_plane_files(data, Shape(fovs=("C7:3",), n_t=1, n_z=1, size=16))
    done = planecast(agent, "acquisitions", "rescan", killed, str(data), "--dry-run", "--json")
    found = json.loads(done.stdout)
    assert len(found["beyond"]) == 2
    assert all("C7_3" in path for path in found["beyond"])


@pytest.mark.parametrize("words", [("no-such-id",), ("x",)])
def test_an_unknown_acquisition_is_told(agent: AgentProcess, data: Path, words: tuple[str, ...]):
    done = planecast(agent, "acquisitions", "rescan", *words, str(data))
    assert done.returncode == 1
    assert f"knows no acquisition {words[0]}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_agent_need_not_be_running(agent: AgentProcess, data: Path, killed: str):
    agent.kill()
    done = planecast(agent, "acquisitions", "rescan", killed, str(data))
    assert done.returncode == 0, done.stderr
    assert "100 of them were not registered, 100 are now" in done.stdout
    agent.start()
    eventually(
        lambda: (
            len(images(agent, killed)) == SHAPE.n_planes
            and len(read_journal(agent.address, killed).planes) == SHAPE.n_planes
        ),
        "the agent has all",
    )

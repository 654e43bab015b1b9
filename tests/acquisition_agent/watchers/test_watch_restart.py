"""A watcher that is killed, and one beside an agent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from agent_rig import AgentProcess, eventually
from watch_files import Shape, write_plane_file, write_plane_files, write_settings
from watch_rig import WatchProcess, images, start_writer

from planecast_agent.watchers.journal_view import read_journal

Watch = Callable[..., WatchProcess]
SHAPE = Shape(n_t=3)


def keys(agent: AgentProcess, acquisition: str) -> list[tuple[int, int, int, int]]:
    return [(i.t, i.fov, i.z, i.channel) for i in (e.index for e in images(agent, acquisition))]


def all_of(shape: Shape) -> list[tuple[int, int, int, int]]:
    return [(i.t, i.fov, i.z, i.channel) for i in shape.indices()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_watcher_goes_on_where_the_one_before_stopped(
    watch: Watch, agent: AgentProcess, data: Path, number: signal.Signals
):
    write_settings(data, SHAPE)
    every = list(SHAPE.indices())
    for index in every[:8]:
        write_plane_file(data, SHAPE, index)
    first = watch()
    acquisition = first.wait_for("started")["acquisition"]
    eventually(lambda: len(images(agent, acquisition)) == 8, "the first planes")
    first.send(number)
    for index in every[8:16]:
        write_plane_file(data, SHAPE, index)
    second = watch()
    resumed = second.wait_for("resumed")
    assert (resumed["acquisition"], resumed["planes"]) == (acquisition, 8)
    for index in every[16:]:
        write_plane_file(data, SHAPE, index)
    (data / ".done").touch()
    assert second.wait_for("ended")["acquisition"] == acquisition
    assert sorted(keys(agent, acquisition)) == sorted(all_of(SHAPE))
    eventually(lambda: read_journal(agent.address, acquisition).ended, "the agent has its end")
    assert len(read_journal(agent.address, acquisition).planes) == SHAPE.n_planes


def one_more_plane(
    agent: AgentProcess, acquisition: str, count: int, writer: "subprocess.Popen[bytes]"
) -> None:
    eventually(
        lambda: len(images(agent, acquisition)) > count or writer.poll() is not None,
        "one more plane",
    )


def test_ten_kills_while_files_come_lose_and_double_nothing(
    watch: Watch, agent: AgentProcess, data: Path
):
    shape = Shape(n_t=30)
    write_settings(data, shape)
    writer = start_writer("squid-tiff", data, 30, 2, ",".join(shape.fovs), 0.02)
    acquisitions = set()
    for kill in range(10):
        watching = watch()
        begun = watching.wait_for("resumed" if kill else "started")
        acquisitions.add(begun["acquisition"])
        count = len(images(agent, begun["acquisition"]))
        one_more_plane(agent, begun["acquisition"], count, writer)
        watching.send(signal.SIGKILL)
    assert writer.wait(60) == 0
    (data / ".done").touch()
    watch().wait_for("ended")
    assert len(acquisitions) == 1
    registered = keys(agent, acquisitions.pop())
    assert sorted(set(registered)) == sorted(all_of(shape))
    assert len(registered) == len(set(registered))


def test_one_folder_has_one_watcher(watch: Watch, agent: AgentProcess, data: Path):
    watch()
    second = watch()
    assert second.join() == 1
    assert "is being watched by another process" in "".join(second.complaints)


@pytest.fixture
def watching_agent(home: Path, data: Path) -> Iterator[AgentProcess]:
    class WatchingAgent(AgentProcess):
        def command(self) -> list[str]:
            return [*super().command(), "--watch", str(data), "--watch-preset", "squid-tiff"]

    agent = WatchingAgent(home)
    yield agent
    agent.kill()


def child_of(agent: AgentProcess) -> psutil.Process:
    assert agent.process is not None
    process = psutil.Process(agent.process.pid)
    eventually(lambda: bool(process.children()), "the watcher runs")
    (child,) = process.children()
    return child


def acquisition_of(agent: AgentProcess) -> str:
    """Return the only acquisition that was announced."""

    def names() -> list[str]:
        found = [*agent.spool_dir.glob("*.spool"), *agent.spool_dir.glob("*.done")]
        return [path.stem for path in found]

    eventually(lambda: len(names()) == 1, "an acquisition is announced")
    return names()[0]


def test_an_agent_that_watches_starts_its_watcher_again(watching_agent: AgentProcess, data: Path):
    agent = watching_agent.start()
    write_settings(data, SHAPE)
    every = list(SHAPE.indices())
    for index in every[:8]:
        write_plane_file(data, SHAPE, index)
    acquisition = acquisition_of(agent)
    eventually(lambda: len(images(agent, acquisition)) == 8, "the first planes")
    killed = child_of(agent)
    killed.kill()
    for index in every[8:]:
        write_plane_file(data, SHAPE, index)
    eventually(lambda: len(images(agent, acquisition)) == SHAPE.n_planes, "the others")
    assert child_of(agent).pid != killed.pid
    assert sorted(keys(agent, acquisition)) == sorted(all_of(SHAPE))


def all_registered(agent: AgentProcess, acquisition: str, count: int) -> None:
    eventually(lambda: len(images(agent, acquisition)) == count, f"{count} planes")


def test_the_watcher_ends_with_its_agent_and_the_next_one_goes_on(
    watching_agent: AgentProcess, data: Path
):
    write_settings(data, SHAPE)
    every = list(SHAPE.indices())
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        agent = watching_agent.start()
        child = child_of(agent)
        for index in [every.pop(0) for _ in range(8)]:
            write_plane_file(data, SHAPE, index)
        acquisition = acquisition_of(agent)
        all_registered(agent, acquisition, SHAPE.n_planes - len(every))
        if number == signal.SIGTERM:
            assert agent.terminate() == 0
        else:
            agent.kill()
        child.wait(10)
    assert sorted(keys(watching_agent, acquisition)) == sorted(all_of(SHAPE))


def test_an_agent_refuses_a_wrong_pattern_when_it_starts(home: Path):
    done = subprocess.run(
        [sys.executable, "-m", "planecast", "agent", "--address", f"ipc://{home}/a",
         "--state-dir", str(home / "s"), "--spool-dir", str(home / "p"),
         "--watch", str(home), "--watch-pattern", "{t}_{nonsense}.tif"],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 1
    assert "position 6: 'nonsense' is none of" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_memory_files_are_announced_anew(watch: Watch, agent: AgentProcess, data: Path):
    write_settings(data, SHAPE)
    write_plane_files(data, SHAPE)
    first = watch()
    acquisition = first.wait_for("started")["acquisition"]
    eventually(lambda: len(images(agent, acquisition)) == SHAPE.n_planes, "all planes")
    first.send(signal.SIGKILL)
    for path in (agent.spool_dir / "watched").glob("*.json"):
        path.write_text("{half")
    again = watch().wait_for("started")["acquisition"]
    assert again != acquisition
    eventually(lambda: len(images(agent, again)) == SHAPE.n_planes, "all planes, once more")


@pytest.mark.parametrize("word", [b"\n", b""])
def test_whoever_started_a_watcher_ends_it_by_its_stdin(
    agent: AgentProcess, data: Path, word: bytes
):
    write_settings(data, SHAPE)
    write_plane_files(data, SHAPE)
    command = [sys.executable, "-m", "planecast_agent.watchers", "--while-stdin", "--quiet"]
    command += ["--agent", agent.address, "--spool-dir", str(agent.spool_dir), str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        acquisition = acquisition_of(agent)
        all_registered(agent, acquisition, SHAPE.n_planes)
        process.send_signal(signal.SIGINT)  # of a terminal that is the starter's
        assert process.stdin is not None
        process.stdin.write(word)
        process.stdin.close()
        assert process.wait(10) == 0
    eventually(
        lambda: len(read_journal(agent.address, acquisition).planes) == SHAPE.n_planes,
        "the agent has all",
    )
    assert read_journal(agent.address, acquisition).ended == bool(word)

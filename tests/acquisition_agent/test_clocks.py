"""Clocks may jump: only the monotonic one decides, and a date deletes nothing by mistake."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import AgentProcess, Subscriber, eventually

import planecast_agent
import planecast_protocol
from planecast_agent.acquisition import Acquisition
from planecast_agent.retention import MAX_JUMP_S, WallClock

Start = Callable[..., Acquisition]

PACKAGES = [Path(package.__file__).parent for package in (planecast_agent, planecast_protocol)]
WALL_CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.datetime.now"}
ALLOWED = {
    # Days are what retention goes by: it stops when the clock was set.
    "retention.py: WallClock",
    # The age of files at the start of a watch, where an hour does not matter.
    "watcher.py: Watcher",
}


def _uses(path: Path) -> Iterator[str]:
    """Yield where a file asks for the date other than to write it down (`…_at`)."""
    tree = ast.parse(path.read_text("utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in WALL_CLOCKS:
            continue
        parent = parents[node]
        written = parent.arg if isinstance(parent, ast.keyword) else ""
        if isinstance(parent, ast.Assign):
            written = ast.unparse(parent.targets[0])
        if not (written or "").endswith("_at"):
            scope = node
            while not isinstance(scope, ast.ClassDef | ast.Module):
                scope = parents[scope]
            yield f"{path.name}: {getattr(scope, 'name', 'module')}"


def test_the_date_is_data_and_decides_nothing():
    files = [path for package in PACKAGES for path in package.rglob("*.py")]
    assert len(files) > 40

    assert {use for path in files for use in _uses(path)} <= ALLOWED


def test_the_check_sees_a_date_that_decides(tmp_path: Path):
    program = tmp_path / "bad.py"
    program.write_text("import time\nstarted_at = time.time()\nif time.time() > 3: pass\n")

    assert list(_uses(program)) == ["bad.py: module"]


JUMPING = """
import itertools, runpy, sys, time
jumps = ((-1) ** n * n * 1e5 for n in itertools.count())  # no two are alike
real = time.time
time.time = lambda: max(0.0, real() + next(jumps))
sys.argv = sys.argv[1:]
runpy.run_module("planecast_agent", run_name="__main__", alter_sys=True)
"""


class JumpingAgent(AgentProcess):
    """An agent whose wall clock is set, back or forth, whenever it is looked at."""

    def command(self) -> list[str]:
        python, _m, _package, *arguments = super().command()
        return [python, "-c", JUMPING, "planecast_agent", *arguments, "--keep-days", "1"]


def test_an_agent_whose_clock_jumps_loses_nothing_and_forgets_nothing(
    home: Path, start: Start, subscriber: Subscriber
):
    agent = JumpingAgent(home).start()
    try:
        acquisition = start()
        for t in range(3000):
            acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
        assert subscriber.wait_for(acquisition.id, 3001) == list(range(3000))
        assert subscriber.summary(acquisition.id).controller == "live"
        acquisition.end()
        acquisition.close()
        eventually(lambda: "the clock was set" in agent.log.read_text(), "it is told")
        assert subscriber.summary(acquisition.id).planes == 3000
    finally:
        agent.kill()


@pytest.mark.parametrize("jump_s", [-10 * MAX_JUMP_S, 2 * MAX_JUMP_S])
def test_a_clock_that_was_set_is_noticed(monkeypatch: pytest.MonkeyPatch, jump_s: float):
    clock = WallClock()
    assert clock.is_steady()
    import time

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)

    assert not clock.is_steady()


CONTROLLER = """
import itertools, sys, time
jumps = itertools.cycle([0.0, 4e9, 1e3, -5e8])
real = time.time
time.time = lambda: max(0.0, real() + next(jumps))
from planecast_agent.acquisition import Acquisition
places = {"agent": sys.argv[1], "spool_dir": sys.argv[2]}
with Acquisition.start("run", ["BF"], 1, 8, 8, ["A1:0"], **places) as a:
    print(a.id)
    for t in range(2000):
        a.register_image(t, 0, 0, 0, f"/data/{t}.tif")
    assert a.wait_delivered(30)
"""


def test_a_controller_whose_clock_jumps_keeps_its_order(
    agent: AgentProcess, subscriber: Subscriber
):
    ran = subprocess.run(
        [sys.executable, "-c", CONTROLLER, agent.address, str(agent.spool_dir)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert subscriber.pull(ran.stdout.strip()) == list(range(2000))

"""The event path: what a call costs the controller, how fast events travel, how soon one joins.

Every process is a real one: agent, controller, subscriber, and a camera that saves its frames
to the disk on which spool and journal lie. The journal of a million events is not sent by a
controller but written by `Journal.append` in this process, which takes seconds, not minutes.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.event_programs import CHANNELS, LABELS, N_Z, planes
from planecast_agent.journal import Journal
from planecast_protocol.event_messages import RegisterImage, StartAcquisition
from planecast_protocol.messages import encode
from planecast_protocol.planes import PlaneSource

CALLS = 100_000
FLOW = 100_000
MILLION = 1_000_000
KILL_EVERY_S = 1.0
PROGRAMS = Path(__file__).with_name("event_programs.py")

Figures = dict[str, Any]
"""Numbers, or `{"p50", "p99"}`."""


class Program:
    """One of `event_programs`, which begins with its work at `go`."""

    def __init__(self, log: Path, *arguments: object) -> None:
        self._log = log
        with log.open("a") as file:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAMS), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        self.first_line = self._line()

    def go(self) -> None:
        """Say that it may go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def figures(self) -> Figures:
        """Wait for its next line, what it has measured."""
        found: Figures = json.loads(self._line())
        return found

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"a program ended: {self._log.read_text()[-2000:]}")
        return line

    def close(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.communicate()


class Site:
    """A folder with an agent, and the programs that talk to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"ipc://{folder}/agent"
        self.spool_dir = folder / "spool"
        self.state_dir = folder / "state"
        self._log = folder / "log.txt"
        self._agent: subprocess.Popen[str] | None = None
        self._programs = ExitStack()

    def start_agent(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "planecast_agent", "--address", self.address]
        command += ["--state-dir", str(self.state_dir), "--spool-dir", str(self.spool_dir)]
        with self._log.open("a") as log:
            self._agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._agent.stdout is not None
        if not self._agent.stdout.readline():
            raise RuntimeError(f"the agent did not start: {self._log.read_text()[-2000:]}")

    def kill_agent(self) -> None:
        """SIGKILL it. May be called when there is none."""
        if self._agent is not None:
            self._agent.kill()
            self._agent.communicate()
            self._agent = None

    def agent_cpu_s(self) -> float:
        """Return the processor time that the agent has taken so far."""
        assert self._agent is not None
        times = psutil.Process(self._agent.pid).cpu_times()
        return float(times.user + times.system)

    def controller(self, n_planes: int, per_second: int) -> Program:
        """Start a controller; its first line is the acquisition's id."""
        return self.program("controller", self.address, self.spool_dir, n_planes, per_second)

    def program(self, *arguments: object) -> Program:
        """Start a program that ends with this site."""
        program = Program(self._log, *arguments)
        self._programs.callback(program.close)
        return program

    def close(self) -> None:
        """End all processes."""
        self._programs.close()
        self.kill_agent()


@contextmanager
def _site() -> Iterator[Site]:
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="pcbench", dir="/tmp") as folder:
        site = Site(Path(folder))
        try:
            yield site
        finally:
            site.close()


def measure(*, quick: bool = False) -> Figures:
    """Return the figures by name. `quick` takes some 40 seconds."""
    per_second = 20_000 if quick else 10_000
    figures: Figures = {}
    figures |= _register_while_killed(per_second)
    figures |= _register_without_agent(2 * per_second)
    figures |= _register_beside_a_camera(per_second)
    figures |= _flow(rounds=5 if quick else 9)
    figures |= _at_a_light_sheet_pace(2 if quick else 10)
    figures |= _join(rounds=1 if quick else 3)
    return figures


def _register_figures(found: Figures, suffix: str = "") -> Figures:
    return {
        f"register_us{suffix}": {"p50": found["p50"], "p99": found["p99"]},
        f"register_max_ms{suffix}": round(found["max"] / 1000, 2),
        f"register_calls_per_s{suffix}": found["calls_per_s"],
    }


def _register_while_killed(per_second: int) -> Figures:
    """Register while the agent is killed, and started again, every second."""
    with _site() as site:
        site.start_agent()
        controller = site.controller(CALLS, per_second)
        over = threading.Event()
        kills: list[int] = []

        def kill_again_and_again() -> None:
            while not over.wait(KILL_EVERY_S):
                site.kill_agent()
                site.start_agent()
                kills.append(1)

        killer = threading.Thread(target=kill_again_and_again)
        killer.start()
        try:
            controller.go()
            found = controller.figures()
        finally:
            over.set()
            killer.join()
    return _register_figures(found) | {"register_agent_kills": len(kills)}


def _register_without_agent(per_second: int) -> Figures:
    with _site() as site:
        controller = site.controller(CALLS, per_second)
        controller.go()
        return _register_figures(controller.figures(), "_absent")


def _register_beside_a_camera(per_second: int) -> Figures:
    """Register while a camera saves 240 MiB/s to the same disk."""
    with _site() as site:
        site.start_agent()
        controller = site.controller(CALLS, per_second)
        camera = site.program("camera", site.folder, CALLS / per_second)
        camera.go()
        controller.go()
        figures = _register_figures(controller.figures(), "_camera")
        return figures | {"camera_mib_per_s": camera.figures()["mib_per_s"]}


def _flow(rounds: int) -> Figures:
    """Register as fast as it goes, until the last plane is in a subscriber's index."""
    rates: list[float] = []
    with _site() as site:
        site.start_agent()
        for _ in range(rounds):
            controller = site.controller(FLOW, 0)
            arguments = (site.address, controller.first_line, FLOW)
            subscriber = site.program("subscriber", *arguments)
            subscriber.go()
            controller.go()
            rates.append(FLOW / subscriber.figures()["s"])
    return {"events_per_s": round(statistics.median(rates))}


def _at_a_light_sheet_pace(seconds: int) -> Figures:
    """Measure what the agent takes when idle and at 1,000 events/s, and how late planes are."""
    with _site() as site:
        site.start_agent()
        n_planes = 1000 * seconds
        controller = site.controller(n_planes, 1000)
        follower = site.program("latency", site.address, controller.first_line, n_planes)
        before = site.agent_cpu_s()
        threading.Event().wait(seconds)
        idle = site.agent_cpu_s() - before
        follower.go()
        controller.go()
        latency = follower.figures()
        busy = site.agent_cpu_s() - before - idle
    return {
        "latency_ms_at_1000_per_s": latency,
        "agent_cpu_percent_idle": round(100 * idle / seconds, 1),
        "agent_cpu_percent_at_1000_per_s": round(100 * busy / seconds, 1),
    }


def _join(rounds: int) -> Figures:
    """Join an acquisition of a million planes: first after an agent's start, and next."""
    cold: list[float] = []
    warm: list[float] = []
    per_plane: list[float] = []
    with _site() as site:
        acquisition = _write_million(site.state_dir)
        for _ in range(rounds):
            site.start_agent()
            for took_s in (cold, warm):
                subscriber = site.program("subscriber", site.address, acquisition, MILLION)
                subscriber.go()
                found = subscriber.figures()
                took_s.append(found["s"])
                per_plane.append(found["bytes_per_plane"])
            site.kill_agent()
    return {
        "join_1e6_s": round(statistics.median(cold), 2),
        "join_1e6_next_s": round(statistics.median(warm), 3),
        "index_bytes_per_plane": round(statistics.median(per_plane), 1),
    }


def _write_million(state_dir: Path) -> str:
    """Fill a journal with an acquisition of a million planes; return its id."""
    start = StartAcquisition(
        acquisition="million",
        name="million",
        channels=list(CHANNELS),
        num_z=N_Z,
        height=2048,
        width=2048,
        fov_labels=LABELS,
        started_at=0.0,
    )
    publisher = "0" * 32
    journal = Journal(state_dir)
    journal.append(publisher, start, encode(start))
    for number, (index, path) in zip(range(MILLION), planes(), strict=False):
        source = PlaneSource(path=f"local:{path[1:]}")
        image = RegisterImage(
            acquisition="million", index=index, source=source, registered_at=float(number)
        )
        journal.append(publisher, image, encode(image))
        if number % 8192 == 0:
            journal.advance(publisher, number + 2)
            journal.commit()
    journal.advance(publisher, MILLION + 1)
    journal.commit()
    journal.close()
    return "million"

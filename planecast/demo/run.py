"""The demo: a whole system on one machine, with a simulated microscope.

The agent, the worker and the viewer are the real ones, on the real wire. What dies is started
again, as a service manager would do on an acquisition PC.
"""

import contextlib
import json
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from planecast.demo.audit import audit
from planecast.demo.display import virtual_display
from planecast.demo.options import DemoOptions
from planecast.demo.processes import Ended, Kept
from planecast.demo.report import DemoReport
from planecast_protocol.errors import PlanecastError
from planecast_viewer.display import has_display

CELL = 8
"""Pixels per bit of the planes' marks."""
PLANES_WITHOUT_DISPLAY = 200
VIEWER_PATIENCE_S = 60.0
"""From the end of the acquisition to the end of the viewer."""
KILLED_PATIENCE_S = 6.0
"""The same, for an acquisition whose controller was killed: time to show that it is silent."""


Command = Callable[[int], Sequence[str]]
"""How often it was started before, to the module and its arguments."""


def run_demo(options: DemoOptions) -> int:
    """Run the demo; return the exit code: 0 if nothing was lost and nothing wrong was shown."""
    with contextlib.ExitStack() as stack:
        display: dict[str, str] = {}
        if options.headless or not has_display():
            display = stack.enter_context(virtual_display())
            if not options.headless:
                _say("no display here: running on a virtual one, with screenshots")
        demo = Demo(options, display, virtual=bool(display))
        stack.callback(demo.close)
        report = demo.run()
    print(report.as_json() if options.json else report.as_text())
    return 0 if report.good else 1


def _say(text: str) -> None:
    """Tell a person what goes on; programs read standard output alone."""
    print(f"planecast demo: {text}", file=sys.stderr, flush=True)


class Demo:
    """The processes of one demo, and their folder."""

    def __init__(self, options: DemoOptions, display: dict[str, str], *, virtual: bool) -> None:
        self._options = options
        self._planes = options.planes or (PLANES_WITHOUT_DISPLAY if virtual else 0)
        self._folder = Path(tempfile.mkdtemp(prefix="planecast-demo-"))
        self._folder.chmod(0o700)
        self._out = (options.out or (Path("demo-out") if virtual else self._folder)).absolute()
        self._out.mkdir(parents=True, exist_ok=True)
        self._opened = self._out / "opened"
        """For pictures of the file that is shown afterwards."""
        self._data = (self._out if options.keep else self._folder) / "acquisition"
        self.agent = f"ipc://{self._folder}/agent"
        self.worker = f"unix://{self._folder}/worker"
        self._environment = {
            **display,
            "PLANECAST_RUNTIME_DIR": str(self._folder),
            "PLANECAST_SPOOL_DIR": str(self._folder / "spool"),
            "PLANECAST_PROBE_CELL": str(CELL),
        }
        self._news: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._kept: dict[str, Kept] = {}
        self._reports: list[Path] = []
        self._killed = False
        """The controller was: its acquisition has no end that the viewer could wait for."""

    # ------------------------------------------------------------ the course of it

    def run(self) -> DemoReport:
        """Run to the end; raise `PlanecastError` if a program does not start."""
        started = time.monotonic()
        report = DemoReport()
        _say(f"starting agent, worker and viewer; logs in {self._folder}")
        self._start("agent", self._agent_command)
        self._start("worker", self._worker_command)
        for name in ("agent", "worker"):
            self._kept[name].wait_ready()
        self._start("viewer", self._viewer_command)
        self._kept["viewer"].wait_ready()
        _say(f"the microscope begins: {self._planes or 'endless'} planes")
        self._start("controller", self._controller_command, restart=False)
        self._wait(report)
        self._finish(report)
        if self._options.open is not None:
            self._show_file(report)
        report.restarts = {name: kept.restarts for name, kept in self._kept.items()}
        report.seconds = round(time.monotonic() - started, 1)
        return report

    def _start(self, name: str, command: Command, *, restart: bool = True) -> None:
        self._kept[name] = Kept(
            name,
            command,
            environment=self._environment,
            log=self._folder / f"{name}.log",
            news=self._news,
            restart=restart,
        )
        _say(f"{name} runs as process {self._kept[name].pid}")

    def _wait(self, report: DemoReport) -> None:
        """Wait for the controller and the viewer; a closed window ends the acquisition."""
        controller_ended = viewer_ended = False
        while not (controller_ended and viewer_ended):
            patience = self._patience_s if controller_ended else None
            try:
                ended = self._news.get(timeout=patience)
            except queue.Empty:
                self._kept["viewer"].end()
                if not self._killed:
                    report.problems.append("the viewer did not end after the acquisition")
                return
            if ended.name == "controller":
                controller_ended = True
                self._killed = ended.code < 0
                if ended.code > 0:
                    self._complain(report, "controller")
            elif ended.name == "viewer":
                viewer_ended = True
                if ended.code != 0:
                    self._complain(report, "viewer")
                self._kept["controller"].end()
                controller_ended = True
            else:
                self._complain(report, ended.name)
                return

    @property
    def _patience_s(self) -> float:
        return KILLED_PATIENCE_S if self._killed else VIEWER_PATIENCE_S

    def _complain(self, report: DemoReport, name: str) -> None:
        report.problems.append(f"the {name} ended: {self._kept[name].last_words()[-500:]}")

    def _finish(self, report: DemoReport) -> None:
        """Read everything that was registered once more."""
        for path in self._reports:
            report.add_viewer(path, self._out)
        with contextlib.suppress(IndexError, ValueError):
            report.registered = json.loads(self._kept["controller"].output[-1])["registered"]
        _say("checking every registered plane")
        found = audit(self.agent, self.worker, CELL)
        report.registered = max(report.registered, found.planes)
        report.lost = report.registered - found.planes + len(found.unreadable)
        report.wrong += len(found.wrong)
        report.never_written = len(found.never_written)
        if found.never_written and self._kept["controller"].output:
            # A controller that ended in good order has saved all that it announced.
            report.lost += len(found.never_written)
        report.problems += found.unreadable[:5] + found.wrong[:5]

    def _show_file(self, report: DemoReport) -> None:
        """Show one file, in a viewer of its own."""
        self._start("file viewer", self._file_viewer_command)
        while self._news.get().name != "file viewer":
            continue
        shown = DemoReport()
        shown.add_viewer(self._reports[-1], self._opened)
        report.screenshots += shown.screenshots

    # ------------------------------------------------------------ the programs

    def _agent_command(self, _starts: int) -> list[str]:
        state = self._folder / "agent-state"
        command = ["planecast_agent", "--address", self.agent, "--state-dir", str(state)]
        return [*command, "--spool-dir", str(self._folder / "spool"), "--worker", self.worker]

    def _worker_command(self, _starts: int) -> list[str]:
        return ["planecast_reader", "--address", self.worker]

    def _viewer_command(self, starts: int) -> list[str]:
        command = self._viewer(f"viewer-{starts}", self._out)
        if self._planes:
            command.append("--exit-when-done")
        return [*command, "--acquisition", "latest"]

    def _file_viewer_command(self, _starts: int) -> list[str]:
        assert self._options.open is not None
        command = [*self._viewer("file", self._opened), str(self._options.open.absolute())]
        return [*command, "--exit-when-done"] if self._planes else command

    def _viewer(self, name: str, screenshots: Path) -> list[str]:
        report = self._folder / f"{name}.json"
        self._reports.append(report)
        command = ["planecast_viewer", "--agent", self.agent, "--worker", self.worker]
        command += ["--canvas", self._options.canvas, "--report", str(report)]
        if self._out != self._folder:
            command += ["--screenshots", str(screenshots)]
        return command

    def _controller_command(self, _starts: int) -> list[str]:
        options = self._options
        command = ["planecast.demo.controller", "--agent", self.agent, "--out", str(self._data)]
        command += ["--planes", str(self._planes), "--rate", str(options.rate)]
        command += ["--size", str(options.size), "--channels", ",".join(options.channels)]
        return [*command, "--cell", str(CELL)]

    def close(self) -> None:
        """End what runs and remove the folder, but not what was to be kept."""
        for name in ("controller", "file viewer", "viewer", "worker", "agent"):
            if name in self._kept:
                self._kept[name].end()
        with contextlib.suppress(PlanecastError):
            shutil.rmtree(self._folder, ignore_errors=True)

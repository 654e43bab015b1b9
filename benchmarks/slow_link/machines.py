"""The two machines: a microscope PC, and one that has nothing of it but a cable."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.slow_link.cable import ADDRESSES

CHECKOUT = Path(__file__).parents[2]
SCOPE_ADDRESS = ADDRESSES[0]


def why_not() -> str:
    """Return why namespaces can't be made here; empty: they can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "ip is not installed (iproute2)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun is not there"
    name = f"pctry{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        return f"namespaces can't be made here: {made.stderr.decode().strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=False)
    return ""


class Cable:
    """The one between the two machines."""

    def __init__(self, scope: str, desk: str, mbit_per_s: float, delay_ms: float) -> None:
        command = [sys.executable, "-m", "benchmarks.slow_link.cable", scope, desk]
        self._process = subprocess.Popen(
            [*command, str(mbit_per_s), str(delay_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        if self._line() != "ready":
            raise RuntimeError("the cable could not be laid")

    def pull(self) -> None:
        """Let nothing through."""
        self._say("pull")

    def plug(self) -> None:
        """Let everything through again."""
        self._say("plug")

    def bytes_to_desk(self) -> int:
        """Return what has arrived at the desk so far, with all headers."""
        return int(self._say("count").split()[0])

    def close(self) -> None:
        """Take the cable away."""
        self._process.communicate()

    def _say(self, word: str) -> str:
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Machines:
    """Says how a program is started on either."""

    def __init__(self, scope: str, desk: str, hidden: Path, cable: Cable) -> None:
        self._scope, self._desk, self._hidden = scope, desk, hidden
        self.cable = cable

    def on_scope(self, command: Sequence[str]) -> list[str]:
        """Return the command for the microscope PC."""
        return ["ip", "netns", "exec", self._scope, *command]

    def on_desk(self, command: Sequence[str]) -> list[str]:
        """Return the command for the other machine, where the hidden folder is empty."""
        hide = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
        inside = ["ip", "netns", "exec", self._desk]
        return [*inside, "sh", "-c", hide, str(self._hidden), *command]


@contextmanager
def two_machines(hidden: Path, mbit_per_s: float, delay_ms: float) -> Iterator[Machines]:
    """Yield both; what lies beneath `hidden` is not there at the desk. The delay is one way."""
    names = [f"pc{os.getpid()}{kind}" for kind in ("scope", "desk")]
    made: list[str] = []
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            made.append(name)
        cable = Cable(*names, mbit_per_s, delay_ms)
        try:
            yield Machines(*names, hidden, cable)
        finally:
            cable.close()
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=False)

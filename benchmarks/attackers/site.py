"""An agent and a worker that other machines can reach, with their programs and their memory."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.attackers.ports import Ports, free_ports, unix_sockets
from benchmarks.planes.files import write_stack
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guests import Guest
from planecast_protocol.keys.making import make_own_key

HOST = "127.0.0.2"
"""By which the keyed ports are reached here: 127.0.0.1 needs no keys."""
SIZE, PLANES = 512, 8
END_S = 20.0


class Program:
    """A program of ours. It says one line when it is ready, and what it found at its end."""

    def __init__(self, log: Path, environment: dict[str, str], *words: object) -> None:
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *map(str, words)],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def line(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        if not said:
            raise RuntimeError(f"a program ended: {self.process.args!r}")
        return said

    def finish(self) -> str:
        """Close its input, and return its last line."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.line()

    def close(self) -> None:
        """End it. May be called twice."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


class Site:
    """A folder with an agent, a worker with a gateway, keys and a file of planes."""

    def __init__(self, folder: Path, stack: ExitStack, cache_mib: int = 64) -> None:
        first = free_ports(4)
        self.ports = Ports(HOST, first, first + 2, first + 3, unix_sockets(folder))
        self.folder, self._stack = folder, stack
        self.log = folder / "log.txt"
        self.file = folder / "data" / "raw.ome.tif"
        self.file.parent.mkdir()
        write_stack(self.file, SIZE, PLANES)
        self._make_keys()
        self.environment = {
            "PLANECAST_KEYS": str(folder / "keys"),
            "PLANECAST_RUNTIME_DIR": str(folder),
        }
        self.agent, self.worker = f"ipc://{folder}/a", f"unix://{folder}/w"
        self.keyed_agent = f"tcp://{HOST}:{self.ports.door}"
        self.keyed_worker = f"tcp://{HOST}:{self.ports.gateway}"
        worker = self.program(
            *("planecast_reader", "--address", self.worker),
            *("--address", f"tcp://127.0.0.1:{self.ports.plain}", "--readers", 1),
            *("--address", f"tcp://*:{self.ports.gateway}", "--root", f"data={folder}/data"),
            *("--cache-mib", cache_mib),
        )
        worker.line()
        agent = self.program(
            *("planecast_agent", "--address", self.agent),
            *("--address", f"tcp://*:{self.ports.door}", "--state-dir", folder / "s"),
            *("--spool-dir", folder / "p", "--worker", self.worker),
            *("--worker", f"tcp://*:{self.ports.gateway}"),
        )
        agent.line()
        self.died: list[str] = []
        """Processes that did not live to the end."""
        self.processes = {
            "agent": psutil.Process(agent.process.pid),
            "front": psutil.Process(worker.process.pid),
            "gateway": _gateway_of(worker.process.pid),
        }

    def program(self, *words: object) -> Program:
        """Start a program that ends with this site."""
        program = Program(self.log, self.environment, *words)
        self._stack.callback(program.close)
        return program

    def rss_mb(self) -> dict[str, float]:
        """Return the memory of each process now, in MB; 0 for one that is not there any more."""
        return {name: self._rss_mb(name, one) for name, one in self.processes.items()}

    def _rss_mb(self, name: str, process: psutil.Process) -> float:
        try:
            return float(process.memory_info().rss / 1e6)
        except psutil.NoSuchProcess:
            if name not in self.died:
                self.died.append(name)
                print(f"abuse: {name} died\n{self.log.read_text()[-3000:]}", file=sys.stderr)
            return 0.0

    def _make_keys(self) -> None:
        """Make one pair, which is its own guest, and its own server under another address."""
        (self.folder / "keys").mkdir(mode=0o700)
        keys = KeyFolder(self.folder / "keys")
        own = make_own_key(keys)
        keys.put_guest(Guest("bench", own.public, frozenset({"view"})))
        keys.put_server(HOST, own.public)


@contextmanager
def open_site() -> Iterator[Site]:
    """Start one; end all its programs at the end."""
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="pca", dir="/tmp") as name, ExitStack() as stack:
        yield Site(Path(name), stack)


class MemoryWatch:
    """Remembers the most that each process of a site took, looking five times a second."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.peak_mb = site.rss_mb()
        self._since_mark = site.rss_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def mark(self) -> dict[str, float]:
        """Return the most since the last mark."""
        most, self._since_mark = self._since_mark, self._site.rss_mb()
        return most

    def close(self) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.2):
            for name, mb in self._site.rss_mb().items():
                self.peak_mb[name] = max(self.peak_mb[name], mb)
                self._since_mark[name] = max(self._since_mark[name], mb)


def _gateway_of(front: int) -> psutil.Process:
    for child in psutil.Process(front).children():
        if "planecast_reader.remote" in child.cmdline():
            return child
    raise RuntimeError("the worker has no gateway")

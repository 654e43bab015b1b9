"""All processes of the chaos test, and what is done to them."""

import json
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from chaos_controller import GENERATION, Orders
from chaos_disks import SmallDisk

HERE = Path(__file__).parent
STATE_DISK_MIB = 256
SPOOL_DISK_MIB = 128
N_CONTROLLERS = 3
RAW_PER_SECOND = 300
SLOW_START_S = 5.0
"""An agent that found its disk full may end so much later."""
MUCH = 10**9
"""Planes of a controller that is to run until it is told to end."""

Process = subprocess.Popen[bytes]


def free_ports() -> int:
    """Return a port that is free just now, and so is the one after it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as one:
            port: int = one.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


@dataclass
class Running:
    """A controller, and the orders it has."""

    orders: Orders
    process: Process
    acquisition: str | None = None


@dataclass
class Rig:
    """The agent behind a bad network, controllers, subscribers, and two small disks."""

    folder: Path
    stack: ExitStack
    rng: random.Random
    broken: str
    """The promise that the agent breaks; `none`."""
    per_second: float
    """Planes of all controllers together."""
    agent_deaths: int = 0
    """Times that the agent ended though nobody ended it, and its disk was not full."""
    is_full: bool = False
    """Whether one of the disks is."""
    freed_at: float = float("-inf")
    n_resumed: int = 0
    """Acquisitions that another controller went on with."""
    controller_deaths: int = 0
    """Controllers that ended by an error."""
    controllers: list[Running] = field(default_factory=list)
    subscribers: dict[str, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.oracle_dir = self.folder / "oracle"
        self.oracle_dir.mkdir()
        self.state_disk = SmallDisk(self.folder / "state", STATE_DISK_MIB, self.stack)
        self.spool_disk = SmallDisk(self.folder / "spool", SPOOL_DISK_MIB, self.stack)
        self._log = self.stack.enter_context((self.folder / "log.txt").open("ab"))
        port, proxy_port = free_ports(), free_ports()
        self.address = f"tcp://127.0.0.1:{port}"
        self.far_address = f"tcp://127.0.0.1:{proxy_port}"
        """The same agent, by way of the network that fails."""
        self.proxy = self._spawn("chaos_proxy.py", proxy_port, port, piped=True)
        assert self.proxy.stdout is not None
        assert self.proxy.stdout.readline() == b"ready\n"
        self._n_started = 0
        self.start_agent()
        self.raw_publisher = self._start_raw_publisher()
        self._spawn("resender.py", self.address, self.spool_disk.folder, self.rng.randrange(10**6))
        for name in ("near", "far", "slow", "raw"):
            self.start_subscriber(name)

    def _spawn(self, program: str, *arguments: object, piped: bool = False) -> Process:
        pipe = subprocess.PIPE if piped else subprocess.DEVNULL
        process = subprocess.Popen(
            [sys.executable, str(HERE / program), *map(str, arguments)],
            stdin=pipe,
            stdout=pipe if piped else self._log,
            stderr=self._log,
        )
        self.stack.callback(self._end, process)
        return process

    @staticmethod
    def _end(process: Process) -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()

    def kill(self, process: Process) -> None:
        """SIGKILL, and wait for the end."""
        process.kill()
        process.wait()

    # ------------------------------------------------------------ agent

    def start_agent(self) -> None:
        self.agent = self._spawn(
            *("chaos_agent.py", self.broken, "--address", self.address),
            *("--state-dir", self.state_disk.folder / "journal"),
            *("--spool-dir", self.spool_disk.folder),
        )

    def kill_agent(self, pause_s: float = 0.0) -> None:
        """Kill it, and start it again after a while."""
        self.kill(self.agent)
        time.sleep(pause_s)
        self.start_agent()

    def look_after_agent(self) -> None:
        """Start it again if it has ended, as a supervisor would; it may where its disk is full."""
        if self.agent.poll() is not None:
            may_end = self.is_full or time.monotonic() < self.freed_at + SLOW_START_S
            self.agent_deaths += not may_end
            time.sleep(0.1)
            self.start_agent()

    # ------------------------------------------------------------ controllers

    def start_controllers(self) -> None:
        """Fill up to the number of controllers that run at one time."""
        self._bury_controllers()
        while len(self.controllers) < N_CONTROLLERS:
            self._n_started += 1
            share = self.per_second / N_CONTROLLERS
            ending = self.rng.choice(("wait", "quit"))
            n_planes = int(share * self.rng.uniform(1, 8)) if self.rng.random() < 0.6 else MUCH
            agent = self.rng.choice((self.address, self.far_address))
            orders = Orders(
                name=f"controller-{self._n_started}",
                agent=agent,
                spool_dir=str(self.spool_disk.folder),
                oracle_dir=str(self.oracle_dir),
                first_t=0,
                n_planes=n_planes,
                per_second=share,
                ending=ending,
            )
            self._start_controller(orders)

    def _bury_controllers(self) -> None:
        codes = [one.process.poll() for one in self.controllers]
        # SIGTERM before it could even listen for it: it has begun nothing.
        well = (None, 0, -signal.SIGTERM)
        self.controller_deaths += sum(code not in well for code in codes)
        self.controllers = [
            one for one, code in zip(self.controllers, codes, strict=True) if code is None
        ]

    def _start_controller(self, orders: Orders) -> None:
        process = self._spawn("chaos_controller.py", orders.to_json())
        self.controllers.append(Running(orders, process))

    def kill_controller(self, resume: float = 0.5) -> bool:
        """Kill one; another process goes on with it, as often as `resume`. `False`: none runs."""
        alive = [one for one in self.controllers if one.process.poll() is None]
        if not alive:
            return False
        victim = self.rng.choice(alive)
        self.kill(victim.process)
        self.controllers.remove(victim)
        acquisition = self._acquisition_of(victim.orders.name)
        if acquisition and self.rng.random() < resume:
            self._resume(victim.orders, acquisition)
        return True

    def _acquisition_of(self, name: str) -> str | None:
        story = self.oracle_dir / f"{name}.json"
        if not story.exists():
            return None
        told = json.loads(story.read_text())
        return None if told["ended"] else str(told["acquisition"])

    def _resume(self, before: Orders, acquisition: str) -> None:
        self.n_resumed += 1
        self._n_started += 1
        told = {
            "name": f"controller-{self._n_started}",
            "first_t": before.first_t + GENERATION,
            "resume": acquisition,
        }
        self._start_controller(Orders(**(before.__dict__ | told)))

    def waiting(self) -> int:
        """Return how many events are in the memory of controllers only."""
        return sum(
            struct.unpack("<I", content)[0]
            for path in self.oracle_dir.glob("*.waiting")
            if len(content := path.read_bytes()) == 4
        )

    def n_accepted(self) -> int:
        """Return how many planes were accepted so far."""
        return sum(path.stat().st_size for path in self.oracle_dir.glob("*.accepted")) // 4

    def _start_raw_publisher(self) -> Process:
        self._n_started += 1
        door = self.rng.choice((self.address, self.far_address))
        name = f"raw-{self._n_started}"
        return self._spawn("raw_publisher.py", door, self.oracle_dir, name, RAW_PER_SECOND)

    def kill_raw_publisher(self) -> None:
        self.kill(self.raw_publisher)
        self.raw_publisher = self._start_raw_publisher()

    # ------------------------------------------------------------ subscribers

    def start_subscriber(self, name: str) -> None:
        if name == "raw":
            port = int(self.far_address.rpartition(":")[2])
            bell = f"tcp://127.0.0.1:{port + 1}"
            arguments = ("raw_subscriber.py", self.far_address, bell, self.folder, name)
        else:
            address = self.far_address if name == "far" else self.address
            pause_s = 0.2 if name == "slow" else 0.0
            arguments = ("chaos_follower.py", address, self.folder, name, pause_s)
        self.subscribers[name] = self._spawn(*arguments)

    def kill_subscriber(self) -> None:
        """Kill one; another takes its place and knows nothing yet."""
        name = self.rng.choice(list(self.subscribers))
        self.kill(self.subscribers[name])
        self.start_subscriber(name)

    # ------------------------------------------------------------ network

    def network(self, mode: str) -> None:
        """Let the network `pass`, `stall`, `drop`, `reset` or `truncate`."""
        assert self.proxy.stdin is not None
        self.proxy.stdin.write(f"{mode}\n".encode())
        self.proxy.stdin.flush()

    # ------------------------------------------------------------ the end

    def n_logged(self, what: bytes) -> int:
        """Count how often all processes together have logged something."""
        return (self.folder / "log.txt").read_bytes().count(what)

    def finish(self, within_s: float) -> None:
        """Let all controllers end, and wait until the agent has taken their spools over."""
        processes = [one.process for one in self.controllers] + [self.raw_publisher]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and (
            any(process.poll() is None for process in processes)
            or any(self.spool_disk.folder.glob("*.spool"))
        ):
            self.look_after_agent()
            time.sleep(0.05)
        self._bury_controllers()

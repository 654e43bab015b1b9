"""The programs on both machines: agent and worker there, the viewer here, with keys for each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen

from benchmarks.slow_link.machines import SCOPE_ADDRESS, Machines
from benchmarks.viewing.site import Site, end
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guests import Guest
from planecast_protocol.keys.making import make_own_key

AGENT_PORT, WORKER_PORT = 5810, 5815
ALIAS = "data"


class ScopeSite(Site):
    """Agent and worker on the microscope PC. Controllers run where this process runs."""

    def __init__(self, folder: Path, machines: Machines, guest: bytes) -> None:
        super().__init__(folder, {})
        self._machines = machines
        keys = KeyFolder(folder / "keys")
        self.public_key = make_own_key(keys).public
        keys.put_guest(Guest("desk", guest, frozenset({"view"})))
        self.roots = f"{ALIAS}={folder}"
        self.environment |= {"PLANECAST_KEYS": str(keys.folder), "PLANECAST_ROOTS": self.roots}

    def start(self) -> None:
        """Start both, and wait until they are ready."""
        worker = ["planecast_reader", "--address", self.worker]
        worker += ["--address", f"tcp://*:{WORKER_PORT}"]
        agent = ["planecast_agent", "--address", self.agent, "--address", f"tcp://*:{AGENT_PORT}"]
        agent += ["--worker", self.worker, "--worker", f"tcp://*:{WORKER_PORT}"]
        agent += ["--state-dir", str(self.folder / "state")]
        agent += ["--spool-dir", str(self.folder / "spool")]
        for words in (worker, agent):
            process = self.popen([sys.executable, "-m", *words])
            self._processes.callback(end, process)
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"{words[0]} did not start: {self.log.read_text()[-2000:]}")

    def popen(self, command: Sequence[str]) -> "Popen[str]":
        """Start a program there."""
        return super().popen(self._machines.on_scope(command))


class DeskSite(Site):
    """The other machine: an address, and keys."""

    def __init__(self, folder: Path, machines: Machines, display: dict[str, str]) -> None:
        super().__init__(folder, display)
        self._machines = machines
        self.agent = f"tcp://{SCOPE_ADDRESS}:{AGENT_PORT}"
        self._keys = KeyFolder(folder / "keys")
        self.public_key = make_own_key(self._keys).public
        self.environment["PLANECAST_KEYS"] = str(self._keys.folder)
        self.environment.pop("PLANECAST_ROOTS", None)

    def trust(self, server: bytes) -> None:
        """Know the key of the microscope PC."""
        self._keys.put_server(SCOPE_ADDRESS, server)

    def popen(self, command: Sequence[str]) -> "Popen[str]":
        """Start a program here."""
        return super().popen(self._machines.on_desk(command))

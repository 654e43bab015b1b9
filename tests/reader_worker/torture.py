"""Clients, readers and the front are killed while everybody reads, and every pixel is checked.

    python tests/reader_worker/torture.py --seconds 60

A small arena, several client processes that take, hold and drop planes at random, files that
are replaced and written over underneath. Prints one JSON object.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from torture_planes import SINGLES, STACKS, replace_stack, rewrite_single

from planecast_reader.client import ReaderClient

CACHE_MIB = 64
CLIENTS = 3
CLIENT_PROGRAM = Path(__file__).with_name("torture_client.py")


class Writer:
    """A thread that writes single planes over one another all the time, as slowly as a camera."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._closing = threading.Event()
        self.versions = 0
        for file in range(STACKS, STACKS + SINGLES):
            self._write(file, pause_s=0)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._chance.uniform(0.005, 0.05)):
            self._write(STACKS + self._chance.randrange(SINGLES), self._chance.uniform(0, 0.004))

    def _write(self, file: int, pause_s: float) -> None:
        self.versions += 1
        rewrite_single(self._folder, file, self.versions, lambda: self._closing.wait(pause_s))


class Torture:
    """Runs it all, and kills it all."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/w"
        self.chance = random.Random(seed)
        self.kills = {"client": 0, "reader": 0, "front": 0}
        self.versions = dict.fromkeys(range(STACKS), 0)
        self.clients: list[subprocess.Popen[bytes]] = []
        self.started = 0
        self.outlived = 0
        """Readers that did not end with their front."""
        for file in range(STACKS):
            self.replace(file)
        self.writer = Writer(folder, seed)
        self.front = self.start_front()

    def start_front(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "planecast_reader", "--address", self.address]
        command += ["--readers", "2", "--cache-mib", str(CACHE_MIB)]
        front = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert front.stdout is not None
        assert front.stdout.readline().startswith("ready")
        front.stdout.close()
        return front

    def start_client(self) -> None:
        self.started += 1
        command = [sys.executable, str(CLIENT_PROGRAM), str(self.folder), self.address]
        command += [str(self.started), str(self.folder / f"tally-{self.started}")]
        self.clients.append(subprocess.Popen(command))

    # ------------------------------------------------------------ what happens to them

    def replace(self, file: int) -> None:
        self.versions[file] += 1
        replace_stack(self.folder, file, self.versions[file])

    def replace_any(self) -> None:
        self.replace(self.chance.randrange(STACKS))

    def kill_reader(self) -> None:
        with contextlib.suppress(psutil.Error, IndexError):
            readers = psutil.Process(self.front.pid).children()
            os.kill(self.chance.choice(readers).pid, signal.SIGKILL)
            self.kills["reader"] += 1

    def kill_front(self) -> None:
        readers = psutil.Process(self.front.pid).children()
        self.front.kill()
        self.front.wait()
        self.count_outlived(readers)
        self.front = self.start_front()
        self.kills["front"] += 1

    def kill_client(self) -> None:
        victim = self.clients.pop(self.chance.randrange(len(self.clients)))
        victim.kill()
        victim.wait()
        self.kills["client"] += 1
        self.start_client()

    def count_outlived(self, readers: list[psutil.Process]) -> None:
        _gone, alive = psutil.wait_procs(readers, timeout=10)
        self.outlived += len(alive)

    def run(self, seconds: float, planes: int) -> dict[str, Any]:
        for _ in range(CLIENTS):
            self.start_client()
        pause = threading.Event()
        end = time.monotonic() + seconds
        deck: list[Callable[[], None]] = []
        while (over := time.monotonic() - end) < 0 or (
            over < 4 * seconds and self.tallies()["planes"] < planes
        ):
            pause.wait(self.chance.uniform(0.1, 0.5))
            if not deck:
                deck = [self.replace_any] * 6 + [self.kill_front]
                deck += [self.kill_reader] * 5 + [self.kill_client] * 4
                self.chance.shuffle(deck)
            deck.pop()()
        return self.finish()

    # ------------------------------------------------------------ the end

    def finish(self) -> dict[str, Any]:
        self.writer.close()
        for client in self.clients:
            client.kill()
            client.wait()
        leases = self.leaked_leases()
        readers = psutil.Process(self.front.pid).children()
        self.front.terminate()
        assert self.front.wait(10) == 0
        self.count_outlived(readers)
        sockets = int((self.folder / "w").exists())
        return {
            **self.tallies(),
            "leaked": leases + self.outlived + sockets,
            "clients": self.started,
            "kills": self.kills,
            "versions": sum(self.versions.values()) + self.writer.versions,
        }

    def tallies(self) -> dict[str, Any]:
        totals = {"planes": 0, "rechecked": 0, "errors": 0, "wrong": 0}
        examples: list[object] = []
        for path in self.folder.glob("tally-*"):
            for line in path.read_text().splitlines():
                with contextlib.suppress(ValueError):  # the last line of a killed client
                    facts = json.loads(line)
                    examples += [facts["what"]] if "what" in facts else []
                    for name in totals:
                        totals[name] += facts.get(name, 0)
        return {**totals, "examples": examples[:5]}

    def leaked_leases(self) -> int:
        """Return the slots still leased when no client is left."""
        from worker_rig import status

        client = ReaderClient(self.address)
        try:
            for _ in range(100):
                if status(client).leased_slots == 0:
                    return 0
                threading.Event().wait(0.05)
            return status(client).leased_slots
        finally:
            client.close()


def torture(seconds: float, seed: int = 0, planes: int = 0) -> dict[str, Any]:
    """Run for `seconds`; return planes, kills, and what must be 0: wrong and leaked.

    On a machine that is busy it takes longer, until so many `planes` were read.
    """
    with tempfile.TemporaryDirectory(prefix="pctort", dir="/tmp") as folder:
        return Torture(Path(folder), seed).run(seconds, planes)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    result = torture(given.seconds, given.seed)
    print(json.dumps(result, indent=2))
    return 1 if result["wrong"] or result["leaked"] else 0


if __name__ == "__main__":
    sys.exit(main())

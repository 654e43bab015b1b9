"""Clients, readers and the front are killed while everybody reads, and every pixel is checked.

    python tests/reader_worker/torture.py --seconds 60

A small arena, several client processes that take, hold and drop planes at random, files that
are replaced underneath. Each plane says in its pixels which file, version and z it is; it is
checked on arrival and again while it is held. Prints one JSON object.
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
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import tifffile

from planecast_protocol.errors import PlanecastError
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient

FILES, PLANES = 6, 16
SHAPE = (512, 1024)
CACHE_MIB = 64
CLIENTS = 3
MAX_HELD = 12
STALE_S = 1.6
"""How long a version may still be seen after it was replaced: 1 s without a message, 0.25 s with
one, and time for a busy machine."""


def expected(file: int, version: int, z: int) -> npt.NDArray[np.uint16]:
    """Return the one right picture of a plane."""
    seed = (file * 7919 + version * 104_729 + z * 31) % 50_021
    rows = np.arange(SHAPE[0], dtype=np.uint32)[:, None]
    columns = np.arange(SHAPE[1], dtype=np.uint32)[None, :]
    plane = ((rows * 3 + columns * 7 + seed) % 65_000).astype(np.uint16)
    plane[0, :3] = (file, version, z)
    return plane


def write_version(folder: Path, file: int, version: int) -> None:
    """Replace a file at once by its next version."""
    stack = np.stack([expected(file, version, z) for z in range(PLANES)])
    new = folder / f"new-{file}.tif"
    tifffile.imwrite(new, stack, metadata={"axes": "ZYX"}, ome=True)
    new.replace(folder / f"{file}.ome.tif")


class Tally:
    """What one client saw, appended to a file that survives its kill."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def count(self, **facts: int) -> None:
        self._file.write(json.dumps(facts) + "\n")

    def wrong(self, **facts: object) -> None:
        self._file.write(json.dumps({"wrong": 1, "what": facts}) + "\n")


def check(pixels: npt.NDArray[np.uint16], file: int, z: int, oldest: int) -> str | None:
    """Return what is wrong with a plane; None if nothing is."""
    found_file, version, found_z = (int(n) for n in pixels[0, :3])
    if (found_file, found_z) != (file, z):
        return f"asked for file {file} z {z}, got file {found_file} z {found_z}"
    if version < oldest:
        return f"version {version} of file {file}, which was replaced by {oldest} long ago"
    if not np.array_equal(pixels, expected(file, version, z)):
        return f"torn: file {file} version {version} z {z}"
    return None


def client_main(folder: Path, address: str, seed: int, tally_path: Path) -> None:
    """Read at random until killed."""
    chance = random.Random(seed)
    tally = Tally(tally_path)
    client = ReaderClient(address)
    held: list[tuple[int, int, int, npt.NDArray[Any]]] = []
    done = 0
    while True:
        file, z = chance.randrange(FILES), chance.randrange(PLANES)
        oldest = oldest_acceptable(folder, file)
        path = to_wire_path(folder / f"{file}.ome.tif", local_roots())
        try:
            answer = client.request(ReadPixels(request=0, path=path, index={"Z": z}), 60)
        except PlanecastError as trouble:
            tally.count(errors=1)
            if chance.random() < 0.01:
                print(trouble, file=sys.stderr)
            continue
        assert isinstance(answer, PixelAnswer)
        trouble_text = check(answer.pixels, file, z, oldest)
        if trouble_text:
            tally.wrong(arrival=trouble_text)
        done += 1
        if done % 20 == 0:
            tally.count(planes=20)
        if chance.random() < 0.4:
            held.append((file, z, 0, answer.pixels))
        if held and chance.random() < 0.5:
            file, z, _, pixels = chance.choice(held)
            trouble_text = check(pixels, file, z, 0)
            if trouble_text:
                tally.wrong(held=trouble_text)
            tally.count(rechecked=1)
        while len(held) > chance.randrange(1, MAX_HELD):
            held.pop(chance.randrange(len(held)))


def oldest_acceptable(folder: Path, file: int) -> int:
    """Return the version that was current `STALE_S` ago."""
    lines = (folder / f"versions-{file}").read_text().splitlines()
    oldest = 0
    for line in lines:
        version, _, at = line.partition(" ")
        if at and time.monotonic() - float(at) > STALE_S:
            oldest = int(version)
    return oldest


class Torture:
    """Runs it all, and kills it all."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/w"
        self.chance = random.Random(seed)
        self.kills = {"client": 0, "reader": 0, "front": 0}
        self.versions = dict.fromkeys(range(FILES), 0)
        self.clients: list[subprocess.Popen[bytes]] = []
        self.started = 0
        for file in range(FILES):
            self.replace(file)
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
        command = [sys.executable, __file__, "--client", str(self.folder), self.address]
        command += [str(self.started), str(self.folder / f"tally-{self.started}")]
        self.clients.append(subprocess.Popen(command))

    def replace(self, file: int) -> None:
        version = self.versions[file] + 1
        write_version(self.folder, file, version)
        self.versions[file] = version
        with (self.folder / f"versions-{file}").open("a") as versions:
            versions.write(f"{version} {time.monotonic()}\n")

    def kill_reader(self) -> None:
        with contextlib.suppress(psutil.Error, IndexError):
            readers = psutil.Process(self.front.pid).children()
            os.kill(self.chance.choice(readers).pid, signal.SIGKILL)
            self.kills["reader"] += 1

    def kill_front(self) -> None:
        readers = psutil.Process(self.front.pid).children()
        self.front.kill()
        self.front.wait()
        _gone, alive = psutil.wait_procs(readers, timeout=10)
        assert not alive, "readers outlived their front"
        self.front = self.start_front()
        self.kills["front"] += 1

    def kill_client(self) -> None:
        victim = self.clients.pop(self.chance.randrange(len(self.clients)))
        victim.kill()
        victim.wait()
        self.kills["client"] += 1
        self.start_client()

    def run(self, seconds: float) -> dict[str, Any]:
        for _ in range(CLIENTS):
            self.start_client()
        pause = threading.Event()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pause.wait(self.chance.uniform(0.1, 0.5))
            dice = self.chance.random()
            if dice < 0.35:
                self.replace(self.chance.randrange(FILES))
            elif dice < 0.65:
                self.kill_reader()
            elif dice < 0.93:
                self.kill_client()
            else:
                self.kill_front()
        return self.finish()

    def finish(self) -> dict[str, Any]:
        for client in self.clients:
            client.kill()
            client.wait()
        leaked = self.leaked_leases()
        readers = psutil.Process(self.front.pid).children()
        self.front.terminate()
        assert self.front.wait(10) == 0
        _gone, alive = psutil.wait_procs(readers, timeout=10)
        totals = {"planes": 0, "rechecked": 0, "errors": 0, "wrong": 0}
        examples: list[object] = []
        for path in self.folder.glob("tally-*"):
            for line in path.read_text().splitlines():
                with contextlib.suppress(ValueError):  # the last line of a killed client
                    facts = json.loads(line)
                    examples += [facts["what"]] if "what" in facts else []
                    for name in totals:
                        totals[name] += facts.get(name, 0)
        return {
            **totals,
            "leaked": leaked + len(alive),
            "clients": self.started,
            "kills": self.kills,
            "versions": sum(self.versions.values()),
            "examples": examples[:5],
        }

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


def torture(seconds: float, seed: int = 0) -> dict[str, Any]:
    """Run for `seconds`; return planes, kills, and what must be 0: wrong and leaked."""
    with tempfile.TemporaryDirectory(prefix="pctort", dir="/tmp") as folder:
        return Torture(Path(folder), seed).run(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    result = torture(given.seconds, given.seed)
    print(json.dumps(result, indent=2))
    return 1 if result["wrong"] or result["leaked"] else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        client_main(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
    else:
        sys.exit(main())

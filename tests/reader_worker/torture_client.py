"""A client of the torture test: FOLDER ADDRESS SEED TALLY. Reads at random until it is killed."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy.typing as npt
from torture_planes import (
    PLANES,
    SINGLES,
    STACKS,
    check,
    oldest_acceptable,
    registered,
    single_path,
    stack_path,
)

from planecast_protocol.errors import PlanecastError
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.planes import FileStamp
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient

MAX_HELD = 12


class Tally:
    """What one client saw, appended to a file that survives its kill."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def count(self, **facts: int) -> None:
        self._file.write(json.dumps(facts) + "\n")

    def wrong(self, **facts: object) -> None:
        self._file.write(json.dumps({"wrong": 1, "what": facts}) + "\n")


class Held:
    """A plane that is looked at, and what must stay true of it."""

    def __init__(self, file: int, z: int, version: int, pixels: npt.NDArray[Any]) -> None:
        self.file, self.z, self.version, self.pixels = file, z, version, pixels

    def check(self) -> str | None:
        return check(self.pixels, self.file, self.z, self.version, self.version)


class Client:
    """Takes, holds and drops planes, and checks each on arrival and while it is held."""

    def __init__(self, folder: Path, address: str, seed: int, tally_path: Path) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._tally = Tally(tally_path)
        self._client = ReaderClient(address)
        self._held: list[Held] = []

    def run(self) -> None:
        done = 0
        while True:
            try:
                self._read_single() if self._chance.random() < 0.3 else self._read_of_stack()
            except PlanecastError:
                self._tally.count(errors=1)
                continue
            done += 1
            if done % 10 == 0:
                self._tally.count(planes=10)
            self._look_again()

    def _read_of_stack(self) -> None:
        file, z = self._chance.randrange(STACKS), self._chance.randrange(PLANES)
        oldest = oldest_acceptable(self._folder, file)
        path = to_wire_path(stack_path(self._folder, file), local_roots())
        pixels = self._ask(ReadPixels(request=0, path=path, index={"Z": z}))
        self._take(pixels, file, z, check(pixels, file, z, oldest))

    def _read_single(self) -> None:
        file = STACKS + self._chance.randrange(SINGLES)
        facts = registered(self._folder, file)
        path = to_wire_path(single_path(self._folder, file), local_roots())
        pixels = self._ask(
            ReadPixels(
                request=0,
                path=path,
                running=True,
                revision=facts.version,
                registered=FileStamp(size_bytes=facts.size_bytes, mtime_ns=facts.mtime_ns),
            )
        )
        self._take(pixels, file, 0, check(pixels, file, 0, facts.version, facts.version))

    def _ask(self, request: ReadPixels) -> npt.NDArray[Any]:
        answer = self._client.request(request, 60)
        assert isinstance(answer, PixelAnswer)
        return answer.pixels

    def _take(self, pixels: npt.NDArray[Any], file: int, z: int, trouble: str | None) -> None:
        if trouble is not None:
            self._tally.wrong(arrival=trouble)
        elif self._chance.random() < 0.4:
            self._held.append(Held(file, z, int(pixels[0, 1]), pixels))

    def _look_again(self) -> None:
        if self._held and self._chance.random() < 0.5:
            trouble = self._chance.choice(self._held).check()
            if trouble is not None:
                self._tally.wrong(held=trouble)
            self._tally.count(rechecked=1)
        while len(self._held) > self._chance.randrange(1, MAX_HELD):
            self._held.pop(self._chance.randrange(len(self._held)))


if __name__ == "__main__":
    Client(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])).run()

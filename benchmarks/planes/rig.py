"""What all measurements share: a worker of their own, requests, time and processor time."""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import tifffile

from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.reader_messages import AskWorkerStatus, ReadPixels, WorkerStatus
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

WAIT_S = 30.0
SEASONED_MIB = 256
"""The cache of a worker that has run for a while."""
CACHE_PLANES = SEASONED_MIB // 8
"""It keeps so many planes of 2048² × 16 bit, so the library's side does too."""

SEASONING = 1
"""The revision of the planes that a worker has read in its earlier life."""

Plane = npt.NDArray[np.generic]
Figures = dict[str, float]


class Waiting:
    """One request without waiting for it."""

    def __init__(self, client: ReaderClient, request: ReadPixels) -> None:
        self.answer: Answer = None
        self.took_ms = 0.0
        self._started = time.perf_counter()
        self._event = threading.Event()
        self._wanted = True
        client.submit(request, self._on_answer)

    def _on_answer(self, answer: Answer) -> None:
        self.took_ms = 1000 * (time.perf_counter() - self._started)
        if self._wanted or not isinstance(answer, PixelAnswer):
            self.answer = answer
        self._event.set()

    def let_go(self) -> None:
        """Keep no plane that came, or will come: what is on the screen is another's."""
        self._wanted = False
        if isinstance(self.answer, PixelAnswer):
            self.answer = None

    def pixels(self) -> Plane:
        """Wait for the plane; raise what came instead of it."""
        assert self._event.wait(WAIT_S)
        if isinstance(self.answer, PixelAnswer):
            return self.answer.pixels
        raise AssertionError(f"no plane but {self.answer}")


class Stopwatch:
    """Times one side of a comparison, and keeps its last results.

    One is what a screen keeps until it has the next; the library's planes then go into memory
    that is still in the processor's caches. Who wants to look at planes again keeps more.
    """

    def __init__(self, keep: int = 1) -> None:
        self.ms: list[float] = []
        self._kept: deque[object] = deque(maxlen=keep)

    def time(self, work: Callable[[], object]) -> float:
        """Run `work` and return how long it took, in milliseconds."""
        started = time.perf_counter()
        result = work()
        self.ms.append(1000 * (time.perf_counter() - started))
        self._kept.append(result)
        return self.ms[-1]

    def keep(self, results: Iterable[object]) -> None:
        """Keep results that are not timed."""
        self._kept.extend(results)

    def forget(self) -> None:
        """Let go of what was kept."""
        self._kept.clear()

    @property
    def median_ms(self) -> float:
        """The median so far."""
        return statistics.median(self.ms)


class Turns:
    """Two ways of reading, in turns. The other side keeps its last `keep` planes."""

    def __init__(self, keep: int = 1) -> None:
        self.ours, self.alone = Stopwatch(), Stopwatch(keep)

    def fill(self, places: Iterable[int], alone: Callable[[int], object]) -> None:
        """Let the other side keep planes before the first is timed."""
        self.alone.keep(alone(place) for place in places)

    def compare(
        self, places: Sequence[int], ours: Callable[[int], object], alone: Callable[[int], object]
    ) -> None:
        """Read each place both ways, each way first every other time."""
        for turn, place in enumerate(places):
            sides = [(self.ours, ours), (self.alone, alone)]
            for watch, work in sides if turn % 2 else reversed(sides):
                watch.time(partial(work, place))
        self.ours.forget()
        self.alone.forget()

    def compare_blocks(
        self, places: Sequence[int], ours: Callable[[int], object], alone: Callable[[int], object]
    ) -> None:
        """Read all places the one way, then all the other way: as somebody who steps on does."""
        for watch, work in ((self.alone, alone), (self.ours, ours)):
            for place in places:
                watch.time(partial(work, place))

    @property
    def ratio_of_medians(self) -> float:
        """Our median over the other, in four digits."""
        return float(f"{self.ours.median_ms / self.alone.median_ms:.4g}")

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios, ours over alone, in four digits."""
        pairs = zip(self.ours.ms, self.alone.ms, strict=True)
        return float(f"{statistics.median(ours / alone for ours, alone in pairs):.4g}")


def warm_memory(nbytes: int = 1 << 30) -> None:
    """Touch memory once and let it go.

    A virtual machine gets its memory from the host when it is first touched, which takes ten
    times as long as to read a plane into it, and would count against whoever comes first.
    """
    np.ones(nbytes, np.uint8)


def progress(what: str) -> None:
    """Tell people what is being measured."""
    print(f"planes: {what}", file=sys.stderr, flush=True)


@contextmanager
def private_worker() -> Iterator[ReaderClient]:
    """Yield a client of a worker whose cache is empty, and whose processes have started."""
    client = ReaderClient()
    try:
        wait_for_readers(client)
        yield client
    finally:
        client.close()


def wait_for_readers(client: ReaderClient) -> None:
    """Wait until no reader process is still starting."""
    deadline = time.monotonic() + WAIT_S
    while any(reader.state == "starting" for reader in status(client).readers):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def worker(*options: str) -> Iterator[str]:
    """Yield the address of a new worker with two readers."""
    with tempfile.TemporaryDirectory(prefix="pcb") as folder:
        address = f"unix://{folder}/w"
        command = [sys.executable, "-m", "planecast_reader", "--address", address]
        with subprocess.Popen(
            [*command, "--readers", "2", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield address
            finally:
                process.terminate()


@contextmanager
def seasoned_worker(path: Path) -> Iterator[ReaderClient]:
    """Yield a client of a worker that has run for a while: its cache is full of other planes.

    They are those of the same file in an earlier version, so that the file is open too.
    """
    with worker("--cache-mib", str(SEASONED_MIB)) as address:
        client = ReaderClient(address)
        try:
            used = -1
            z = 0
            while used < (used := status(client).arena_used_bytes):
                for _ in range(8):
                    ask(client, plane(path, z, revision=SEASONING))
                    z += 1
            wait_idle(client)
            yield client
        finally:
            client.close()


def status(client: ReaderClient) -> WorkerStatus:
    """Return what the worker says of itself."""
    answer = client.request(AskWorkerStatus(request=0), WAIT_S)
    assert isinstance(answer, WorkerStatus)
    return answer


def wait_idle(client: ReaderClient) -> WorkerStatus:
    """Return the worker's status when no reader has anything to do."""
    deadline = time.monotonic() + WAIT_S
    while True:
        now = status(client)
        if not now.queued and all(reader.state == "idle" for reader in now.readers):
            return now
        assert time.monotonic() < deadline
        time.sleep(0.01)


def plane(path: Path, z: int, **options: object) -> ReadPixels:
    """Return the request for plane z."""
    wire_path = to_wire_path(path, local_roots())
    return ReadPixels(request=0, path=wire_path, index={"Z": z}, **options)  # type: ignore[arg-type]


def read(client: ReaderClient, request: ReadPixels) -> Plane:
    """Return a plane as scripts and viewers get it: without a message where that is safe."""
    return _pixels(client.request(request, WAIT_S))


def ask(client: ReaderClient, request: ReadPixels) -> Plane:
    """Return a plane by message, also where it could be found without."""
    return _pixels(client.request(request, WAIT_S, find=False))


def _pixels(answer: Answer) -> Plane:
    assert isinstance(answer, PixelAnswer)
    return answer.pixels


@contextmanager
def in_process(path: Path) -> Iterator[list[tifffile.TiffPage]]:
    """Open a TIFF in this process, and keep it open."""
    with tifffile.TiffFile(path) as tiff:
        yield [page.aspage() for page in tiff.pages]


class CpuClock:
    """Processor time of this process, and of all below it."""

    def __init__(self) -> None:
        self._below = psutil.Process().children(recursive=True)
        self._start_s = self._now_s()

    def spent_ms(self) -> tuple[float, float]:
        """Return the milliseconds since the start: of this process, of those below."""
        mine, below = self._now_s()
        return 1000 * (mine - self._start_s[0]), 1000 * (below - self._start_s[1])

    def _now_s(self) -> tuple[float, float]:
        return time.process_time(), sum(_cpu_s(process) for process in self._below)


def _cpu_s(process: psutil.Process) -> float:
    """Return a process's time on a processor; Linux says so in ns, others in ticks of 10 ms."""
    threads = Path(f"/proc/{process.pid}/task")
    if threads.is_dir():
        stats = [(thread / "schedstat").read_text() for thread in threads.iterdir()]
        return sum(int(stat.split()[0]) for stat in stats) / 1e9
    times = process.cpu_times()
    return times.user + times.system

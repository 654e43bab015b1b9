"""Planes through the worker against tifffile in the own process, on the same files, in turns.

Every figure is a ratio or a difference within one run: the machine's load falls on both sides.
The in-process side keeps its handle open and its result, as a viewer would.
"""

import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import tifffile

from planecast_protocol.errors import CancelledError
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.reader_messages import AskWorkerStatus, ReadPixels, WorkerStatus
from planecast_reader.client import Answer, PixelAnswer, ReaderClient

SIZE = 2048
PLANES = 40
STEP_S = 0.1
SCRUB_PLANES = 200
SCRUB_S = 2.0
WAIT_S = 30.0


class Waiting:
    """One request without waiting for it."""

    def __init__(self, client: ReaderClient, request: ReadPixels) -> None:
        self.answer: Answer = None
        self.took_ms = 0.0
        self._started = time.perf_counter()
        self._event = threading.Event()
        client.submit(request, self._on_answer)

    def _on_answer(self, answer: Answer) -> None:
        self.took_ms = 1000 * (time.perf_counter() - self._started)
        self.answer = answer
        self._event.set()

    def pixels(self) -> npt.NDArray[np.uint16]:
        """Wait for the plane; raise what came instead of it."""
        assert self._event.wait(WAIT_S)
        if isinstance(self.answer, PixelAnswer):
            return self.answer.pixels
        raise AssertionError(f"no plane but {self.answer}")


def measure(*, quick: bool = False) -> dict[str, float]:
    """Return the figures by name. `quick` takes some 30 seconds."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="planecast-bench-") as folder:
        os.environ["PLANECAST_RUNTIME_DIR"] = f"{folder}/run"  # no other worker is to be joined
        raw = _write(Path(folder) / "raw.ome.tif", None)
        packed = _write(Path(folder) / "packed.ome.tif", "zstd")
        rounds = 1 if quick else 4
        figures |= _floors(raw)
        figures |= _cold_and_cached(raw, "uncompressed", rounds)
        figures |= _cold_and_cached(packed, "compressed", rounds)
        figures |= _playback(raw)
        figures |= _stack(packed)
        figures |= _scrub(raw)
        figures |= _reader_kill(raw)
        if not quick:
            figures |= _other_sizes(Path(folder))
            figures |= _four_clients(raw)
    return figures


def _write(path: Path, compression: str | None, size: int = SIZE, planes: int = PLANES) -> Path:
    plane = np.random.default_rng(0).poisson(200, (size, size)).astype(np.uint16)
    stack = np.stack([np.roll(plane, 31 * z, axis=1) for z in range(planes)])
    tifffile.imwrite(path, stack, compression=compression, metadata={"axes": "ZYX"}, ome=True)
    return path


@contextmanager
def _private_worker() -> Iterator[ReaderClient]:
    """Yield a client of a worker whose cache is empty, and whose processes have started."""
    client = ReaderClient()
    try:
        deadline = time.monotonic() + WAIT_S
        while any(reader.state == "starting" for reader in _status(client).readers):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield client
    finally:
        client.close()


def _status(client: ReaderClient) -> WorkerStatus:
    status = client.request(AskWorkerStatus(request=0), WAIT_S)
    assert isinstance(status, WorkerStatus)
    return status


def _plane(path: Path, z: int, **options: object) -> ReadPixels:
    wire_path = to_wire_path(path, local_roots())
    return ReadPixels(request=0, path=wire_path, index={"Z": z}, **options)  # type: ignore[arg-type]


def _time_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    kept = work()
    elapsed_ms = 1000 * (time.perf_counter() - started)
    del kept
    return elapsed_ms


@contextmanager
def _in_process(path: Path) -> Iterator[list[tifffile.TiffPage]]:
    with tifffile.TiffFile(path) as tiff:
        yield [page.aspage() for page in tiff.pages]


# ---------------------------------------------------------------- one plane


def _floors(path: Path) -> dict[str, float]:
    """Return what no way of reading can beat: a copy in memory, and one out of the page cache."""
    nbytes = SIZE * SIZE * 2
    source, target = np.ones(nbytes, np.uint8), np.ones(nbytes, np.uint8)
    with path.open("rb", buffering=0) as file:
        read = [_time_ms(lambda z=z: os.preadv(file.fileno(), [target], z)) for z in range(20)]
    copy = [_time_ms(lambda: np.copyto(target, source)) for _ in range(20)]
    return {
        "floor_memcpy_ms": round(statistics.median(copy), 3),
        "floor_page_cache_ms": round(statistics.median(read), 3),
    }


def _cold_and_cached(path: Path, name: str, rounds: int) -> dict[str, float]:
    """Compare planes in random order, so that nothing is read ahead."""
    cold: list[float] = []
    cached: list[float] = []
    found: list[float] = []
    alone: list[float] = []
    order = np.random.default_rng(1).permutation(np.arange(1, PLANES, 2)).tolist()
    cpu_s = 0.0
    with _in_process(path) as pages:
        for _ in range(rounds):
            with _private_worker() as client:
                Waiting(client, _plane(path, 0)).pixels()
                before_s = _cpu_s()
                for z in order:
                    mine = _time_ms(pages[z].asarray)
                    alone.append(mine)
                    request = _plane(path, z)
                    cold.append(_time_ms(lambda request=request: _ask(client, request)) / mine)
                cpu_s += _cpu_s() - before_s - sum(alone[-len(order) :]) / 1000
                for z in order:
                    mine = _time_ms(pages[z].asarray)
                    request = _plane(path, z)
                    cached.append(_time_ms(lambda request=request: _ask(client, request)) / mine)
                    found.append(_time_ms(lambda request=request: client.find(request)) / mine)
    figures = {
        f"cold_ratio_{name}": round(statistics.median(cold), 3),
        f"in_process_ms_{name}": round(statistics.median(alone), 2),
        f"cpu_ms_per_plane_{name}": round(1000 * cpu_s / len(cold), 2),
    }
    if name == "uncompressed":
        figures["cached_ratio"] = round(statistics.median(cached), 4)
        figures["cached_lookup_ratio"] = round(statistics.median(found), 5)
    return figures


def _cpu_s() -> float:
    """Return the processor time of this process and of all below it."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    times = [process.cpu_times() for process in family]
    return sum(t.user + t.system for t in times)


# ---------------------------------------------------------------- many planes


def _playback(path: Path) -> dict[str, float]:
    """Step through z at 10 planes a second: how long each is waited for."""
    ratios: list[float] = []
    with _in_process(path) as pages, _private_worker() as client:
        due = time.perf_counter()
        for z in range(25):
            alone = _time_ms(pages[z].asarray)
            request = _plane(path, z, priority="screen")
            ratios.append(_time_ms(lambda request=request: _find_or_ask(client, request)) / alone)
            due += STEP_S
            time.sleep(max(0.0, due - time.perf_counter()))
    return {"playback_ratio": round(statistics.median(ratios[2:]), 4)}


def _ask(client: ReaderClient, request: ReadPixels) -> npt.NDArray[np.uint16]:
    """Ask by message, also for what could be found without."""
    return Waiting(client, request).pixels()


def _find_or_ask(client: ReaderClient, request: ReadPixels) -> npt.NDArray[np.uint16]:
    answer = client.request(request, WAIT_S)
    assert isinstance(answer, PixelAnswer)
    return answer.pixels


def _stack(path: Path) -> dict[str, float]:
    """Read a compressed stack, some planes in flight, with two reader processes."""
    ratios: list[float] = []
    places = [z % PLANES for z in range(PLANES)]
    with _in_process(path) as pages:
        for _ in range(3):
            with _private_worker() as client:
                alone = _time_ms(lambda: [pages[z].asarray() for z in places])
                ratios.append(alone / _time_ms(lambda: _read_many(client, path, places)))
    return {"stack_ratio_compressed_2_readers": round(statistics.median(ratios), 3)}


def _read_many(client: ReaderClient, path: Path, places: Sequence[int], in_flight: int = 6) -> None:
    waiting: list[Waiting] = []
    for z in places:
        waiting.append(Waiting(client, _plane(path, z)))
        if len(waiting) >= in_flight:
            waiting.pop(0).pixels()
    for one in waiting:
        one.pixels()


def _scrub(path: Path) -> dict[str, float]:
    """Drag a slider over 200 places in 2 s: how late the last plane is, and how many were read."""
    random = np.random.default_rng(2)
    places = random.integers(0, PLANES, SCRUB_PLANES).tolist()
    places[-1] = PLANES - 1
    places = [z if n == SCRUB_PLANES - 1 else z % (PLANES - 1) for n, z in enumerate(places)]
    with _in_process(path) as pages, _private_worker() as client:
        Waiting(client, _plane(path, 0)).pixels()
        reads_before = _status(client).reads
        asked: list[Waiting] = []
        due = time.perf_counter()
        for turn, z in enumerate(places):
            request = _plane(path, z, priority="screen", view=1, turn=turn)
            asked.append(Waiting(client, request))
            due += SCRUB_S / SCRUB_PLANES
            time.sleep(max(0.0, due - time.perf_counter()))
        asked[-1].pixels()
        withdrawn = sum(isinstance(one.answer, CancelledError) for one in asked)
        cold = [_time_ms(pages[z].asarray) for z in range(10)]
        cold_ms = statistics.median(cold)
        return {
            "scrub_last_plane_ratio": round(asked[-1].took_ms / cold_ms, 2),
            "scrub_started": _status(client).reads - reads_before,
            "scrub_withdrawn": withdrawn,
        }


def _reader_kill(path: Path) -> dict[str, float]:
    """Kill the reader in the middle of a read: how much later the plane comes."""
    extra: list[float] = []
    with _private_worker() as client:
        Waiting(client, _plane(path, 0)).pixels()
        for z in (5, 12, 20, 31):  # no steps of one: nothing shall be read ahead
            usual = Waiting(client, _plane(path, z))
            usual.pixels()
            pids = [reader.pid for reader in _status(client).readers]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            asked = Waiting(client, _plane(path, z + 3))
            busy: list[int] = []
            while not busy:
                busy = [r.pid for r in _status(client).readers if r.state == "busy"]
            started = time.perf_counter()
            for pid in pids:
                os.kill(pid, signal.SIGCONT if pid not in busy else signal.SIGKILL)
            asked.pixels()
            extra.append(1000 * (time.perf_counter() - started) - usual.took_ms)
    return {"reader_kill_extra_ms": round(max(extra), 1)}


# ---------------------------------------------------------------- the long version


def _other_sizes(folder: Path) -> dict[str, float]:
    figures: dict[str, float] = {}
    for size in (512, 4096):
        path = _write(folder / f"{size}.ome.tif", None, size, planes=12)
        ratios: list[float] = []
        with _in_process(path) as pages, _private_worker() as client:
            Waiting(client, _plane(path, 0)).pixels()
            for z in (9, 3, 11, 5, 7, 1):
                alone = _time_ms(pages[z].asarray)
                request = _plane(path, z)
                ratios.append(_time_ms(lambda request=request: _ask(client, request)) / alone)
        figures[f"cold_ratio_{size}"] = round(statistics.median(ratios), 3)
    return figures


def _four_clients(path: Path) -> dict[str, float]:
    """Four clients of one worker read the same planes: the cache is theirs together."""
    order = np.random.default_rng(3).permutation(PLANES).tolist()
    with _in_process(path) as pages, _private_worker() as first:
        alone = _time_ms(lambda: [pages[z].asarray() for z in order])
        threads = [
            threading.Thread(target=_read_many, args=(first, path, order, 2)) for _ in range(4)
        ]

        def together() -> None:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return {"four_clients_ratio": round(_time_ms(together) / (4 * alone), 3)}

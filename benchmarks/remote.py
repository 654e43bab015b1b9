"""What keys cost: planes of 8 MiB with CURVE against plain TCP, in turns, in one run.

Both come from one worker's cache, over loopback, so that no network and no disk is measured. Then
what is seen over a slow link, from another machine (`slow_link/visit.py`).
"""

import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import zmq

from benchmarks.planes import rig
from benchmarks.planes.files import write_stack
from benchmarks.slow_link import visit
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.gatekeeper import Gatekeeper
from planecast_protocol.keys.guests import Guest
from planecast_protocol.keys.making import make_own_key
from planecast_protocol.reader_messages import ReadPixels
from planecast_protocol.sockets import client_socket, server_socket
from planecast_reader.client import ReaderClient
from planecast_reader.remote.parts import cut

SIZE = 2048
PLANES = 8
MIB = SIZE * SIZE * 2 / (1 << 20)
IN_FLIGHT = 4


def measure(*, quick: bool = False) -> dict[str, object]:
    """Return the figures by name. `quick` takes some 80 seconds, a pulled cable's 20 among them."""
    rounds = 6 if quick else 24
    figures: rig.Figures = {}
    with tempfile.TemporaryDirectory(prefix="pcb", dir="/tmp") as name, ExitStack() as stack:
        folder = Path(name)
        _make_keys(folder)
        stack.enter_context(_environment(PLANECAST_KEYS=folder / "keys"))
        stack.enter_context(_environment(PLANECAST_RUNTIME_DIR=folder / "run"))
        (folder / "data").mkdir()
        write_stack(folder / "data" / "raw.ome.tif", SIZE, PLANES)
        plain, keyed = _free_port(), _free_port()
        options = ["--address", f"tcp://127.0.0.1:{plain}", "--address", f"tcp://*:{keyed}"]
        local = stack.enter_context(rig.worker(*options, "--root", f"data={folder}/data"))
        here, tcp, curve = (
            stack.enter_context(closing(ReaderClient(address)))
            for address in (local, f"tcp://127.0.0.1:{plain}", f"tcp://127.0.0.2:{keyed}")
        )
        _progress("one plane in flight")
        figures |= _one_in_flight(tcp, curve, rounds)
        _progress("four planes in flight")
        figures |= _four_in_flight(tcp, curve, rounds)
        _progress("a viewer of this machine, meanwhile")
        figures |= _beside_others(here, curve, rounds)
        _progress("the sockets alone")
        figures |= _sockets_alone(folder, rounds * PLANES)
    _progress("another machine, over a slow link")
    return {**figures, **visit.measure(quick=quick)}


@contextmanager
def _environment(**variables: Path) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: str(value) for name, value in variables.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _one_in_flight(tcp: ReaderClient, curve: ReaderClient, rounds: int) -> rig.Figures:
    for z in range(PLANES):  # from now on they are in the cache
        rig.ask(tcp, _plane(z))
        rig.ask(curve, _plane(z))
    turns = rig.Turns()
    places = list(range(PLANES)) * rounds
    turns.compare(places, lambda z: rig.ask(curve, _plane(z)), lambda z: rig.ask(tcp, _plane(z)))
    return {
        "curve_ratio": turns.ratio_of_medians,
        "curve_ms": round(turns.ours.median_ms, 2),
        "tcp_ms": round(turns.alone.median_ms, 2),
    }


def _four_in_flight(tcp: ReaderClient, curve: ReaderClient, rounds: int) -> rig.Figures:
    rates: dict[str, list[float]] = {"tcp": [], "curve": []}
    for _ in range(rounds):
        for name, client in (("tcp", tcp), ("curve", curve)):
            rates[name].append(_rate(client))
    tcp_rate, curve_rate = (statistics.median(rates[name]) for name in ("tcp", "curve"))
    return {
        "tcp_mib_per_s": round(tcp_rate),
        "curve_mib_per_s": round(curve_rate),
        "curve_ratio_in_flight": round(tcp_rate / curve_rate, 2),
    }


def _rate(client: ReaderClient, n_planes: int = 4 * IN_FLIGHT) -> float:
    """Return MiB/s with `IN_FLIGHT` planes asked for at a time."""
    started = time.perf_counter()
    waiting: list[rig.Waiting] = []
    for number in range(n_planes):
        if len(waiting) == IN_FLIGHT:
            waiting.pop(0).pixels()
        waiting.append(rig.Waiting(client, _plane(number % PLANES)))
    for one in waiting:
        one.pixels()
    return n_planes * MIB / (time.perf_counter() - started)


def _beside_others(here: ReaderClient, curve: ReaderClient, rounds: int) -> rig.Figures:
    """Ask for cached planes here, by message, while another machine takes all that it can."""
    over = threading.Event()

    def take_all() -> None:
        while not over.is_set():
            _rate(curve)

    alone = _local_ms(here, rounds)
    other = threading.Thread(target=take_all)
    other.start()
    try:
        beside = _local_ms(here, rounds)
    finally:
        over.set()
        other.join()
    return {
        "local_ms_alone": round(alone, 3),
        "local_ms_beside_a_remote_viewer": round(beside, 3),
    }


def _local_ms(here: ReaderClient, rounds: int) -> float:
    watch = rig.Stopwatch()
    for z in list(range(PLANES)) * rounds * 4:
        watch.time(lambda z=z: rig.ask(here, _plane(z)))  # type: ignore[misc]
    return watch.median_ms


def _sockets_alone(folder: Path, n_planes: int) -> rig.Figures:
    """Send the same bytes in the same frames, with ZeroMQ alone."""
    pixels = memoryview(bytes(SIZE * SIZE * 2))
    with _pair(folder, keyed=False) as plain, _pair(folder, keyed=True) as keyed:
        turns = rig.Turns()
        turns.compare(
            range(n_planes // 2), lambda _: _send(keyed, pixels), lambda _: _send(plain, pixels)
        )
    return {"curve_ratio_sockets_alone": turns.ratio_of_medians}


Pair = tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]


def _send(pair: Pair, pixels: memoryview) -> None:
    server, client = pair
    client.send(b"")
    identity, _ = server.recv_multipart()
    server.send_multipart([identity, b"", *cut(pixels)], copy=False)
    client.recv_multipart(copy=False)


@contextmanager
def _pair(folder: Path, *, keyed: bool) -> Iterator[Pair]:
    keys, port = KeyFolder(folder / "keys"), _free_port()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    guard = Gatekeeper(context, keys) if keyed else None
    own = keys.own() if keyed else None
    host = "127.0.0.2" if keyed else "127.0.0.1"
    server = server_socket(context, zmq.ROUTER, f"tcp://{host}:{port}", own=own)
    client = client_socket(context, zmq.DEALER, f"tcp://{host}:{port}")
    try:
        yield server, client
    finally:
        server.close()
        client.close()
        if guard is not None:
            guard.close()
        context.term()


def _make_keys(folder: Path) -> None:
    """Make one pair of keys, which is its own guest, and its own server under another address."""
    keys = KeyFolder(folder / "keys")
    own = make_own_key(keys)
    keys.put_guest(Guest("bench", own.public, frozenset({"view"})))
    keys.put_server("127.0.0.2", own.public)


def _plane(z: int) -> ReadPixels:
    return ReadPixels(request=0, path="data:raw.ome.tif", index={"Z": z})


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _progress(what: str) -> None:
    print(f"remote: {what}", file=sys.stderr, flush=True)

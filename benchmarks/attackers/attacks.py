"""What is done to every port: half-open connections, garbage, scans, frames above all limits.

    python -m benchmarks.attackers.attacks KIND PORTS SECONDS

Strangers, without a key. Prints what it did as one line of JSON.
"""

import contextlib
import errno
import json
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.attackers.ports import Ports, connect

HALF_OPEN = 300
SCANNED = 20_000
NICE = 10
"""On a microscope PC attackers take no processor's time: theirs are other machines."""

Counts = dict[str, int]
Place = tuple[str, int] | str


def greeting(mechanism: bytes = b"NULL") -> bytes:
    """Return how a ZeroMQ peer introduces itself (ZMTP 3.1, RFC 37)."""
    return b"\xff" + bytes(8) + b"\x7f\x03\x01" + mechanism.ljust(20, b"\0") + bytes(32)


def ready(kind: bytes = b"DEALER") -> bytes:
    """Return the command that ends a handshake without keys."""
    body = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    return b"\x04" + bytes([len(body)]) + body


def garbage(rng: random.Random) -> bytes:
    """Return noise, or what begins well and goes on badly."""
    noise = rng.randbytes(rng.randrange(1, 2000))
    hello = b"\x04\xc8\x05HELLO\x01\x00" + rng.randbytes(192)
    kinds = (
        noise,
        b"GET / HTTP/1.1\r\nHost: scope\r\n\r\n",
        greeting()[: rng.randrange(1, 64)],
        greeting() + noise,
        greeting(b"CURVE") + noise,
        greeting(b"CURVE") + hello,
        greeting(b"PLAIN") + ready(),
        greeting() + ready() + noise,
        struct.pack("<IQ", rng.randrange(1, 1 << 20), 0) + noise,
        struct.pack("<IQ", len(noise), 0) + noise,
    )
    return rng.choice(kinds)


def oversize(rng: random.Random) -> bytes:
    """Return frames that say they are longer than anything we take."""
    length = rng.choice((1 << 20 | 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1))
    long_frame = b"\x02" + struct.pack(">Q", length) + bytes(4096)
    long_command = b"\x06" + struct.pack(">Q", length) + b"\x05HELLO" + bytes(4096)
    kinds = (
        greeting() + ready() + long_frame,
        greeting() + ready(b"SUB") + long_frame,
        greeting(b"CURVE") + long_command,
        struct.pack("<IQ", 0xFFFFFFFF, 0) + bytes(4096),
        struct.pack("<IQ", 16, 0xFFFFFFFF) + bytes(4096),
        struct.pack("<IQ", 0xFFFFFFFF, (1 << 64) - 1) + bytes(4096),
    )
    return rng.choice(kinds)


def throw(ports: Ports, seconds: float, make: Callable[[random.Random], bytes]) -> Counts:
    """Send what `make` returns to every port in turn, on a new connection each time."""
    rng = random.Random(7)
    sent = failed = 0
    for place in _until(seconds, ports.places()):
        try:
            with connect(place) as stream:
                stream.sendall(make(rng))
                if rng.random() < 0.2:  # some stay to hear the answer
                    stream.settimeout(0.01)
                    stream.recv(64)
        except TimeoutError:
            sent += 1
        except OSError:
            failed += 1
        else:
            sent += 1
    return {"sent": sent, "failed": failed}


def half_open(ports: Ports, seconds: float, at_once: int = HALF_OPEN) -> Counts:
    """Keep so many connections that say nothing, or only begin; replace those that are closed."""
    rng = random.Random(7)
    held: list[socket.socket] = []
    opened = failed = 0
    for place in _until(seconds, ports.places()):
        if len(held) >= at_once:
            still = [one for one in held if not _is_closed(one)]
            if len(still) == len(held):
                time.sleep(0.01)
                continue
            held = still
        try:
            held.append(connect(place))
            held[-1].sendall(greeting(b"CURVE")[: rng.choice((0, 10, 64))])
            held[-1].setblocking(False)
        except OSError:
            failed += 1
        else:
            opened += 1
    for one in held:
        one.close()
    return {"opened": opened, "failed": failed}


def scan(ports: Ports, seconds: float) -> Counts:
    """Connect to all ports of a range, ours among them, again and again."""
    lowest = max(1, min(ports.keyed) - SCANNED // 2)
    places: list[Place] = [
        ("127.0.0.1", port) for port in range(lowest, min(65535, lowest + SCANNED))
    ]
    ours = [(ports.host, port) for port in ports.keyed]
    looked_at = found = 0
    for place in _until(seconds, [*places, *ours * 20]):
        looked_at += 1
        with contextlib.suppress(OSError), connect(place):
            found += 1
    return {"looked_at": looked_at, "open": found}


ATTACKS: dict[str, Callable[[Ports, float], Counts]] = {
    "half_open": half_open,
    "garbage": lambda ports, seconds: throw(ports, seconds, garbage),
    "scan": scan,
    "oversize": lambda ports, seconds: throw(ports, seconds, oversize),
}


def _until(seconds: float, places: list[Place]) -> Iterator[Place]:
    """Yield places round and round."""
    end = time.monotonic() + seconds
    while True:
        for place in places:
            if time.monotonic() > end:
                return
            yield place


def _is_closed(stream: socket.socket) -> bool:
    try:
        if not stream.recv(4096):
            stream.close()
            return True
    except BlockingIOError:
        return False
    except OSError as trouble:
        stream.close()
        return trouble.errno != errno.EINTR
    return False


def main(kind: str, ports: str, seconds: str) -> None:
    os.nice(NICE)
    print(json.dumps(ATTACKS[kind](Ports.of_text(ports), float(seconds))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A cable between two network namespaces: so many bits a second, so much delay, and pulled.

    python -m benchmarks.slow_link.cable NAMESPACE NAMESPACE MBIT_PER_S DELAY_MS

It says `ready`, and then takes `pull`, `plug` and `count` by lines, each answered by a line; it
ends with its standard input. Needs root.

The kernel's own `netem` is a module that many kernels are built without. This carries the packets
of two TUN devices itself, so that both ends speak the kernel's TCP over a link that is slow in
earnest: a packet leaves when those before it have left at the link's rate, and arrives after its
delay; what would stand in the queue for longer than `QUEUE_S` is lost, as on a router.
"""

import collections
import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
MTU = 1500
QUEUE_S = 0.1
ADDRESSES = ("10.91.7.1", "10.91.7.2")
DEVICE = "cable0"


class Direction:
    """Packets from one device to the other."""

    def __init__(self, source: int, target: int, bytes_per_s: float, delay_s: float) -> None:
        self.source = source
        self._target = target
        self._bytes_per_s, self._delay_s = bytes_per_s, delay_s
        self._free_at = 0.0
        self._under_way: collections.deque[tuple[float, bytes]] = collections.deque()
        self.n_bytes = 0

    def take(self, *, plugged: bool) -> None:
        """Take in what was sent."""
        while True:
            try:
                packet = os.read(self.source, MTU + 4)
            except BlockingIOError:
                return
            now = time.monotonic()
            begins = max(now, self._free_at)
            if not plugged or begins - now > QUEUE_S:
                continue
            self._free_at = begins + len(packet) / self._bytes_per_s
            self._under_way.append((self._free_at + self._delay_s, packet))

    def deliver(self, *, plugged: bool) -> float:
        """Hand over what has arrived; return in how many s the next one will."""
        while self._under_way:
            due_s = self._under_way[0][0] - time.monotonic()
            if due_s > 0:
                return due_s
            packet = self._under_way.popleft()[1]
            if plugged:
                self.n_bytes += len(packet)
                with contextlib.suppress(OSError):  # its end is gone
                    os.write(self._target, packet)
        return 1.0


def main(first: str, second: str, mbit_per_s: str, delay_ms: str) -> None:
    """Carry packets until standard input ends."""
    ends = [_device(name, n) for n, name in enumerate((first, second))]
    rate, delay_s = float(mbit_per_s) * 1e6 / 8, float(delay_ms) / 1000
    there = Direction(ends[0], ends[1], rate, delay_s)
    back = Direction(ends[1], ends[0], rate, delay_s)
    with contextlib.suppress(PermissionError):
        os.nice(-15)  # a cable waits for nobody
    print("ready", flush=True)
    plugged = True
    poller = select.epoll()
    for end in (*ends, sys.stdin.fileno()):
        poller.register(end, select.EPOLLIN)
    wait_s = 1.0
    while True:
        ready = dict(poller.poll(wait_s))
        if sys.stdin.fileno() in ready:
            word = sys.stdin.readline().strip()
            if not word:
                return
            plugged = {"pull": False, "plug": True}.get(word, plugged)
            print(there.n_bytes, back.n_bytes, flush=True)
        for direction in (there, back):
            if direction.source in ready:
                direction.take(plugged=plugged)
        wait_s = min(there.deliver(plugged=plugged), back.deliver(plugged=plugged))


def _device(namespace: str, number: int) -> int:
    """Make a device, and move it into a namespace; what is sent there is read here."""
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    name = f"pcable{os.getpid() % 10000}{number}"
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    inside = ["ip", "netns", "exec", namespace, "ip"]
    peer = ADDRESSES[1 - number]
    for words in (
        ["ip", "link", "set", name, "netns", namespace],
        [*inside, "link", "set", name, "name", DEVICE, "mtu", str(MTU)],
        [*inside, "address", "add", ADDRESSES[number], "peer", peer, "dev", DEVICE],
        [*inside, "link", "set", DEVICE, "up"],
        [*inside, "link", "set", "lo", "up"],
    ):
        subprocess.run(words, check=True)
    return end


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A network that fails: TCP connections to an agent that stall, are cut, reset or truncated.

    python chaos_proxy.py PORT AGENT_PORT

Forwards PORT and PORT + 1 to AGENT_PORT and AGENT_PORT + 1. Each line on stdin is a command:
`pass`, `stall`, `drop` (close all, refuse new ones), `reset` (RST, then pass), `truncate`
(forward half of what comes next, then close, then pass).
"""

import asyncio
import contextlib
import socket
import struct
import sys

BLOCK_BYTES = 64 << 10
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST instead of FIN."""


class Network:
    """How the connections behave just now."""

    def __init__(self) -> None:
        self.mode = "pass"
        self._passing = asyncio.Event()
        self._passing.set()
        self.writers: set[asyncio.StreamWriter] = set()

    def command(self, mode: str) -> None:
        self.mode = mode
        if mode == "stall":
            self._passing.clear()
        else:
            self._passing.set()
        if mode in ("drop", "reset"):
            for writer in list(self.writers):
                self._cut(writer, abort=mode == "reset")
        if mode == "reset":
            self.mode = "pass"

    def _cut(self, writer: asyncio.StreamWriter, *, abort: bool) -> None:
        if abort:
            there = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # it is closed already
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one direction of one connection until it ends."""
        try:
            while block := await reader.read(BLOCK_BYTES):
                await self._passing.wait()
                if self.mode == "truncate":
                    self.mode = "pass"
                    writer.write(block[: len(block) // 2])
                    break
                writer.write(block)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def connect(
        self, near: asyncio.StreamReader, near_end: asyncio.StreamWriter, port: int
    ) -> None:
        """Carry one connection to the agent, where it listens."""
        try:
            far, far_end = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            near_end.transport.abort()
            return
        if self.mode == "drop":
            near_end.transport.abort()
            far_end.transport.abort()
            return
        both = {near_end, far_end}
        self.writers |= both
        await asyncio.wait(
            [
                asyncio.create_task(self.carry(near, far_end)),
                asyncio.create_task(self.carry(far, near_end)),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        self.writers -= both
        for writer in both:
            writer.close()


async def main(port: int, agent_port: int) -> None:
    network = Network()

    def listener(to_port: int) -> object:
        return lambda near, near_end: network.connect(near, near_end, to_port)

    for offset in (0, 1):
        await asyncio.start_server(
            listener(agent_port + offset), "127.0.0.1", port + offset, reuse_address=True
        )
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        network.command(line.strip())


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))

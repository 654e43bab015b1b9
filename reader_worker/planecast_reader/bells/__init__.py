"""Bells: a reader process tells a client that its plane is about to be there, past the front.

The client wakes up and gets ready while the last pixels are copied; that they all are there it
sees in the shared memory (`arena/board.py`). A bell is one socket pair for each client: the front
makes it, gives one end to the client beside its welcome, and the other to each reader that reads
for that client.

    front ── welcome, end to hear ──► client          once
    front ── number, end to ring ───► reader          once, with the first task for this client
    client ── ReadPixels ───────────► reader          that rang last, for each plane that a caller
                                                      waits for, if that was lately
    reader ── PixelsSoon ───────────► client          when the plane is nearly read
    reader ── TaskPixels, taken ────► front           and whether that client has it

What a client tells a reader is no order: the reader gets ready, and reads what the front has it
read, into memory that the front gives it.

Where a bell can't be rung, or nobody was awake, the front answers.
"""

import socket
import struct
import sys

SUPPORTED = sys.platform == "linux"
"""Elsewhere there are no sockets whose messages arrive whole from several processes."""
MAX_BYTES = 1 << 13
"""Of one message: a path is the longest part of it."""
SENT = struct.Struct("<QQ")
"""When (monotonic, ns), and to which reader's process: before what a client says."""


def bell_sockets() -> tuple[socket.socket, socket.socket]:
    """Return a pair of sockets whose messages arrive whole. Raises `OSError`."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

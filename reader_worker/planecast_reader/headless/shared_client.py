"""One client a worker for all headless reading in this process, made when it is first needed."""

import atexit
import os
import threading

from planecast_reader.client import ReaderClient

_lock = threading.Lock()
_clients: dict[tuple[int, str | None], ReaderClient] = {}
"""With the id of the process that made it: a fork must not use its parent's."""


def shared_client(address: str | None = None) -> ReaderClient:
    """Return this process's client of the worker at `address`.

    Without one it joins the user's running worker or starts a private one.
    """
    key = (os.getpid(), address)
    with _lock:
        if key not in _clients:
            _clients[key] = ReaderClient(address)
            atexit.register(_clients[key].close)
        return _clients[key]

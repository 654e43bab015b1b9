"""One client for all headless reading in this process, made when it is first needed."""

import atexit
import os
import threading

from planecast_reader.client import ReaderClient

_lock = threading.Lock()
_client: tuple[int, ReaderClient] | None = None
"""With the id of the process that made it: a fork must not use its parent's."""


def shared_client() -> ReaderClient:
    """Return this process's client; it joins the user's running worker or starts a private one."""
    global _client  # noqa: PLW0603 one for the whole process is what this module is for
    with _lock:
        if _client is None or _client[0] != os.getpid():
            client = ReaderClient()
            atexit.register(client.close)
            _client = (os.getpid(), client)
        return _client[1]

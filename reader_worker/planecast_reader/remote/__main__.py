"""The gateway's process: `python -m planecast_reader.remote ADDRESS WORKER KEYS`.

Started by the worker's front, and ends with it. Says `ready` when it can be reached, and
`refused N` whenever that number has changed.
"""

import contextlib
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from planecast_protocol.errors import PlanecastError
from planecast_protocol.keys.folder import KeyFolder
from planecast_reader.remote.gateway import Gateway

_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


class _Program:
    """Opens the door, and again after a key was struck off, until it is told to stop."""

    def __init__(self, address: str, worker: str, keys: KeyFolder) -> None:
        self._place = (address, worker, keys)
        self._parent = os.getppid()
        self._stopped = False
        self._refused_before = self._told = 0

    def stop(self, *_: object) -> None:
        """End soon: a signal's handler."""
        self._stopped = True

    def run(self) -> int:
        """Serve; return the exit code. Raises `EndpointError`."""
        ready = "ready"
        while True:
            with contextlib.closing(Gateway(*self._place)) as gateway:
                if ready:
                    print(ready, flush=True)
                    ready = ""
                ended = gateway.run(lambda: self._look(gateway))
                self._refused_before += gateway.refused
            if ended == "stopped":
                return 0
            if ended == "unguarded":
                logger.error("nobody checks keys any more: closed")
                return 1
            logger.info("a key was revoked or changed: clients connect anew")

    def _look(self, gateway: Gateway) -> bool:
        refused = self._refused_before + gateway.refused
        if refused != self._told:
            self._told = refused
            print("refused", refused, flush=True)
        return self._stopped or os.getppid() != self._parent


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM, or until the parent is gone; return the exit code."""
    address, worker, keys = arguments
    logging.basicConfig(level=logging.INFO, format="%(asctime)s gateway %(levelname)s %(message)s")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    program = _Program(address, worker, KeyFolder(Path(keys)))
    signal.signal(signal.SIGTERM, program.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front, which ends us
    try:
        return program.run()
    except PlanecastError as trouble:
        print(f"error {trouble}", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

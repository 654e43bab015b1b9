"""The gateway's process, as the front sees it: started again when it ends."""

import contextlib
import logging
import subprocess
import sys
import threading

from planecast_protocol.endpoints import leaves_machine
from planecast_protocol.errors import EndpointError, PlanecastError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.trust import keys_for_listening
from planecast_protocol.paths import LOCAL_ALIAS, Roots

START_AGAIN_AFTER_S = 1.0
_END_S = 5.0

logger = logging.getLogger(__name__)


class GatewayChild:
    """Serves one address for other machines. A thread of its own watches the process."""

    def __init__(self, address: str, worker: str, roots: Roots) -> None:
        """Start it, and wait until it can be reached.

        `worker` is where the front listens for this machine. Raises `EndpointError` without
        keys, without roots, and where the address can't be bound.
        """
        keys = KeyFolder()
        keys_for_listening(address, keys)
        if LOCAL_ALIAS in roots:
            raise EndpointError(
                f"{address}: refusing to show all files of this machine to others; list the "
                "folders that they may see: planecast reader --root data=/data, or [roots] in the "
                "settings"
            )
        self._command = [sys.executable, "-m", "planecast_reader.remote"]
        self._command += [address, worker, str(keys.folder)]
        self._closing = threading.Event()
        self._refused_before = self._refused = 0
        self._process = self._start()
        try:
            self._wait_until_ready()
        except PlanecastError:
            self.close()
            raise
        self._thread = threading.Thread(target=self._run, name="gateway-child", daemon=True)
        self._thread.start()

    @property
    def refused(self) -> int:
        """Connections and messages of other machines that were turned away."""
        return self._refused_before + self._refused

    def close(self) -> None:
        """End the process."""
        self._closing.set()
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        thread: threading.Thread | None = getattr(self, "_thread", None)
        if thread is not None:
            thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal is for the front, which ends it
        )

    def _wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        word = self._process.stdout.readline().strip()
        if word != "ready":
            raise EndpointError(word.removeprefix("error ") or "the gateway did not start")

    def _run(self) -> None:
        while True:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                word, _, number = line.strip().partition(" ")
                if word == "refused" and number.isdecimal():
                    self._refused = int(number)
            code = self._process.wait()
            if self._closing.is_set():
                return
            logger.warning("the gateway for other machines ended (%d): starting it again", code)
            self._refused_before, self._refused = self.refused, 0
            if self._closing.wait(START_AGAIN_AFTER_S):
                return
            self._process.stdout.close()
            self._process = self._start()
            if self._closing.is_set():  # `close` ended the one before
                self._process.terminate()


def split_addresses(addresses: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses for this machine, and those for others."""
    remote = tuple(one for one in addresses if leaves_machine(one))
    return tuple(one for one in addresses if one not in remote), remote


def start_gateways(
    addresses: tuple[str, ...], worker: str, roots: Roots, stack: "contextlib.ExitStack"
) -> list[GatewayChild]:
    """Start one gateway for each address; `stack` ends them. Raises `EndpointError`."""
    gateways = []
    for address in addresses:
        gateways.append(GatewayChild(address, worker, roots))
        stack.callback(gateways[-1].close)
    return gateways

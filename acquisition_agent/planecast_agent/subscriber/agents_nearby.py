"""Listens to the local network for agents that announce themselves."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from planecast_protocol.discovery import MAX_FOUND, MISSING, SERVICE, AnnouncedAgent
from planecast_protocol.errors import PlanecastError

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf

ASK_MS = 2000
"""For so long an agent may take to say where it is."""
NOBODY_AFTER_S = 2.0
"""Who is there has answered by then: if nobody did, that is posted too."""
MAX_WAITING = 1024

Found = list[AnnouncedAgent] | PlanecastError
"""All that are there now, or why nobody can be heard."""


class AgentsNearby:
    """Posts what is there, whenever that changes, from a thread of its own."""

    def __init__(
        self, post: Callable[[Found], object], interfaces: Sequence[str] | None = None
    ) -> None:
        """Begin to listen. `interfaces` are addresses of this machine; by default, all."""
        self._post = post
        self._interfaces = interfaces
        self._found: dict[str, AnnouncedAgent] = {}
        self._changed: queue.Queue[tuple[str, bool] | None] = queue.Queue(MAX_WAITING)
        """Names, and whether they are there now. `None`: end."""
        self._said = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agents-nearby", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended yet."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Listen no more, without waiting for the thread's end."""
        self._closing.set()
        self._put(None)

    def close(self) -> None:
        """Stop, and wait for the thread's end: up to some seconds. May be called twice."""
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            import zeroconf
        except ModuleNotFoundError:
            self._post(PlanecastError(MISSING))
            return
        interfaces = self._interfaces or zeroconf.InterfaceChoice.All
        try:
            with zeroconf.Zeroconf(interfaces=interfaces) as network:
                browser = zeroconf.ServiceBrowser(network, SERVICE, handlers=[self._on_change])
                self._follow(network)
                browser.cancel()
        except (OSError, zeroconf.Error) as trouble:
            self._post(PlanecastError(f"the local network can't be listened to: {trouble!r}"))

    def _on_change(
        self, zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange"
    ) -> None:
        """Note what zeroconf's own thread tells by these names; that must not be held up."""
        del zeroconf, service_type
        self._put((name, state_change.name != "Removed"))

    def _put(self, change: tuple[str, bool] | None) -> None:
        try:
            self._changed.put_nowait(change)
        except queue.Full:  # a flood; whoever wants us to end has said so otherwise, too
            return

    def _follow(self, network: "Zeroconf") -> None:
        while not self._closing.is_set():
            try:
                change = self._changed.get(timeout=NOBODY_AFTER_S)
            except queue.Empty:
                if not self._said:
                    self._say([])
                continue
            if change is None or self._closing.is_set():
                return
            name, is_there = change
            before = dict(self._found)
            agent = self._ask(network, name) if is_there else None
            if agent is None:
                self._found.pop(name, None)
            elif name in self._found or len(self._found) < MAX_FOUND:
                self._found[name] = agent
            if self._found != before and not self._closing.is_set():
                self._say(sorted(self._found.values()))

    def _say(self, found: list[AnnouncedAgent]) -> None:
        self._said = True
        self._post(found)

    def _ask(self, network: "Zeroconf", name: str) -> AnnouncedAgent | None:
        info = network.get_service_info(SERVICE, name, timeout=ASK_MS)
        if info is None or not info.port:
            return None
        hosts = tuple(info.parsed_addresses())
        return AnnouncedAgent.of_record(hosts, info.port, info.properties)

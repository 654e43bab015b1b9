"""Tells the local network where this agent can be reached, if its operator wants that."""

import importlib.metadata
import ipaddress
import logging
import socket
import threading
from collections.abc import Sequence

from planecast_protocol.discovery import MISSING, SERVICE, AnnouncedAgent
from planecast_protocol.endpoints import split_tcp
from planecast_protocol.errors import EndpointError, PlanecastError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guest_list import id_prefix
from planecast_protocol.limits import MAX_NAME_CHARS

_MAX_LABEL_BYTES = 63
"""A part of a name in DNS."""

logger = logging.getLogger(__name__)


class Announcement:
    """Announces one address until it is closed, in a thread of its own.

    The agent waits for none of it: to look whether a name is free takes more than a second.
    """

    def __init__(
        self, address: str, keys: KeyFolder, interfaces: Sequence[str] | None = None
    ) -> None:
        """Begin. `address` is where the agent listens for other machines.

        `interfaces` are addresses of this machine, on whose networks to say it; by default, all
        at which it listens. Raises `PlanecastError` without zeroconf, and `EndpointError` for an
        address that other machines can't reach.
        """
        check_announceable(address)
        host, port = split_tcp(address)
        self._interfaces = list(interfaces or _reached_at(host))
        self.agent = AnnouncedAgent(
            name=socket.gethostname()[:MAX_NAME_CHARS],
            hosts=tuple(self._interfaces),
            port=port,
            version=importlib.metadata.version("planecast"),
            fingerprint=id_prefix(keys.own().public),
        )
        self._closing = threading.Event()
        self.announced = threading.Event()
        """Set when others can hear of it."""
        self._thread = threading.Thread(target=self._run, name="announcement", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take it back, and wait until that is said. May be called twice."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        import zeroconf

        agent = self.agent
        host = agent.name.partition(".")[0]
        instance = f"{host}-{agent.port}".encode()[-_MAX_LABEL_BYTES:].decode("utf-8", "ignore")
        try:
            with zeroconf.Zeroconf(interfaces=self._interfaces) as network:
                info = zeroconf.ServiceInfo(
                    SERVICE,
                    f"{instance}.{SERVICE}",
                    port=agent.port,
                    parsed_addresses=list(agent.hosts),
                    properties=agent.texts(),
                    server=f"{host}.local.",
                )
                network.register_service(info, allow_name_change=True)
                logger.info("announced on the local network as %s", agent.name)
                self.announced.set()
                self._closing.wait()
        except (OSError, zeroconf.Error) as trouble:
            # A network that can't carry it is no reason to end an acquisition's agent.
            logger.warning("the agent is not announced on the local network: %r", trouble)


def check_announceable(address: str) -> None:
    """Raise `PlanecastError` with the way out if an agent can't be announced."""
    if not address:
        raise EndpointError(
            "--announce: other machines can't reach this agent, so there is nothing to announce; "
            "give it an address for them, with keys: planecast agent --address tcp://*:5810 "
            "--announce"
        )
    try:
        import zeroconf  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise PlanecastError(f"--announce: {MISSING}") from None


def _reached_at(host: str) -> list[str]:
    """Return this machine's addresses at which an agent that listens at `host` is reached."""
    import ifaddr  # zeroconf brings it

    if host in ("*", "0.0.0.0"):  # noqa: S104 - only compared
        found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
        return [ip for ip in map(str, found) if not ipaddress.ip_address(ip).is_loopback]
    try:
        bare = host.strip("[]")
        return [str(found[4][0]) for found in socket.getaddrinfo(bare, 0, type=socket.SOCK_STREAM)]
    except OSError as trouble:
        raise EndpointError(
            f"--announce: {host} is no address of this machine: {trouble}"
        ) from None

"""What agents announce on the local network, if asked to, and what others make of it.

Anybody on that network can announce anything: it says where to knock, and never whom to trust.
That is said by the keys alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from planecast_protocol.keys.guest_list import id_prefix
from planecast_protocol.limits import MAX_NAME_CHARS

SERVICE = "_planecast._tcp.local."
"""Of DNS-SD (RFC 6763)."""
EXTRA = "discovery"
MISSING = "this needs zeroconf, which is not installed: pip install 'planecast[discovery]'"
MAX_FOUND = 256
"""Agents that are listed; whoever floods the network with names is not followed."""


@dataclass(frozen=True, order=True)
class AnnouncedAgent:
    """An agent of another machine, as it says of itself."""

    name: str
    """Of its machine."""
    hosts: tuple[str, ...]
    """By which it can be reached: addresses, the best first."""
    port: int
    version: str = ""
    """Of planecast."""
    fingerprint: str = ""
    """Of the public key that its machine claims to have."""

    @property
    def address(self) -> str:
        """Where to reach it, by the first of its hosts."""
        host = self.hosts[0] if self.hosts else self.name
        return f"tcp://{f'[{host}]' if ':' in host else host}:{self.port}"

    def texts(self) -> dict[str, str]:
        """Return what stands in its record (TXT). No secret, and nothing of what is acquired."""
        return {"name": self.name, "version": self.version, "key": self.fingerprint}

    @classmethod
    def of_record(
        cls, hosts: tuple[str, ...], port: int, texts: Mapping[bytes, bytes | None]
    ) -> "AnnouncedAgent":
        """Return what a record says, within our bounds; anybody may have written it."""

        def text(name: bytes) -> str:
            said = (texts.get(name) or b"").decode("utf-8", "replace")
            return "".join(sign for sign in said if sign.isprintable())[:MAX_NAME_CHARS]

        name = text(b"name") or (hosts[0] if hosts else "?")
        return cls(name, hosts, port, text(b"version"), text(b"key"))


def trusted_address(agent: AnnouncedAgent, servers: Mapping[str, bytes]) -> str | None:
    """Return by which address to reach an agent, if the key that it claims is trusted here.

    `servers` is the list of trusted machines. What it claims may be a lie, which the connection
    finds out: without the key itself it does not come about.
    """
    for host, key in servers.items():
        if id_prefix(key) != agent.fingerprint:
            continue
        if not _has_port(host):
            return f"tcp://{host}:{agent.port}"
        if host.rpartition(":")[2] == str(agent.port):
            return f"tcp://{host}"
    return None


def _has_port(host: str) -> bool:
    name, _colon, port = host.rpartition(":")
    return bool(name) and port.isdecimal() and (":" not in name or name.endswith("]"))

"""Where agent and worker listen, and which addresses may be used.

Loopback and files of the own user by default. Any other address needs keys, and until a
program has them it refuses to bind there.
"""

import ipaddress
import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from planecast_protocol.configuration import configuration
from planecast_protocol.errors import EndpointError

MAX_SOCKET_PATH = 100
"""Linux allows 107 bytes in the path of a Unix socket; a suffix needs some."""


def runtime_dir() -> Path:
    """Return the folder of sockets and locks, private to this user; make it if needed.

    The configured one, else `$XDG_RUNTIME_DIR/planecast`, else a folder in the temporary one.
    """
    named = configuration().folders.runtime
    session = os.environ.get("XDG_RUNTIME_DIR")
    if named:
        folder = Path(named)
    elif session and Path(session).is_dir():
        folder = Path(session) / "planecast"
    else:
        import tempfile  # it brings ten modules, and controllers start with this one

        user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
        folder = Path(tempfile.gettempdir()) / f"planecast-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        found = folder.stat()
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise EndpointError(
                f"{folder}: others could put sockets there (owner {found.st_uid}, mode "
                f"{stat.S_IMODE(found.st_mode):o}); chmod 700 it or set PLANECAST_RUNTIME_DIR"
            )
    return folder


class AgentAddress(NamedTuple):
    """Both sockets of an agent, by the one address that people use."""

    door: str
    bell: str

    @classmethod
    def parse(cls, address: str) -> "AgentAddress":
        """Return where to connect to, in order to speak with the agent at `address`.

        Raises `EndpointError`: also for an agent of another machine whose key is not known.
        """
        # That module needs this one.
        from planecast_protocol.keys.trust import client_keys

        parsed = cls.listening(address)
        client_keys(parsed.door)
        return parsed

    @classmethod
    def listening(cls, address: str) -> "AgentAddress":
        """`tcp://host:port` has its bell at port + 1; `ipc://path` at `path.bell`."""
        if address.startswith("tcp://"):
            host, port = split_tcp(address)
            if port >= 65535:
                raise EndpointError(f"{address}: the bell needs port {port + 1}; use a lower port")
            return cls(f"tcp://{host}:{port}", f"tcp://{host}:{port + 1}")
        if address.startswith("ipc://"):
            _check_socket_path(address, address.removeprefix("ipc://"))
            return cls(f"{address}.door", f"{address}.bell")
        raise EndpointError(f"{address!r}: an agent's address is tcp://HOST:PORT or ipc://PATH")


def default_agent_address() -> str:
    """Return the configured one, else this user's agent on this machine."""
    named = configuration().agent.address
    if named:
        return named
    if sys.platform == "win32":  # the wheels of libzmq have no ipc there
        return "tcp://127.0.0.1:5810"
    return f"ipc://{runtime_dir() / 'agent'}"


def default_worker_address() -> str:
    """Return the configured one, else this user's worker on this machine."""
    named = configuration().reader.address
    if named:
        return named
    if sys.platform == "win32":
        return "tcp://127.0.0.1:5815"
    return f"unix://{runtime_dir() / 'worker'}"


def check_worker_address(address: str) -> None:
    """Raise `EndpointError` unless it is `unix://path` or `tcp://host:port`."""
    if address.startswith("unix://"):
        _check_socket_path(address, address.removeprefix("unix://"))
    elif address.startswith("tcp://"):
        split_tcp(address)
    else:
        raise EndpointError(f"{address!r}: a worker's address is unix://PATH or tcp://HOST:PORT")


def as_reached(worker: str, agent: str) -> str:
    """Return the address of an agent's worker, seen from where the agent was reached.

    The host `*`, which an agent tells other machines, is the host by which they reach it.
    """
    if not worker.startswith("tcp://*:") or not agent.startswith("tcp://"):
        return worker
    return f"tcp://{split_tcp(agent)[0]}:{split_tcp(worker)[1]}"


def split_tcp(address: str) -> tuple[str, int]:
    """Return (host, port) of `tcp://host:port`; an IPv6 host stays in its brackets."""
    host, colon, port = address.removeprefix("tcp://").rpartition(":")
    if not address.startswith("tcp://") or not colon or not host or not port.isdecimal():
        raise EndpointError(f"{address!r}: write tcp://HOST:PORT")
    if not 0 < int(port) < 65536:
        raise EndpointError(f"{address!r}: a port is 1 to 65535")
    return host, int(port)


def leaves_machine(address: str) -> bool:
    """Tell whether other machines could be on the other end of an address.

    Raises `EndpointError` for a malformed one.
    """
    if not address.startswith("tcp://"):
        return False
    host, _port = split_tcp(address)
    bare = host.strip("[]")
    try:
        return not ipaddress.ip_address(bare).is_loopback
    except ValueError:  # a name may resolve to anything
        return bare != "localhost"


def require_loopback(address: str) -> None:
    """Raise `EndpointError` for an address that other machines could reach."""
    if leaves_machine(address):
        raise EndpointError(
            f"{address}: refusing to listen where other machines can reach it without keys; "
            "listen on tcp://127.0.0.1:PORT and forward that port (ssh -L), which also encrypts"
        )


def _check_socket_path(address: str, path: str) -> None:
    if not path.startswith("/") or len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise EndpointError(
            f"{address}: needs an absolute path of at most {MAX_SOCKET_PATH} bytes "
            "(set PLANECAST_RUNTIME_DIR to a short folder)"
        )

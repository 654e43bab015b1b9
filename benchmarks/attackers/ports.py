"""Where an agent and a worker can be reached, and raw connections to there."""

import json
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

PATIENCE_S = 2.0


@dataclass(frozen=True)
class Ports:
    """Every place that listens. The keyed ones are for other machines."""

    host: str
    door: int
    """Keyed, of the agent; its bell is one above."""
    gateway: int
    """Keyed, of the worker."""
    plain: int
    """The worker's, for this machine, on 127.0.0.1."""
    unix: tuple[str, ...]
    """The agent's door and bell, and the worker's stream, for this machine."""

    @property
    def keyed(self) -> tuple[int, ...]:
        """The ports that other machines can reach."""
        return (self.door, self.door + 1, self.gateway)

    def places(self) -> list[tuple[str, int] | str]:
        """Return every address, as `connect` takes it."""
        tcp = [(self.host, port) for port in self.keyed]
        return [*tcp, ("127.0.0.1", self.plain), *self.unix]

    def to_text(self) -> str:
        """Return it as another process reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> "Ports":
        """Return what `to_text` wrote."""
        found = json.loads(text)
        return cls(**{**found, "unix": tuple(found["unix"])})


def connect(place: tuple[str, int] | str, receive_bytes: int = 0) -> socket.socket:
    """Open a connection, with a small buffer if one is given. Raises `OSError`."""
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    stream = socket.socket(family)
    try:
        if receive_bytes:  # before the connection, which agrees on the window
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        stream.settimeout(PATIENCE_S)
        stream.connect(place)
    except OSError:
        stream.close()
        raise
    return stream


def free_ports(n: int) -> int:
    """Return the first of `n` ports in a row that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        with ExitStack() as held:
            try:
                for port in range(first, first + n):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except (OSError, OverflowError):
                continue
            return first


def unix_sockets(folder: Path) -> tuple[str, ...]:
    """Return those of an agent at `ipc://FOLDER/a` and a worker at `unix://FOLDER/w`."""
    return (f"{folder}/a.door", f"{folder}/a.bell", f"{folder}/w")

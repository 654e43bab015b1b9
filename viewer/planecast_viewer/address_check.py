"""Finds out why no agent answers at an address: a wrong name, nobody there, somebody else."""

import socket
import threading

from PySide6.QtCore import QObject, QTimer

from planecast_protocol.endpoints import split_tcp
from planecast_protocol.errors import EndpointError
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.session import Session

LOOK_EVERY_MS = 3000
CONNECT_TIMEOUT_S = 2.0
SOMEBODY = "something listens there, but it is no agent of planecast, or it hangs"


class AddressCheck(QObject):
    """Looks every 3 s while the agent does not answer, and tells the session. GUI thread only.

    In a thread: a name may take a minute to resolve. That thread is not waited for.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._looking = False
        self._found = Mailbox(parent=self)
        self._found.delivered.connect(self._on_found)
        self._timer = QTimer(self, interval=LOOK_EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def close(self) -> None:
        """Look no more. May be called twice."""
        self._timer.stop()

    def look(self) -> None:
        """Begin to look, if the agent does not answer and nobody is looking."""
        address = self._session.agent_address
        if address is None or self._session.link_state.state == "live":
            self._session.set_agent_trouble("")
        elif not self._looking:
            self._looking = True
            threading.Thread(
                target=self._look, args=(address,), name="address-check", daemon=True
            ).start()

    def _look(self, address: str) -> None:
        self._found.post((address, why_no_agent(address)))

    def _on_found(self, found: list[tuple[str, str]]) -> None:
        self._looking = False
        address, why = found[-1]
        if address == self._session.agent_address and self._session.link_state.state != "live":
            self._session.set_agent_trouble(why)


def is_local(address: str) -> bool:
    """Tell whether an agent at this address is to be started on this machine."""
    return address.startswith(("ipc://", "tcp://127.", "tcp://localhost:", "tcp://[::1]:"))


def why_no_agent(address: str) -> str:
    """Return why no agent answers there, in words. Takes seconds where a network is slow."""
    if address.startswith("ipc://"):
        return _why_not_ipc(address.removeprefix("ipc://"))
    try:
        host, port = split_tcp(address)
    except EndpointError as trouble:
        return trouble.message
    try:
        with socket.create_connection((host.strip("[]"), port), CONNECT_TIMEOUT_S):
            return SOMEBODY
    except OSError as trouble:
        return _why_not_tcp(host, port, trouble)


def _why_not_tcp(host: str, port: int, trouble: OSError) -> str:
    match trouble:
        case socket.gaierror():
            return f"there is no computer named {host}"
        case ConnectionRefusedError():
            return f"nobody listens at port {port} of {host}"
        case TimeoutError():
            return f"{host} does not answer: it is off, or a firewall is between"
    return f"{host} can't be reached: {trouble.strerror or trouble}"


def _why_not_ipc(path: str) -> str:
    if not hasattr(socket, "AF_UNIX"):
        return "this system has no such addresses; use tcp://"
    try:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(CONNECT_TIMEOUT_S)
            stream.connect(path)
            return SOMEBODY
    except FileNotFoundError:
        return "no agent was started there"
    except ConnectionRefusedError:
        return "the agent that was there has ended"
    except PermissionError:
        return "it belongs to another user"
    except OSError as trouble:
        return trouble.strerror or str(trouble)

"""Who may do what at the agent's door: the one place where that is decided."""

import logging
from collections.abc import Callable, Mapping

from planecast_protocol.agent_messages import Farewell, Hello, Publish
from planecast_protocol.command_messages import CommandOutcome, SendCommand, TakeCommand
from planecast_protocol.errors import NotPermittedError
from planecast_protocol.keys.guest_list import id_prefix
from planecast_protocol.keys.guests import Guest, Role
from planecast_protocol.messages import AnyMessage
from planecast_protocol.retention_messages import ForgetAcquisition
from planecast_protocol.state_messages import ControllerReport, PartBeat

LOCAL = ""
"""The user of a connection without a key: whoever can reach a loopback or file address."""
EVERYTHING: Mapping[str, frozenset[Role]] = {LOCAL: frozenset({"publish", "view", "command"})}
NO_COMMANDS: Mapping[str, frozenset[Role]] = {LOCAL: frozenset({"publish", "view"})}

logger = logging.getLogger(__name__)


def role_of(message: AnyMessage) -> Role:
    """Return the role that sending this takes."""
    match message:
        case Hello() | Publish() | ControllerReport() | TakeCommand() | CommandOutcome():
            return "publish"
        case ForgetAcquisition():
            return "publish"
        case PartBeat(part=part) if part.kind != "viewer":
            return "publish"
        case SendCommand():
            return "command"
        case _:
            return "view"


def sender_of(message: AnyMessage) -> str | None:
    """Return the id of the program in whose name a message speaks; None: in nobody's."""
    match message:
        case Hello(publisher=sender) | Publish(publisher=sender) | Farewell(publisher=sender):
            return sender
        case ControllerReport(controller=sender) | TakeCommand(controller=sender):
            return sender
        case CommandOutcome(controller=sender):
            return sender
        case PartBeat(part=part):
            return part.part
        case _:
            return None


class Roles:
    """What each user may do. Belongs to the agent's thread."""

    def __init__(
        self,
        granted: Mapping[str, frozenset[Role]],
        guests: Callable[[], Mapping[str, Guest]] = dict,
        withheld: frozenset[Role] = frozenset(),
    ) -> None:
        """`guests`, who come with keys, by name; `withheld`: what none of them may do here."""
        self._granted = granted
        self._guests = guests
        self._withheld = withheld
        self._warned: set[tuple[str, str]] = set()

    def may(self, user: str, role: Role) -> bool:
        """Tell whether the user has the role."""
        guest = self._guests().get(user)
        if guest is not None:
            return role in guest.may - self._withheld
        return role in self._granted.get(user, frozenset())

    def check(self, user: str, message: AnyMessage) -> None:
        """Raise `NotPermittedError` for a message that its sender may not send."""
        role = role_of(message)
        who = f"the key of {user}" if user else "who comes without a key"
        if not self.may(user, role):
            why = f"{who} may not {role} here; the agent's operator can allow it"
            raise self._refusal(user, role, why)
        guest, sender = self._guests().get(user), sender_of(message)
        if guest is not None and sender and not sender.startswith(id_prefix(guest.key)):
            why = f"{who} may not write as {sender}: that id belongs to another key"
            raise self._refusal(user, "id", why)

    def _refusal(self, user: str, what: str, why: str) -> NotPermittedError:
        if (user, what) not in self._warned:
            # Once each: who goes on asking must not fill the disk with our log.
            self._warned.add((user, what))
            logger.warning("refused: %s", why)
        return NotPermittedError(why)

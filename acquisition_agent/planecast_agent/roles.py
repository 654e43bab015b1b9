"""Who may do what at the agent's door: the one place where that is decided."""

import logging
from collections.abc import Mapping
from typing import Literal

from planecast_protocol.agent_messages import (
    Hello,
    Publish,
)
from planecast_protocol.command_messages import CommandOutcome, SendCommand, TakeCommand
from planecast_protocol.errors import NotPermittedError
from planecast_protocol.messages import AnyMessage
from planecast_protocol.retention_messages import ForgetAcquisition
from planecast_protocol.state_messages import ControllerReport

Role = Literal["publish", "view", "command"]
"""`publish`: be a controller. `view`: read and be seen. `command`: have controllers do things."""
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
        case SendCommand():
            return "command"
        case _:
            return "view"


class Roles:
    """What each user may do. Belongs to the agent's thread."""

    def __init__(self, granted: Mapping[str, frozenset[Role]]) -> None:
        self._granted = granted
        self._warned: set[tuple[str, Role]] = set()

    def may(self, user: str, role: Role) -> bool:
        """Tell whether the user has the role."""
        return role in self._granted.get(user, frozenset())

    def check(self, user: str, message: AnyMessage) -> None:
        """Raise `NotPermittedError` for a message that its sender may not send."""
        role = role_of(message)
        if self.may(user, role):
            return
        who = f"the key of {user}" if user else "who comes without a key"
        why = f"{who} may not {role} here; the agent's operator can allow it"
        if (user, role) not in self._warned:
            # Once each: who goes on asking must not fill the disk with our log.
            self._warned.add((user, role))
            logger.warning("refused: %s", why)
        raise NotPermittedError(why)

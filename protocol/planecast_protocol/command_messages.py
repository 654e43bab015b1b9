"""Commands to controllers: what one accepts, how it is asked, and how it answers.

A command waits in the agent until its controller takes it, so that an order never lies in a
socket's queue and is carried out late.
"""

from typing import Annotated, Literal

import msgspec

from planecast_protocol.base import Message, PublisherId, RequestId, StoreId, Text
from planecast_protocol.limits import MAX_ARGUMENTS, MAX_CHOICES, MAX_COMMAND_S, MAX_NAME_CHARS
from planecast_protocol.values import Finite, Scalar, Value

CommandId = PublisherId
"""128 random bits, chosen by whoever sends the command."""
CommandName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[A-Za-z_]\w*$")
]
"""Of a command, and of an argument: a Python identifier."""
Arguments = Annotated[dict[CommandName, Scalar], msgspec.Meta(max_length=MAX_ARGUMENTS)]
Outcome = Literal["done", "refused", "failed", "timeout", "lost"]
"""`refused`: it was not begun, and will not be. `failed`: its handler raised. `timeout` and
`lost` say in `why` whether it was begun; a `lost` one may have been carried out."""

# ---------------------------------------------------------------- what a controller accepts


class ArgumentSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One argument of a command: enough to check it, and to draw its field in a form."""

    name: CommandName
    kind: Literal["int", "float", "str", "bool", "choice"]
    choices: Annotated[list[Scalar], msgspec.Meta(max_length=MAX_CHOICES)] = []
    """What may be chosen; only for `choice`."""
    required: bool = True
    default: Scalar = None
    """What the handler takes if the argument is not given; only if it is not required."""
    minimum: Finite | None = None
    maximum: Finite | None = None
    text: Text = ""


class CommandSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command that a controller has a handler for."""

    name: CommandName
    arguments: Annotated[list[ArgumentSpec], msgspec.Meta(max_length=MAX_ARGUMENTS)] = []
    text: Text = ""
    """What it does, for people."""
    confirm: bool = False
    """Something moves: ask before sending it."""


# ---------------------------------------------------------------- sender to agent, and back


class SendCommand(Message, frozen=True, kw_only=True, tag="command"):
    """Have a controller do something. Sent again, with the same id, until it is answered."""

    request: RequestId
    command: CommandId
    boot: StoreId
    """The agent's, from `StateSnapshot`; after its restart the answer is `lost`."""
    expires_at_s: Finite
    """By the agent's clock, `StateSnapshot.clock_s`. It is not begun later than that."""
    controller: PublisherId
    name: CommandName
    arguments: Arguments = msgspec.field(default_factory=dict)
    sender: Text = ""
    """Shown to people: who asks."""


class CommandAnswer(Message, frozen=True, kw_only=True, tag="command_answer"):
    """How a command ended."""

    request: RequestId
    command: CommandId
    boot: StoreId
    """Of the agent that answers: another one than `SendCommand.boot` did not know the command."""
    outcome: Outcome
    why: Text = ""
    value: Value = None
    """What the handler returned, if it was `done`."""


# ---------------------------------------------------------------- agent to controller, and back


class CommandWaiting(Message, frozen=True, kw_only=True, tag="command_waiting"):
    """A command waits: take it. Losing this is harmless, `ReportTaken` says it too."""


class TakeCommand(Message, frozen=True, kw_only=True, tag="take_command"):
    """A controller that is idle asks for the next command."""

    request: RequestId
    controller: PublisherId


class CommandOrder(Message, frozen=True, kw_only=True, tag="order"):
    """Answer to `TakeCommand`. The same one again until its outcome has come."""

    request: RequestId
    command: CommandId
    name: CommandName
    arguments: Arguments = msgspec.field(default_factory=dict)
    remaining_s: Annotated[float, msgspec.Meta(ge=0, le=MAX_COMMAND_S)]
    """Begin it no later than this after `TakeCommand` was sent, by the controller's clock."""
    sender: Text = ""


class NoCommand(Message, frozen=True, kw_only=True, tag="no_command"):
    """Answer to `TakeCommand`: nothing waits."""

    request: RequestId


class CommandOutcome(Message, frozen=True, kw_only=True, tag="outcome"):
    """How a command went. Sent again until `OutcomeTaken` comes."""

    controller: PublisherId
    command: CommandId
    outcome: Literal["done", "refused", "failed"]
    why: Text = ""
    value: Value = None


class OutcomeTaken(Message, frozen=True, kw_only=True, tag="outcome_taken"):
    """The agent knows how the command went."""

    command: CommandId


CommandMessage = (
    SendCommand
    | CommandAnswer
    | CommandWaiting
    | TakeCommand
    | CommandOrder
    | NoCommand
    | CommandOutcome
    | OutcomeTaken
)

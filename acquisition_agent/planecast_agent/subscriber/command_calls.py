"""Commands that were sent and are not answered yet.

Each is sent again until its answer comes, with the same id: the agent has it carried out once.
No socket and no clock in here.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from planecast_protocol.agent_messages import Refused
from planecast_protocol.command_messages import CommandAnswer, Outcome, SendCommand
from planecast_protocol.limits import HEARTBEAT_S, REQUEST_TIMEOUT_S
from planecast_protocol.messages import AnyMessage
from planecast_protocol.values import Scalar

GRACE_S = REQUEST_TIMEOUT_S
"""So long after its time was up the agent may say how a command ended."""

OnAnswer = Callable[[CommandAnswer], object]


@dataclass
class _Call:
    command: str
    controller: str
    name: str
    arguments: Mapping[str, Scalar]
    deadline: float
    on_answer: OnAnswer
    message: SendCommand | None = None
    """As it was sent; `None`: it was not sent yet."""
    n_sent: int = 0
    not_boot: str = ""
    """The agent that ended before it got this."""
    sent_at: float = float("-inf")


class CommandCalls:
    """Belongs to one thread."""

    def __init__(self, sender: str, requests: "count[int]") -> None:
        self._sender = sender
        self._requests = requests
        self._calls: dict[str, _Call] = {}

    def add(
        self,
        controller: str,
        name: str,
        arguments: Mapping[str, Scalar],
        deadline: float,
        on_answer: OnAnswer,
    ) -> None:
        """Send this command; `on_answer` is called once.

        That is `GRACE_S` after `deadline` at the latest.
        """
        command = secrets.token_hex(16)
        self._calls[command] = _Call(command, controller, name, arguments, deadline, on_answer)

    def due_at(self) -> float:
        """Return when there is something to do, if nothing arrives before."""
        return min(map(_due_at, self._calls.values()), default=float("inf"))

    def speak(self, now: float, boot: str, agent_clock_s: float) -> Iterator[SendCommand]:
        """Yield what to send now. `boot`: of the agent, empty while it was not heard."""
        for call in list(self._calls.values()):
            if call.message is None and now >= call.deadline:
                self._end(call, "refused", "the agent does not answer; the command was not sent")
            elif now >= call.deadline + GRACE_S:
                why = "the agent does not answer: it is not known whether it was carried out"
                self._end(call, "lost", why)
            elif now >= call.sent_at + HEARTBEAT_S and boot not in ("", call.not_boot):
                if call.message is None:
                    # The agent's clock is at least this far: the deadline is never too late.
                    expires_at_s = agent_clock_s + call.deadline - now
                    call.message = self._order(call, boot, expires_at_s)
                call.sent_at = now
                call.n_sent += 1
                yield call.message

    def listen(self, message: AnyMessage) -> None:
        """Take one message from the agent."""
        match message:
            case CommandAnswer():
                call = self._calls.get(message.command)
                if call is not None and not self._may_go_to_another(call, message):
                    del self._calls[call.command]
                    call.on_answer(message)
            case Refused():
                for call in list(self._calls.values()):
                    if call.message is not None and call.message.request == message.request:
                        self._end(call, "refused", message.why)

    def _may_go_to_another(self, call: _Call, answer: CommandAnswer) -> bool:
        """Tell whether no agent took the command; it is then sent to the one that answers."""
        sent = call.message
        # It was sent once, and that came to an agent which did not know it: no other has it.
        if answer.outcome != "lost" or sent is None or call.n_sent > 1 or answer.boot == sent.boot:
            return False
        call.message, call.n_sent, call.not_boot = None, 0, sent.boot
        call.sent_at = float("-inf")
        return True

    def _order(self, call: _Call, boot: str, expires_at_s: float) -> SendCommand:
        return SendCommand(
            request=next(self._requests),
            command=call.command,
            boot=boot,
            expires_at_s=expires_at_s,
            controller=call.controller,
            name=call.name,
            arguments=dict(call.arguments),
            sender=self._sender,
        )

    def _end(self, call: _Call, outcome: Outcome, why: str) -> None:
        del self._calls[call.command]
        answer = CommandAnswer(request=0, command=call.command, boot="", outcome=outcome, why=why)
        call.on_answer(answer)


def _due_at(call: _Call) -> float:
    if call.message is None:  # for want of an agent
        return call.deadline
    return min(call.sent_at + HEARTBEAT_S, call.deadline + GRACE_S)

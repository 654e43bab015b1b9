"""What a controller has to say to its agent, and what the agent's answers mean.

One report is under way at a time, and it has everything that the agent does not have yet:
whatever was lost on the way, the next one mends. No socket and no clock in here.
"""

from itertools import count

from planecast_agent.command_runner import CommandRunner
from planecast_agent.state_book import StateBook
from planecast_protocol.agent_messages import Refused
from planecast_protocol.command_messages import (
    CommandOrder,
    CommandOutcome,
    CommandWaiting,
    NoCommand,
    OutcomeTaken,
    TakeCommand,
)
from planecast_protocol.limits import HEARTBEAT_S, RECONNECT_AFTER_S, RESEND_AFTER_S
from planecast_protocol.messages import AnyMessage
from planecast_protocol.state_messages import ControllerReport, Part, ReportTaken

REPORT_INTERVAL_S = 0.02
"""Values that are set more often than this travel together; of each name the last."""

Said = ControllerReport | TakeCommand | CommandOutcome


class ControllerDialogue:
    """Where a controller stands with its agent. Belongs to the link's thread."""

    def __init__(self, part: Part, book: StateBook, runner: CommandRunner) -> None:
        self._part = part
        self._book = book
        self._runner = runner
        self._requests = count(1)
        self._acked = 0
        """Revision of the book that the agent has."""
        self._report: ControllerReport | None = None
        """The one that was not answered yet."""
        self._reported_at = self._took_at = self._told_at = float("-inf")
        self._pause_until = float("-inf")
        self._take: TakeCommand | None = None
        self._command_waits = False
        self._begun = ""
        self._outcome: CommandOutcome | None = None
        """Of the last command, until the agent has it."""
        self.alarm = ""
        """Why the agent does not take what we say; empty: it does."""

    @property
    def settled(self) -> bool:
        """Whether the agent has everything."""
        return self._acked >= self._book.revision and not self._begun and self._outcome is None

    def speak(self, now: float) -> list[Said]:
        """Return what is to be said now."""
        said: list[Said] = []
        if now >= self._report_at():
            said.append(self._next_report(now))
        self._look_at_runner()
        if self._outcome is not None and now >= self._told_at + RESEND_AFTER_S:
            self._told_at = now
            said.append(self._outcome)
        if self._may_take() and now >= self._took_at + RESEND_AFTER_S:
            self._took_at = now
            self._take = TakeCommand(request=next(self._requests), controller=self._part.part)
            said.append(self._take)
        return said

    def patience_s(self, now: float) -> float:
        """Return how long there will be nothing to say, if nothing happens."""
        if self._begun and self._runner.outcome(self._begun) is not None:
            return 0.0
        due = [self._report_at()]
        if self._outcome is not None:
            due.append(self._told_at + RESEND_AFTER_S)
        if self._may_take():
            due.append(self._took_at + RESEND_AFTER_S)
        return max(0.0, min(due) - now)

    def listen(self, message: AnyMessage, now: float) -> None:
        """Take one message from the agent."""
        match message:
            case ReportTaken() if self._report and message.request == self._report.request:
                self._on_report_taken(message, now)
            case CommandWaiting():
                self._command_waits = True
                if self._take is None:
                    self._took_at = float("-inf")
            case NoCommand() if self._take and message.request == self._take.request:
                self._command_waits, self._take = False, None
            case CommandOrder() if self._take and message.request == self._take.request:
                self._take = None
                self._on_order(message)
            case OutcomeTaken() if self._outcome and message.command == self._outcome.command:
                self._outcome = None
                self._command_waits = True  # perhaps: asking costs less than waiting
                self._took_at = float("-inf")
            case Refused():
                self.alarm = f"refused by the agent: {message.why}"
                self._pause_until = now + RECONNECT_AFTER_S
            case _:  # an answer to an older question
                pass

    def _report_at(self) -> float:
        has_news = self._report is None and self._book.revision > self._acked
        interval_s = REPORT_INTERVAL_S if has_news else HEARTBEAT_S
        return max(self._reported_at + interval_s, self._pause_until)

    def _next_report(self, now: float) -> ControllerReport:
        revision, values, commands = self._book.since(self._acked)
        self._reported_at = now
        self._report = ControllerReport(
            request=next(self._requests),
            controller=self._part.part,
            name=self._part.name,
            host=self._part.host,
            pid=self._part.pid,
            after=self._acked,
            revision=revision,
            values=values,
            commands=commands,
        )
        return self._report

    def _on_report_taken(self, answer: ReportTaken, now: float) -> None:
        self._report = None
        self._acked = answer.revision
        self._command_waits |= answer.command_waits
        self.alarm = answer.why
        if answer.why:
            self._pause_until = now + HEARTBEAT_S

    def _may_take(self) -> bool:
        return self._command_waits and self._outcome is None and self._runner.idle

    def _on_order(self, order: CommandOrder) -> None:
        # The agent counted the time left after we asked: counted from there it is never too long.
        known = self._runner.take(order, self._took_at + order.remaining_s)
        if known is None:
            self._begun = order.command
        else:
            self._outcome, self._told_at = known, float("-inf")

    def _look_at_runner(self) -> None:
        if self._begun and (outcome := self._runner.outcome(self._begun)) is not None:
            self._begun, self._outcome, self._told_at = "", outcome, float("-inf")

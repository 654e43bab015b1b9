"""What a sender does about commands that are not answered: no socket, no clock."""

from itertools import count

import pytest

from planecast_agent.subscriber.command_calls import GRACE_S, CommandCalls
from planecast_protocol.agent_messages import Refused
from planecast_protocol.command_messages import CommandAnswer, Outcome, SendCommand
from planecast_protocol.limits import HEARTBEAT_S

CONTROLLER = "ab" * 16


class Sender:
    """Sends one command that may take 5 s, at second 100 of its own clock."""

    def __init__(self) -> None:
        self.calls = CommandCalls("a test", count(1))
        self.answers: list[CommandAnswer] = []
        self.calls.add(CONTROLLER, "go", {"x": 1}, 105.0, self.answers.append)

    def said(
        self, now: float, boot: str = "first", agent_clock_s: float = 7.0
    ) -> list[SendCommand]:
        return list(self.calls.speak(now, boot, agent_clock_s))

    def hear(self, order: SendCommand, outcome: Outcome, boot: str = "first") -> None:
        self.calls.listen(
            CommandAnswer(request=order.request, command=order.command, boot=boot, outcome=outcome)
        )


@pytest.fixture
def sender() -> Sender:
    return Sender()


def test_the_deadline_is_by_the_agents_clock(sender: Sender):
    (order,) = sender.said(101.0, agent_clock_s=7.0)

    assert order.expires_at_s == 11.0
    assert order.arguments == {"x": 1}
    assert order.sender == "a test"


def test_it_is_sent_again_as_it_was(sender: Sender):
    (order,) = sender.said(100.0)
    assert sender.said(100.0 + HEARTBEAT_S / 2) == []
    assert sender.calls.due_at() == 100.0 + HEARTBEAT_S

    assert sender.said(100.0 + HEARTBEAT_S, agent_clock_s=7.6) == [order]


def test_an_answer_comes_once(sender: Sender):
    (order,) = sender.said(100.0)
    sender.hear(order, "done")
    sender.hear(order, "done")

    assert [answer.outcome for answer in sender.answers] == ["done"]
    assert sender.said(101.0) == []
    assert sender.calls.due_at() == float("inf")


def test_without_an_agent_it_is_not_sent(sender: Sender):
    assert sender.said(100.0, boot="") == []
    assert sender.calls.due_at() == 105.0
    assert sender.said(105.0, boot="") == []

    assert sender.answers[0].outcome == "refused"
    assert "was not sent" in sender.answers[0].why


def test_an_agent_that_never_answers_leaves_it_unknown(sender: Sender):
    sender.said(100.0)
    sender.said(105.0 + GRACE_S)

    assert sender.answers[0].outcome == "lost"
    assert "it is not known" in sender.answers[0].why


def test_what_only_the_successor_got_is_sent_to_the_successor(sender: Sender):
    (order,) = sender.said(100.0)
    sender.hear(order, "lost", boot="second")

    assert sender.answers == []
    assert sender.said(100.1, boot="first") == []
    (again,) = sender.said(100.2, boot="second")
    assert (again.command, again.boot) == (order.command, "second")
    sender.hear(again, "done", boot="second")
    assert [answer.outcome for answer in sender.answers] == ["done"]


def test_what_the_first_agent_may_have_got_is_lost(sender: Sender):
    sender.said(100.0)
    (order,) = sender.said(101.0)
    sender.hear(order, "lost", boot="second")

    assert [answer.outcome for answer in sender.answers] == ["lost"]


def test_what_is_lost_with_its_controller_is_not_sent_again(sender: Sender):
    (order,) = sender.said(100.0)
    sender.hear(order, "lost", boot="first")

    assert [answer.outcome for answer in sender.answers] == ["lost"]


def test_a_refusal_of_the_agent_is_the_answer(sender: Sender):
    (order,) = sender.said(100.0)
    sender.calls.listen(Refused(request=order.request + 1, code="NotPermittedError", why="other"))
    assert sender.answers == []

    sender.calls.listen(Refused(request=order.request, code="NotPermittedError", why="you may not"))

    assert (sender.answers[0].outcome, sender.answers[0].why) == ("refused", "you may not")

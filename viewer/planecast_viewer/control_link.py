"""Follows controllers through the agent, and hands what is known over to the GUI thread."""

import os
import socket
import time
from collections.abc import Callable

from PySide6.QtCore import QTimer

from planecast_agent.subscriber.control_follower import ControlFollower
from planecast_protocol.command_messages import CommandAnswer
from planecast_protocol.keys.trust import new_id
from planecast_protocol.state_messages import Part
from planecast_viewer.command_wish import CommandWish
from planecast_viewer.link import DISPLAY_INTERVAL_S, AgentLink
from planecast_viewer.mailbox import Mailbox
from planecast_viewer.session import Session

LIFE_EVERY_MS = 250
HANGS_AFTER_S = 1.5
"""A window that did nothing for so long sends no heartbeats: others see it as silent."""


class ControlLink:
    """State up, commands down, and a heartbeat of ours. GUI thread; the follower has its own."""

    def __init__(self, address: str, session: Session, link: AgentLink) -> None:
        self._session = session
        self._link = link
        self._identity = new_id(address)
        self._host = socket.gethostname()
        self._changes = Mailbox(DISPLAY_INTERVAL_S)
        self._changes.delivered.connect(self._on_changed)
        self._answers = Mailbox()
        self._answers.delivered.connect(self._on_answered)
        self._follower = ControlFollower(
            address,
            on_change=self._post_change,
            introduce=self._introduce,
            sender=f"viewer on {self._host}, process {os.getpid()}",
        )
        session.command_wanted.connect(self._send)
        self._alive_at = time.monotonic()
        """When the GUI thread was last seen at work."""
        self._life = QTimer(interval=LIFE_EVERY_MS)
        self._life.timeout.connect(self._on_alive)
        self._life.start()

    def start(self) -> None:
        """Begin to listen."""
        self._follower.start()

    def close(self) -> None:
        """End the follower's thread. May be called twice."""
        self._life.stop()
        self._follower.close()

    # ------------------------------------------------------------ in the follower's thread

    def _introduce(self) -> Part | None:
        if time.monotonic() - self._alive_at > HANGS_AFTER_S:
            return None
        return Part(
            part=self._identity,
            kind="viewer",
            name="planecast view",
            host=self._host[:128],
            pid=os.getpid(),
            shows=self._link.shows,
            behind=self._link.behind,
        )

    def _post_change(self) -> None:
        # The newest picture is looked up when it is delivered: one that waits is enough.
        if not len(self._changes):
            self._changes.post(None)

    def _post_answer(self, wish: CommandWish) -> Callable[[CommandAnswer], None]:
        def post(answer: CommandAnswer) -> None:
            self._answers.post((wish, answer))

        return post

    # ------------------------------------------------------------ in the GUI thread

    def _on_alive(self) -> None:
        self._alive_at = time.monotonic()

    def _on_changed(self, _changes: list[None]) -> None:
        self._session.set_control(self._follower.picture)

    def _on_answered(self, answers: list[tuple[CommandWish, CommandAnswer]]) -> None:
        for wish, answer in answers:
            self._session.take_command_answer(wish, answer)

    def _send(self, wish: CommandWish) -> None:
        self._follower.send(
            wish.controller, wish.name, wish.arguments, wish.timeout_s, self._post_answer(wish)
        )

"""Listens to the acquisition agent, and hands its news over to the GUI thread."""

from planecast_agent.subscriber.follower import Follower
from planecast_agent.subscriber.subscription import Subscription
from planecast_viewer.mailbox import Mailbox

DISPLAY_INTERVAL_S = 1 / 30
"""News are fetched, and the session is told of them, no more often than this."""


class AgentLink:
    """Follows one acquisition and posts its events, as `News`, into a mailbox.

    Construct in the GUI thread. The sockets live and die in the follower's own thread.
    """

    def __init__(self, address: str, acquisition: str | None = None) -> None:
        self.news = Mailbox(DISPLAY_INTERVAL_S)
        self._subscription = Subscription(acquisition)
        self._follower = Follower(
            address,
            self._subscription,
            self.news.post,
            self.news.__len__,
            pause_s=DISPLAY_INTERVAL_S,
        )

    @property
    def shows(self) -> str:
        """The id of the acquisition that is followed; empty: none. Any thread."""
        return self._subscription.current or ""

    @property
    def behind(self) -> int:
        """Events of that acquisition that were not fetched yet. Any thread."""
        return self._subscription.behind

    def start(self) -> None:
        """Begin to listen; `news` must be connected by now."""
        self._follower.start()

    def choose(self, acquisition: str) -> None:
        """Follow this acquisition instead. Any thread."""
        self._follower.choose(acquisition)

    def leave(self) -> None:
        """Follow nothing until one is chosen: a file is shown. Any thread."""
        self._follower.leave()

    def close(self) -> None:
        """End the thread and wait for it. May be called twice."""
        self._follower.close()

"""All that has come of one acquisition: what `join` shows to scripts."""

from planecast_agent.subscriber.news import (
    AcquisitionChosen,
    AcquisitionMissing,
    AcquisitionsListed,
    AgentNotice,
    LinkState,
    News,
    PlaneRows,
    Progress,
)
from planecast_agent.subscriber.plane_index import RegisteredPlanes
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.errors import AcquisitionError
from planecast_protocol.event_messages import EndAcquisition, StartAcquisition


class KnownEvents:
    """Takes the news of one acquisition. Its owner sees to one thread at a time."""

    def __init__(self) -> None:
        self.start: StartAcquisition | None = None
        self.planes: RegisteredPlanes | None = None
        """`None`: its start has not come yet."""
        self.end: EndAcquisition | None = None
        self.link = LinkState("connecting")
        self.notice = AgentNotice("", 0)
        self.trouble: AcquisitionError | None = None
        """Why nothing more will come."""
        self.epoch = 0
        """Counts how often all was void, since the agent's journal had to be filled anew."""
        self._listed: AcquisitionsListed | None = None
        self._progress = Progress(0, 1)

    @property
    def is_complete(self) -> bool:
        """Whether all that the agent has of it is here."""
        return self.planes is not None and self._progress.n_events >= self._progress.head

    @property
    def n_rows(self) -> int:
        """Registrations so far."""
        return 0 if self.planes is None else self.planes.n_rows

    def summary(self) -> AcquisitionSummary | None:
        """Return what the agent said of it last."""
        identity = None if self.start is None else self.start.acquisition
        return next((one for one in self._all_listed() if one.acquisition == identity), None)

    def take(self, news: News) -> None:
        """Take one item. What is not of an acquisition is of the agent."""
        match news:
            case PlaneRows() if self.planes is not None:
                self.planes.add(news)
            case StartAcquisition():
                self.start = news
                sizes = len(news.fov_labels), news.num_z, len(news.channels)
                self.planes = RegisteredPlanes(*sizes)
            case EndAcquisition():
                self.end = news
            case Progress():
                self._progress = news
            case AcquisitionChosen():
                self.epoch += self.planes is not None
                self.planes = self.end = None
                self._progress = Progress(0, 1)
            case _:
                self._take_of_agent(news)

    def _take_of_agent(self, news: News) -> None:
        match news:
            case AcquisitionsListed():
                self._listed = news
                if not news.acquisitions and self.start is None:
                    self.trouble = AcquisitionError("the agent has no acquisitions yet")
            case AcquisitionMissing():
                self.trouble = AcquisitionError(self._explain_missing(news.acquisition))
            case LinkState():
                self.link = news
            case AgentNotice():
                self.notice = news

    def _explain_missing(self, acquisition: str) -> str:
        if self.start is not None:
            return f"acquisition {acquisition} was forgotten by the agent"
        known = ", ".join(one.acquisition for one in self._all_listed()[-5:]) or "none"
        return f"the agent has no acquisition {acquisition!r}; the newest it has: {known}"

    def _all_listed(self) -> tuple[AcquisitionSummary, ...]:
        return () if self._listed is None else self._listed.acquisitions

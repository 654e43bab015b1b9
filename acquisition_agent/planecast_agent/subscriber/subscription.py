"""The cursor of a subscriber: what to ask the agent next, and what its answers mean.

Late join, gap, reconnect, slow viewer and agent restart are one code path: the cursor is
behind a head, so events are fetched from the cursor on. No socket and no clock in here.
"""

from collections.abc import Iterator

from planecast_agent.subscriber.news import (
    AcquisitionChosen,
    AcquisitionMissing,
    AcquisitionsListed,
    AgentNotice,
    News,
    PlaneRows,
    Progress,
)
from planecast_protocol.agent_messages import (
    AcquisitionList,
    AcquisitionSummary,
    AgentHeartbeat,
    Bell,
    CursorBeyond,
    EventChunk,
    FetchEvents,
    ListAcquisitions,
    Refused,
)
from planecast_protocol.columns import unpack
from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import EndAcquisition, ResumeAcquisition, StartAcquisition
from planecast_protocol.messages import AnyMessage, decode_event

Request = ListAcquisitions | FetchEvents


class Subscription:
    """Follows one acquisition, or the newest one. One request at a time."""

    def __init__(self, acquisition: str | None = None, *, no_other: bool = False) -> None:
        """Follow an acquisition by its id or name; `None`: the newest at the first listing.

        Where it is not there the newest is followed instead, unless `no_other`.
        """
        self._wish = acquisition
        self._no_other = no_other
        self._left = False
        self._expected = False
        """Whether the wish was there, but not in this log yet."""
        self.current: str | None = None
        self._next = 1
        """The first event of `current` that was not handed over yet."""
        self._log: str | None = None
        self._heads: dict[str, int] = {}
        self._summaries: dict[str, AcquisitionSummary] = {}
        self._worker = ""
        self._is_listed = False
        self._list_wanted = True
        self._stored = -1
        self._notice = AgentNotice("", 0)
        self._requests = 0
        self.outstanding: Request | None = None

    @property
    def behind(self) -> int:
        """Number of events that the agent has and that were not fetched yet. Any thread."""
        current = self.current
        return 0 if current is None else max(0, self._heads.get(current, 0) + 1 - self._next)

    def choose(self, acquisition: str) -> list[News]:
        """Follow this acquisition from its first event on."""
        self._wish, self._left = acquisition, False
        if acquisition == self.current:
            return []
        self.current, self._next, self.outstanding = acquisition, 1, None
        self._list_wanted |= acquisition not in self._heads
        return [AcquisitionChosen(acquisition)]

    def leave(self) -> None:
        """Follow nothing until one is chosen; what there is to choose is still told."""
        self._wish, self.current, self._left = None, None, True

    def next_request(self) -> Request | None:
        """Return what to send now, or nothing while an answer is out."""
        if self.outstanding is not None:
            return None
        if self._list_wanted:
            self._requests += 1
            self.outstanding = ListAcquisitions(request=self._requests)
        elif self.current is not None and self._heads.get(self.current, 0) >= self._next:
            self._requests += 1
            self.outstanding = FetchEvents(
                request=self._requests, acquisition=self.current, first=self._next
            )
        return self.outstanding

    def give_up(self) -> None:
        """Stop waiting for the answer that is out: ask anew, beginning with the list."""
        self.outstanding = None
        self._list_wanted = True

    # ------------------------------------------------------------ what the agent says

    def take(self, message: AnyMessage, payload: bytes) -> list[News]:
        """Return the news in a message of the agent's bell or door.

        Raises `BadMessageError` for a chunk that is damaged.
        """
        match message:
            case Bell():
                return [*self._of_log(message.log), *self._take_heads(message.heads)]
            case AgentHeartbeat():
                return [*self._of_log(message.log), *self._take_heartbeat(message)]
            case AcquisitionList() | EventChunk() | CursorBeyond() | Refused():
                return self._take_answer(message, payload)
        return []

    def _take_answer(
        self, message: AcquisitionList | EventChunk | CursorBeyond | Refused, payload: bytes
    ) -> list[News]:
        if self.outstanding is None or message.request != self.outstanding.request:
            return []
        match message:
            case AcquisitionList():
                news = [*self._of_log(message.log), *self._take_list(message)]
            case EventChunk():
                news = [*self._of_log(message.log), *self._take_chunk(message, payload)]
            case CursorBeyond():
                news = self._of_log(message.log) or self._start_over()
            case Refused():
                raise BadMessageError(f"the agent refused: {message.code}: {message.why}")
        # After a bad answer the request stays out until its time is up: no tight loop of asking.
        self.outstanding = None
        return news

    def _of_log(self, log: str) -> list[News]:
        """Another log: everything known is void."""
        if log == self._log:
            return []
        known, self._log = self._log, log
        self._list_wanted = True
        return self._start_over() if known is not None else []

    def _start_over(self) -> list[News]:
        followed, self.current = self.current, None
        self._expected |= followed is not None
        self._next = 1
        self._heads.clear()
        self._list_wanted = True
        return [AcquisitionChosen(None)] if followed is not None else []

    def _take_heads(self, heads: dict[str, int]) -> list[News]:
        for acquisition, head in heads.items():
            self._list_wanted |= acquisition not in self._summaries
            self._heads[acquisition] = max(head, self._heads.get(acquisition, 0))
        return []

    def _take_heartbeat(self, beat: AgentHeartbeat) -> Iterator[News]:
        self._take_heads({summary.acquisition: summary.head for summary in beat.running})
        if beat.stored != self._stored:
            self._stored = beat.stored
            self._list_wanted = True
        notice = AgentNotice(beat.alarm, beat.dead_letters)
        if notice != self._notice:
            self._notice = notice
            yield notice
        states = {summary.acquisition: summary for summary in beat.running}
        if not self._is_listed:
            return  # a list without the rest, and without the worker, would be taken for the list
        if any(_told(self._summaries.get(name)) != _told(new) for name, new in states.items()):
            self._summaries.update(states)
            yield self._listed()

    def _take_list(self, listing: AcquisitionList) -> Iterator[News]:
        self._list_wanted, self._is_listed = False, True
        self._summaries = {summary.acquisition: summary for summary in listing.acquisitions}
        self._worker = listing.worker
        self._stored = len(self._summaries)
        self._heads = {name: head for name, head in self._heads.items() if name in self._summaries}
        self._take_heads({name: summary.head for name, summary in self._summaries.items()})
        yield self._listed()
        if self.current is not None and self.current not in self._summaries:
            missing, self.current = self.current, None
            yield AcquisitionMissing(missing)
            if not self._no_other:
                self._wish = None
                yield from self._choose_listed()
            if self.current is None:
                yield AcquisitionChosen(None)
        elif self.current is None and not self._left:
            yield from self._choose_listed()

    def _choose_listed(self) -> Iterator[News]:
        """Follow what was wished for, or the newest."""
        found = self._find(self._wish)
        if found is None and self._wish is not None and not self._expected:
            yield AcquisitionMissing(self._wish)
        if found is None and not self._no_other:
            # A wish that is not there (any more) is no reason to show nothing.
            found = next(reversed(self._summaries), None)
        if found is not None:
            self.current, self._next, self._expected = found, 1, False
            if self._no_other:
                # The newest, or the newest of a name, must not become another one later.
                self._wish = found
            yield AcquisitionChosen(found)

    def _find(self, wish: str | None) -> str | None:
        """Return the acquisition of this id, else the newest of this name."""
        if wish is None:
            return next(reversed(self._summaries), None)
        if wish in self._summaries:
            return wish
        named = (one.acquisition for one in self._summaries.values() if one.name == wish)
        return next(reversed(list(named)), None)

    def _listed(self) -> AcquisitionsListed:
        return AcquisitionsListed(tuple(self._summaries.values()), self._worker)

    def _take_chunk(self, chunk: EventChunk, payload: bytes) -> Iterator[News]:
        if chunk.acquisition != self.current or chunk.first != self._next:
            return
        self._heads[chunk.acquisition] = chunk.head
        if not chunk.count:
            return
        columns = unpack(payload)
        if columns.count != chunk.count:
            raise BadMessageError(f"{columns.count} events in a chunk that claims {chunk.count}")
        self._next += columns.count
        # A start is the first event of its acquisition and an end its last, whatever else comes.
        others = [decode_event(body) for _before, body in columns.others]
        ends = [event for event in others if isinstance(event, EndAcquisition)]
        for event in others:
            if isinstance(event, StartAcquisition | ResumeAcquisition):
                yield event
        if columns.planes:
            yield PlaneRows.of(columns)
        yield from ends
        yield Progress(self._next - 1, chunk.head)


def _told(summary: AcquisitionSummary | None) -> tuple[str, str] | None:
    """Return what of a summary people see change; its head moves all the time."""
    return None if summary is None else (summary.state, summary.controller)

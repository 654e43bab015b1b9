"""What is acquired and what is shown: the state that all panels look at."""

from collections.abc import Sequence
from itertools import filterfalse
from typing import Literal

from PySide6.QtCore import QObject, Signal

from planecast_agent.subscriber.control_picture import ControlPicture
from planecast_agent.subscriber.known_planes import KnownPlanes, Position
from planecast_agent.subscriber.news import (
    AcquisitionChosen,
    AcquisitionMissing,
    AcquisitionsListed,
    AgentNotice,
    LinkState,
    News,
    PlaneRows,
)
from planecast_agent.subscriber.plane_index import RegisteredPlanes
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.command_messages import CommandAnswer
from planecast_protocol.event_messages import EndAcquisition, ResumeAcquisition, StartAcquisition
from planecast_protocol.images import ImageInfo
from planecast_protocol.reader_messages import WorkerStatus
from planecast_viewer.command_wish import CommandWish
from planecast_viewer.extents import Extents
from planecast_viewer.facts import Facts, facts_of_acquisition, facts_of_image
from planecast_viewer.hidden_channels import HiddenChannels
from planecast_viewer.image_planes import ImagePlanes
from planecast_viewer.lateness import Lateness
from planecast_viewer.looks import Looks
from planecast_viewer.measure.choice import MeasureChoice
from planecast_viewer.part_text import describe_changes, describe_resume
from planecast_viewer.projection_choice import ProjectionChoice
from planecast_viewer.stack.choice import StackChoice
from planecast_viewer.wishes import Wishes

AXES = ("t", "fov", "z")
State = Literal["running", "done", "aborted", "file"]
Level = Literal["info", "warning", "error"]


class Session(QObject):
    """The state of the viewer. Lives in the GUI thread, as all that connects to it does."""

    acquisition_changed = Signal()
    """Another acquisition or file, or none: everything of the former is void."""
    state_changed = Signal()
    acquisition_resumed = Signal()
    """Its controller was restarted, and goes on with it."""
    extents_changed = Signal()
    planes_registered = Signal(object)
    """Indices of newly registered planes, int32 of shape (4, n)."""
    shown_changed = Signal()
    """The position that the sliders choose; its planes may still have to come."""
    follow_changed = Signal(bool)
    locks_changed = Signal()
    channels_changed = Signal()
    """Other channels are visible."""
    acquisitions_changed = Signal()
    newer_available = Signal(object)
    """An `AcquisitionSummary` newer than the one that is shown."""
    link_state_changed = Signal()
    worker_state_changed = Signal()
    worker_status_changed = Signal()
    """`worker_status` or `worker_silent_s` is another one: about once a second."""
    control_changed = Signal()
    """`control` is another one: state values, commands, or who lives."""
    command_wanted = Signal(object)
    """A `CommandWish` that somebody has pressed."""
    command_answered = Signal(object, object)
    """(the `CommandWish`, its `CommandAnswer`)."""
    logged = Signal(str, str)
    """(level, text) for the event log."""

    def __init__(
        self,
        agent_address: str | None = None,
        parent: QObject | None = None,
        *,
        looks: Looks | None = None,
    ) -> None:
        super().__init__(parent)
        self.looks = looks or Looks()
        self.projection = ProjectionChoice(self)
        self.stack = StackChoice(self)
        self.measuring = MeasureChoice(self)
        self.agent_address = agent_address
        """`None`: a file is shown and no agent is listened to."""
        self.wishes = Wishes(self)
        """What panels want of others."""
        self.facts: Facts | None = None
        self.planes: KnownPlanes | None = None
        self.state: State = "running"
        self.end_reason = ""
        self.resumed: tuple[float, ...] = ()
        """When its controller was restarted and went on with it, in s since 1970."""
        self.shown = Position(0, 0, 0)
        self.following = True
        self.locks: frozenset[str] = frozenset()
        self.extents = Extents()
        self.channel_visible: tuple[bool, ...] = ()
        self.hidden = HiddenChannels()
        self.acquisitions: tuple[AcquisitionSummary, ...] = ()
        self.link_state = LinkState("connecting")
        self.agent_trouble = ""
        """Why no agent answers, as far as it is known."""
        self.notice = AgentNotice("", 0)
        self.control = ControlPicture()
        """Controllers, their state and commands, and who lives, as the agent says."""
        self.worker_connected = False
        self.worker_text = "not connected"
        self.worker_status: WorkerStatus | None = None
        """What the reader worker in use said of itself last."""
        self.worker_silent_s = 0.0
        """For so long it is connected and does not answer; 0: it answers."""
        self.n_losses = {"agent": 0, "worker": 0}
        """How often each was away since this viewer started."""
        self.lateness = Lateness()
        self.worker_address = ""
        """As the agent says; empty: it does not know."""
        self.worker_in_use = ""
        """The address that is connected to; empty: this user's worker, or a private one."""
        self.missed = 0
        """Planes registered since the viewer stopped following."""
        self._waiting_for = ""
        self._chosen = ""
        """What somebody wants to see instead of the file that is shown."""

    @property
    def running(self) -> bool:
        """Tell whether more planes may come."""
        return self.state == "running"

    # ------------------------------------------------------------ what arrives

    def take_news(self, news: Sequence[News]) -> None:
        """Take what the link reports. A slot of its mailbox."""
        for item in filterfalse(self._is_of_others, news):
            match item:
                case PlaneRows():
                    self._register(item)
                case StartAcquisition() | ResumeAcquisition() | EndAcquisition():
                    self._take_event(item)
                case AcquisitionChosen():
                    self._forget(item.acquisition)
                case AcquisitionMissing():
                    text = f"the agent has no acquisition {item.acquisition} (any more)"
                    self.logged.emit("warning", text)
                case AcquisitionsListed():
                    self._list(item)
                case LinkState():
                    self._set_link_state(item)
                case AgentNotice():
                    self._take_notice(item)

    def open_image(self, info: ImageInfo) -> None:
        """Show a file or folder."""
        self._replace(facts_of_image(info), ImagePlanes(info), "file")
        self.set_following(False)
        for note in info.warnings:
            self.logged.emit("warning", note)

    def expect(self, acquisition: str) -> None:
        """Let this acquisition take the place of a file, once its events come."""
        self._chosen = acquisition

    def set_agent_address(self, address: str) -> None:
        """Take the agent that is listened to from now on."""
        self.agent_address = address
        self.link_state_changed.emit()

    def set_agent_trouble(self, why: str) -> None:
        """Take why no agent answers; empty: it does, or nobody knows."""
        if why != self.agent_trouble:
            self.agent_trouble = why
            self.link_state_changed.emit()

    def show_nothing(self) -> None:
        """Show nothing, and wait for the next acquisition."""
        self._forget(None)

    def set_worker_state(self, connected: bool, text: str) -> None:
        """Take the state of the connection to the reader worker."""
        changed = connected != self.worker_connected
        self.worker_connected, self.worker_text = connected, text
        if changed:
            self.n_losses["worker"] += not connected
            self.logged.emit("info" if connected else "warning", f"reader worker: {text}")
        self.worker_state_changed.emit()

    def set_worker_status(self, status: WorkerStatus | None, silent_s: float) -> None:
        """Take what the reader worker said of itself, or for how long it has said nothing."""
        was_silent = self.worker_silent_s > 0
        self.worker_status, self.worker_silent_s = status, silent_s
        if silent_s and not was_silent:
            self.logged.emit("warning", "reader worker is silent")
        elif was_silent and not silent_s and self.worker_connected:
            self.logged.emit("info", "reader worker answers again")
        self.worker_status_changed.emit()

    def set_control(self, picture: ControlPicture) -> None:
        """Take what is known of controllers and of who lives."""
        before, self.control = self.control, picture
        for level, text in describe_changes(before.parts, picture.parts):
            self.logged.emit(level, text)
        self.control_changed.emit()

    def take_command_answer(self, wish: CommandWish, answer: CommandAnswer) -> None:
        """Take how a command ended."""
        level: Level = "info" if answer.outcome == "done" else "warning"
        why = f": {answer.why}" if answer.why else ""
        self.logged.emit(level, f"{wish.name}: {answer.outcome}{why}")
        self.command_answered.emit(wish, answer)

    # ------------------------------------------------------------ what people choose

    def show(self, position: Position) -> None:
        """Choose a position by hand: stops following, unless only held axes are moved."""
        moved = {axis for axis in AXES if getattr(position, axis) != getattr(self.shown, axis)}
        if self.following and moved and moved <= self.locks:
            self.move(position)
            self.locks_changed.emit()
            return
        self.set_following(False)
        self.move(position)

    def move(self, position: Position) -> None:
        """Choose a position without touching whether the newest is followed."""
        limits = self.extents
        clamped = Position(
            min(max(position.t, 0), limits.t - 1),
            min(max(position.fov, 0), limits.fov - 1),
            min(max(position.z, 0), limits.z - 1),
        )
        if clamped != self.shown:
            self.shown = clamped
            self.shown_changed.emit()

    def step(self, axis: str, by: int) -> None:
        """Move one axis by hand."""
        value = getattr(self.shown, axis) + by
        self.show(self.shown._replace(**{axis: value}))

    def set_following(self, following: bool) -> None:
        """Follow the newest planes, or hold what is shown."""
        if following and (self.facts is None or self.facts.kind == "image"):
            following = self.facts is None
        if following == self.following:
            return
        self.following = following
        self.missed = 0
        self.follow_changed.emit(following)

    def set_lock(self, axis: str, locked: bool) -> None:
        """Hold one axis while the newest planes are followed along the others."""
        self.locks = self.locks | {axis} if locked else self.locks - {axis}
        self.locks_changed.emit()

    def set_channel_visible(self, visible: tuple[bool, ...]) -> None:
        """Choose the channels that are shown."""
        if visible != self.channel_visible:
            self.channel_visible = visible
            if self.facts is not None:
                self.hidden.note(self.facts, visible)
            self.channels_changed.emit()

    # ------------------------------------------------------------ questions

    def follow_target(self) -> Position | None:
        """Return the newest position worth showing, given the locked axes."""
        if self.planes is None:
            return None
        return self.planes.follow_target({axis: getattr(self.shown, axis) for axis in self.locks})

    def visible_channels(self) -> list[int]:
        """Return the visible channels' numbers."""
        return [channel for channel, visible in enumerate(self.channel_visible) if visible]

    def fov_label(self, fov: int) -> str:
        """Return `well:fov` of a fov."""
        labels = () if self.facts is None else self.facts.fov_labels
        return labels[fov] if fov < len(labels) else str(fov)

    def describe(self, position: Position) -> str:
        """Name a position as people do, leaving out axes of one value."""
        parts = [self.fov_label(position.fov)]
        if self.extents.t > 1 or position.t:
            parts.insert(0, f"t {position.t}")
        if self.extents.z > 1:
            parts.append(f"z {position.z}")
        return "  ".join(parts)

    # ------------------------------------------------------------ inside

    def _is_of_others(self, item: News) -> bool:
        """Tell whether an event is void because a file is shown meanwhile."""
        if self.state != "file":
            return False
        if isinstance(item, AcquisitionChosen | AcquisitionMissing):
            return item.acquisition != self._chosen
        return isinstance(item, PlaneRows | StartAcquisition | ResumeAcquisition | EndAcquisition)

    def _forget(self, waiting_for: str | None) -> None:
        self._waiting_for = waiting_for or ""
        if self.facts is not None:
            self.facts = self.planes = None
            self.state, self.end_reason, self.resumed = "running", "", ()
            self.channel_visible = ()
            self.shown, self.extents = Position(0, 0, 0), Extents()
            self.acquisition_changed.emit()
        self.set_following(True)

    def _take_event(self, event: StartAcquisition | ResumeAcquisition | EndAcquisition) -> None:
        match event:
            case StartAcquisition():
                self._begin(facts_of_acquisition(event))
            case ResumeAcquisition():
                self._resume(event)
            case EndAcquisition():
                self._end(event)

    def _begin(self, facts: Facts) -> None:
        planes = RegisteredPlanes(len(facts.fov_labels), facts.num_z, len(facts.channels))
        self._replace(facts, planes, "running")
        self.set_following(True)
        self.logged.emit("info", f"acquisition {facts.name} started")

    def _replace(self, facts: Facts, planes: KnownPlanes, state: State) -> None:
        self.facts, self.planes, self.state, self.end_reason = facts, planes, state, ""
        self._chosen, self.resumed = "", ()
        self.lateness.forget()
        self.shown, self.missed, self.locks = Position(0, 0, 0), 0, frozenset()
        self.channel_visible = self.hidden.visible(facts)
        self.extents = Extents(max(1, planes.n_t), len(facts.fov_labels), facts.num_z)
        self.acquisition_changed.emit()
        self.projection.set_possible(self.extents.z > 1)
        self.stack.restart(self.extents.z, (facts.height, facts.width))

    def _register(self, rows: PlaneRows) -> None:
        planes = self.planes
        if not isinstance(planes, RegisteredPlanes):
            return
        refused = planes.refused
        before = planes.n_planes
        indices = planes.add(rows)
        if planes.refused > refused:
            text = f"{planes.refused - refused} planes lie outside of what was announced"
            self.logged.emit("warning", text)
        if self.following:
            self.lateness.registered(rows.registered_at)
        else:
            self.missed += planes.n_planes - before
        if planes.n_t > self.extents.t:
            self.extents = Extents(planes.n_t, self.extents.fov, self.extents.z)
            self.extents_changed.emit()
        if indices.shape[1]:
            self.planes_registered.emit(indices)

    def _resume(self, event: ResumeAcquisition) -> None:
        self.resumed = (*self.resumed, event.resumed_at)
        self.logged.emit("warning", describe_resume(event))
        self.acquisition_resumed.emit()

    def _end(self, event: EndAcquisition) -> None:
        self.state, self.end_reason = event.status, event.reason
        why = f": {event.reason}" if event.reason else ""
        level = "info" if event.status == "done" else "warning"
        name = "" if self.facts is None else f" {self.facts.name}"
        self.logged.emit(level, f"acquisition{name} is {event.status}{why}")
        self.state_changed.emit()

    def _list(self, listing: AcquisitionsListed) -> None:
        known = {summary.acquisition for summary in self.acquisitions}
        self.acquisitions, self.worker_address = listing.acquisitions, listing.worker
        self.acquisitions_changed.emit()
        newest = listing.acquisitions[-1] if listing.acquisitions else None
        shown = self._waiting_for or (self.facts.identity if self.facts else "")
        if newest and newest.acquisition not in known and shown not in ("", newest.acquisition):
            self.newer_available.emit(newest)

    def _take_notice(self, notice: AgentNotice) -> None:
        self.notice = notice
        if notice.alarm:
            self.logged.emit("error", f"agent: {notice.alarm}")
        self.link_state_changed.emit()

    def _set_link_state(self, state: LinkState) -> None:
        if (state.state == "silent") != (self.link_state.state == "silent"):
            lost = state.state == "silent"
            self.n_losses["agent"] += lost
            self.logged.emit(
                "warning" if lost else "info", "agent is silent" if lost else "agent is back"
            )
        self.link_state = state
        self.link_state_changed.emit()

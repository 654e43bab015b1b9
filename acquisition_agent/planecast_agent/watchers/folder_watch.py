"""One folder of an acquisition: from its first file to its end."""

import fnmatch
import time
from pathlib import Path
from typing import Literal

from planecast_agent.watchers.announced import Announced, PlaneKey, StartOne
from planecast_agent.watchers.description import Description, Extent, covering
from planecast_agent.watchers.found import FoundPlane, Look
from planecast_agent.watchers.memory import Memory
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.presets import Preset
from planecast_agent.watchers.report import Report
from planecast_agent.watchers.sweep import SLICE_S, Sweeps
from planecast_agent.watchers.waiting_files import WaitingFiles
from planecast_protocol.errors import PlanecastError, ReadError
from planecast_protocol.limits import MAX_NAME_CHARS

MAX_HELD = 50_000
"""Planes kept until they are announced; above, they are found a second time."""
POLL_S, SWEEP_S = 1.0, 5.0
"""Between two walks through the folder, where nobody tells of changes and where somebody does."""
LONGEST_WAIT_S = 120.0
"""A plane that the announced acquisition can't hold waits for a wider one at most so long."""
LAST_LOOKS_S = 5.0
"""How long files may stay half written after the controller said that it is done."""
LONGEST_END_S = 30.0
"""How long files are looked through once more when the user ends the watch."""

State = Literal["gathering", "running", "finishing", "ended"]


class FolderWatch:
    """Watches one acquisition. Belongs to the watcher's thread; `now` is monotonic."""

    def __init__(
        self,
        folder: Path,
        preset: Preset,
        options: WatchOptions,
        start: StartOne,
        memory: Memory,
        report: Report,
    ) -> None:
        self.folder = folder
        self.preset = preset
        self.state: State = "gathering"
        self.layout = preset.open(folder)
        self.n_planes = 0
        self._options = options
        self._start = start
        self._memory = memory
        self._report = report
        self._announced: Announced | None = None
        self._announced_at = 0.0
        self._extent = Extent()
        self._held: list[FoundPlane] = []
        self._overflowed = False
        self._waiting = WaitingFiles()
        self._sweeps = Sweeps(folder, POLL_S if options.poll else SWEEP_S)
        now = time.monotonic()
        self._first_plane_at: float | None = None
        self._surprised_at = now
        """When something last appeared that was not known before."""
        self._active_at = now
        self._finish_by: float | None = None
        self._is_complete = False

    # ------------------------------------------------------------ what the watcher calls

    @property
    def n_waiting(self) -> int:
        """Files that are half written, growing or preallocated."""
        return len(self._waiting)

    @property
    def is_ended(self) -> bool:
        """Whether the acquisition was ended."""
        return self.state == "ended"

    @property
    def is_sweeping(self) -> bool:
        """Whether it has more to do right now."""
        return self._sweeps.is_going

    @property
    def acquisition(self) -> str | None:
        """The acquisition's id, once it is announced."""
        return None if self._announced is None else self._announced.publisher.id

    @property
    def undelivered(self) -> int:
        """Events that the agent does not have yet."""
        return 0 if self._announced is None else self._announced.publisher.undelivered

    def resume(self, announced: Announced) -> None:
        """Go on with an acquisition that a former process of ours announced."""
        self._announced = announced
        self._announced_at = time.monotonic()
        self.state = "running"

    def changed(self, path: Path, now: float) -> None:
        """Look at a file that somebody told of."""
        self._see(path, now, told=True)

    def sweep_soon(self) -> None:
        """Walk through all files in the next turns."""
        self._sweeps.begin()

    def turn(self, now: float) -> None:
        """Do what is due."""
        self._go_on_sweeping(now)
        started = time.monotonic()
        for path in self._waiting.take_due(now):
            self._look(path, now)
            if time.monotonic() - started > SLICE_S:
                break
        self._waiting.spent(now, time.monotonic() - started)
        if self.state == "gathering" and self._may_start(now):
            self._begin(now)
        elif self.state in ("running", "finishing") and self._held:
            self._widen_if_due(now)
        self._end_if_due(now)
        if self._announced is not None and self._announced.publisher.alarm:
            self._report.warn_once(self._announced.publisher.alarm)

    @property
    def next_turn_s(self) -> float:
        """Return how long nothing need be done unless a file changes."""
        if self.is_sweeping:
            return 0.0
        return 0.05 if len(self._waiting) or self.state != "ended" else 1.0

    def end(self, now: float) -> None:
        """Look at everything once more, and end the acquisition: the user wants it so."""
        if self.is_ended:
            return
        self._finish(now, complete=False)
        self._finish_by = now
        give_up_at = time.monotonic() + LONGEST_END_S
        while not self.is_ended and time.monotonic() < give_up_at:
            self._go_on_sweeping(now)
            self._end_if_due(now)

    def close(self) -> None:
        """Let go of the acquisition without ending it."""
        if self._announced is not None:
            self._announced.publisher.close()

    # ------------------------------------------------------------ files

    def _go_on_sweeping(self, now: float) -> None:
        if not self._is_over:
            self._sweeps.begin_if_due(now)
        for path in self._sweeps.slice(now):
            self._see(path, now)

    def _see(self, path: Path, now: float, *, told: bool = False) -> None:
        if path.parent == self.folder and self._is_end_marker(path.name):
            self._finish(now, complete=True)
        elif not self._is_over:
            self._look(path, now, told=told)

    @property
    def _is_over(self) -> bool:
        """Whether the controller said so: what comes after is not looked at."""
        return self.is_ended and self._is_complete

    def _look(self, path: Path, now: float, *, told: bool = False) -> None:
        try:
            look = self.layout.look(path, now)
        except FileNotFoundError:
            self._waiting.drop(path)
            return
        except (ReadError, OSError) as trouble:
            self._waiting.drop(path)
            self._report.warn_once(f"left out: {trouble}", path=str(path))
            return
        self._take(look, now)
        if look.again:
            self._waiting.keep(path, now, changed=told or bool(look.planes))
        else:
            self._waiting.drop(path)

    def _take(self, look: Look, now: float) -> None:
        for plane in look.planes:
            self._take_plane(plane, now)

    def _take_plane(self, plane: FoundPlane, now: float) -> None:
        if max(len(plane.fov), len(plane.channel)) > MAX_NAME_CHARS:
            self._report.warn_once(
                f"left out: {plane.path}: its fov or channel has too long a name"
            )
            return
        if self.state == "ended":
            self._reopen(now)
        before = (len(self._extent.channels), len(self._extent.fovs), self._extent.num_z)
        self._extent.add(plane)
        if before != (len(self._extent.channels), len(self._extent.fovs), self._extent.num_z):
            self._surprised_at = now
        if self._first_plane_at is None:
            self._first_plane_at = now
        self._active_at = now
        key = None if self._announced is None else self._announced.key(plane)
        if key is not None and self._announced is not None:
            self._register(self._announced, plane, key)
        elif len(self._held) < MAX_HELD:
            self._held.append(plane)
        else:
            self._overflowed = True

    def _register(self, announced: Announced, plane: FoundPlane, key: PlaneKey) -> None:
        try:
            announced.register(plane, key)
        except PlanecastError as trouble:
            # A path that is too long, or the like: the other planes go on.
            self._report.warn_once(f"left out: {trouble}", path=str(plane.path))
        else:
            self.n_planes += 1

    # ------------------------------------------------------------ announcing

    def _known(self) -> Description:
        return self._options.given.or_else(self.layout.description())

    def _may_start(self, now: float) -> bool:
        """Whether enough is known, or what is there has settled."""
        if self._first_plane_at is None:
            return False
        known = self._known()
        if known.is_certain:
            return True
        if not self._sweeps.n_done or self.is_sweeping:
            return False
        is_next_time = self._extent.num_t > 1
        quiet_s, waited_s = now - self._surprised_at, now - self._first_plane_at
        settle_s = self._options.settle_s
        return is_next_time or quiet_s >= settle_s or waited_s >= 5 * settle_s

    def _begin(self, now: float) -> Announced | None:
        """Announce what is known, and register what is there; `None` if too little is known."""
        description = covering(self._known(), self._extent)
        if not description.height or not description.width:
            self._report.warn_once(
                f"{self.folder}: neither names nor headers of its files say how large a plane "
                "is: give --size HEIGHTxWIDTH"
            )
            return None
        publisher = self._start(self._options.name or self.folder.name, description)
        announced = self._announced = Announced(publisher, description)
        self._announced_at = now
        if self.state == "gathering":
            self.state = "running"
        self._memory.save(self.folder, publisher.id, description, self.preset.name)
        self._report.tell(
            "started",
            f"{self.folder}: started {publisher.id}: {_sizes(description)} ({self.preset.name})",
            folder=str(self.folder), acquisition=publisher.id, preset=self.preset.name,
            channels=list(description.channels), fovs=len(description.fovs),
            num_z=description.num_z,
        )  # fmt: skip
        self._register_held(now)
        return announced

    def _register_held(self, now: float) -> None:
        if self._overflowed:
            self._find_all_again()
            return
        held, self._held = self._held, []
        for plane in held:
            self._take_plane(plane, now)

    def _find_all_again(self) -> None:
        self._held, self._overflowed, self.n_planes = [], False, 0
        self.layout.forget()
        self._sweeps.begin_anew()

    def _widen_if_due(self, now: float) -> None:
        """Announce an acquisition that holds the surprises too, when no more of them come.

        The wait grows with the age of the present one, so that a plate of which nothing is
        known makes few acquisitions, not one a fov.
        """
        age_s = self._surprised_at - self._announced_at
        wait_s = min(max(self._options.settle_s, age_s / 2), LONGEST_WAIT_S)
        is_due = now - self._surprised_at >= wait_s or self.state == "finishing"
        if self.is_sweeping or not is_due or self._announced is None:
            return
        old, plane = self._announced, self._held[0]
        self._announced, self._held, self._overflowed = None, [], True
        new = self._begin(now)
        if new is None:
            self._announced = old
            return
        why = f"{plane.path.name} is fov {plane.fov}, z {plane.z}, channel {plane.channel}"
        sentence = (
            f"{self.folder}: {old.publisher.id} can't hold what appeared ({why}); "
            f"it goes on as {new.publisher.id}, with all that was there"
        )
        self._report.tell(
            "continued", sentence, folder=str(self.folder),
            acquisition=new.publisher.id, before=old.publisher.id,
        )  # fmt: skip
        old.publisher.end("done", f"goes on as {new.publisher.id}: {why}")
        old.publisher.close()

    def _reopen(self, now: float) -> None:
        """Go on after an end that was only a long silence."""
        self.state, self._announced, self._finish_by = "gathering", None, None
        self._first_plane_at = now
        self._overflowed = True

    # ------------------------------------------------------------ the end

    def _is_end_marker(self, name: str) -> bool:
        markers = (*self.preset.end_markers, *self._options.end_markers)
        return any(fnmatch.fnmatchcase(name, marker) for marker in markers)

    def _finish(self, now: float, *, complete: bool) -> None:
        if self.state in ("finishing", "ended"):
            return
        self._is_complete = complete
        self.state = "finishing"
        self._finish_by = now + LAST_LOOKS_S
        self._sweeps.restart()

    def _end_if_due(self, now: float) -> None:
        idle_s = self._options.end_after_idle_s
        if self.state == "running" and idle_s is not None and now - self._active_at >= idle_s:
            self._finish(now, complete=False)
            self._finish_by = now
        is_over = self.state == "finishing" and not self.is_sweeping
        if not is_over or (len(self._waiting) and now < (self._finish_by or now)):
            return
        self._take(self.layout.finish(complete=self._is_complete), now)
        if self._announced is None and self._first_plane_at is not None:
            self._begin(now)
        if self._held:
            self._widen_if_due(now)
        if self.is_sweeping:  # it was announced anew, and is filled first
            return
        self._say_the_end()

    def _say_the_end(self) -> None:
        self.state = "ended"
        announced = self._announced
        if announced is None:
            return
        left = self._waiting.all()
        for path in left[:5]:
            self._report.warn_once(f"{path}: not whole, or partly unwritten, at the end")
        announced.publisher.end()
        announced.publisher.close()
        self._memory.save(
            self.folder, announced.publisher.id, announced.description, self.preset.name,
            ended=True,
        )  # fmt: skip
        if self._is_complete:
            self._waiting = WaitingFiles()
        self._report.tell(
            "ended",
            f"{self.folder}: ended {announced.publisher.id}, {self.n_planes} planes",
            folder=str(self.folder), acquisition=announced.publisher.id, planes=self.n_planes,
            not_whole=len(left),
        )  # fmt: skip


def turn_or_explain(watch: FolderWatch, now: float, report: Report) -> bool:
    """Give a folder its turn; `False` after an error that only a person can mend."""
    try:
        watch.turn(now)
    except PlanecastError as trouble:
        report.warn_once(f"{watch.folder}: {trouble}")
        return False
    return True


def _sizes(description: Description) -> str:
    shown = ", ".join(description.channels[:6]) + (" …" if len(description.channels) > 6 else "")
    return (
        f"{len(description.fovs)} fovs, {description.num_z} z, {shown}, "
        f"{description.height}×{description.width}"
    )

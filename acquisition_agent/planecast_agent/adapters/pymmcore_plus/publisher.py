"""Listens to an MDA runner of pymmcore-plus and publishes each sequence as an acquisition."""

import atexit
import functools
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from planecast_agent.acquisition import Acquisition
from planecast_agent.adapters.caretaker import Caretaker
from planecast_agent.adapters.pymmcore_plus.outputs import Output, outputs_of
from planecast_agent.adapters.pymmcore_plus.run import Run, Where
from planecast_agent.adapters.pymmcore_plus.saver import FrameSaver
from planecast_agent.adapters.pymmcore_plus.sequence import Plan, plan_of
from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import MAX_NAME_CHARS
from planecast_protocol.paths import Roots

logger = logging.getLogger(__name__)

_Slot = TypeVar("_Slot", bound=Callable[..., None])


def publish_mda(
    core: Any,
    *,
    name: str | None = None,
    save_to: str | Path | None = None,
    where: Where | None = None,
    agent: str | None = None,
    roots: Roots | None = None,
    spool_dir: str | Path | None = None,
) -> "MdaPublisher":
    """Publish every sequence that `core`, a `CMMCorePlus`, runs from now on.

    `name` names the acquisitions; without it the writer's file does. Where the frames are is
    known of pymmcore-plus' own writers. For others, `where(event, meta)` returns the path of a
    frame's file, or `None`. `save_to` is a folder in which frames that no writer saves are
    saved here, one TIFF each, beside the acquisition. The rest is as for `Acquisition.start`.
    """
    return MdaPublisher(
        core,
        name=name,
        save_to=save_to,
        where=where,
        agent=agent,
        roots=roots,
        spool_dir=spool_dir,
    )


def _harmless(slot: _Slot) -> _Slot:
    """Keep trouble from the engine, which ends an acquisition for what its listeners raise."""

    @functools.wraps(slot)
    def guarded(self: "MdaPublisher", *arguments: Any) -> None:
        try:
            slot(self, *arguments)
        except Exception as trouble:
            self.trouble = f"{type(trouble).__name__}: {trouble}"
            logger.exception("not published")

    return guarded  # type: ignore[return-value]  # the same signature, which `wraps` hides


class MdaPublisher:
    """Publishes until it is closed. Its slots run in the engine's thread and never wait."""

    def __init__(
        self,
        core: Any,
        *,
        name: str | None,
        save_to: str | Path | None,
        where: Where | None,
        agent: str | None,
        roots: Roots | None,
        spool_dir: str | Path | None,
    ) -> None:
        """Use `publish_mda`."""
        self.trouble = ""
        """Why the sequence that was started last is not published; empty: it is."""
        self._core = core
        self._name = name
        self._save_to = None if save_to is None else Path(save_to).absolute()
        self._where = where
        self._agent, self._roots, self._spool_dir = agent, roots, spool_dir
        self._caretaker = Caretaker()
        self._run: Run | None = None
        events = core.mda.events
        self._connections: tuple[tuple[Any, Callable[..., None]], ...] = (
            (events.sequenceStarted, self._on_started),
            (events.frameReady, self._on_frame),
            (events.sequenceCanceled, self._on_canceled),
            (events.sequenceFinished, self._on_finished),
        )
        for signal, slot in self._connections:
            _connect(signal, slot)
        atexit.register(self.close)

    @property
    def acquisition(self) -> Acquisition | None:
        """The acquisition of the sequence that was started last; `None`: none is published."""
        return None if self._run is None else self._run.acquisition

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing. The sequence goes on in any case."""
        return self.trouble or ("" if self._run is None else self._run.alarm)

    def wait_delivered(self, timeout_s: float) -> bool:
        """Wait until all is saved, ended and in the agent's journal; `False` if it isn't."""
        return self._run is None or self._run.wait_over(timeout_s)

    def close(self) -> None:
        """Listen no more, and deliver what can be delivered, in a few seconds at most.

        A sequence that still runs is aborted for viewers. May be called twice.
        """
        connections, self._connections = self._connections, ()
        for signal, slot in connections:
            signal.disconnect(slot)
        self._caretaker.close()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ slots

    @_harmless
    def _on_started(self, sequence: Any, meta: Any) -> None:
        self._run, self.trouble = None, ""
        info: Any = (meta.get("image_infos") or ({},))[0]
        cameras = self._cameras(info)
        plan = plan_of(sequence, cameras)
        plane_shape = int(info.get("height", 0)), int(info.get("width", 0))
        outputs = outputs_of(self._core.mda, plan, sequence, plane_shape)
        if len(cameras) > 1:
            outputs = [output for output in outputs if output.takes_cameras]
        saver = None
        if not outputs and self._where is None:
            saver = self._saver()
        name = self._name or _name_of(outputs, saver)
        acquisition = self._announce(name[:MAX_NAME_CHARS], plan, info)
        if acquisition is not None or saver is not None:
            self._run = Run(acquisition, plan, outputs, saver, self._where)
            self._caretaker.take(self._run)

    @_harmless
    def _on_frame(self, image: Any, event: Any, meta: Any) -> None:
        if self._run is not None:
            self._run.take(image, event, meta)

    @_harmless
    def _on_canceled(self, _sequence: Any) -> None:
        if self._run is not None:
            self._run.was_canceled = True

    @_harmless
    def _on_finished(self, _sequence: Any) -> None:
        if self._run is not None:
            status = getattr(self._core.mda, "status", None)
            reason = getattr(getattr(status, "finish_reason", None), "value", "")
            self._run.end(failed=reason == "errored", overflowed=self._core.isBufferOverflowed())
            self._caretaker.wake()

    def _announce(self, name: str, plan: Plan, info: Any) -> Acquisition | None:
        """Start the acquisition; `None` if it can't be, which keeps no frame from being saved."""
        try:
            return Acquisition.start(
                name,
                plan.channels,
                plan.num_z,
                int(info.get("height", 0)),
                int(info.get("width", 0)),
                plan.fov_labels,
                num_t=plan.num_t,
                dtype=info.get("dtype"),
                pixel_size_um=info.get("pixel_size_um") or None,
                z_step_um=plan.z_step_um,
                time_interval_s=plan.time_interval_s,
                agent=self._agent,
                roots=self._roots,
                spool_dir=self._spool_dir,
            )
        except (PlanecastError, OSError) as trouble:
            self.trouble = f"this sequence is not published: {trouble}"
            logger.error("%s", self.trouble)  # noqa: TRY400 - the sentence says it all
            return None

    def _saver(self) -> FrameSaver | None:
        """Return what saves the frames, if that was asked for."""
        if self._save_to is not None:
            return FrameSaver(self._folder())
        self.trouble = (
            "no writer of this sequence saves frames where viewers could read them: "
            "give run_mda an output, or publish_mda save_to=FOLDER"
        )
        logger.warning("%s", self.trouble)
        return None

    def _cameras(self, info: Any) -> list[str]:
        """Return the names of the cameras that take each event together."""
        n_cameras = int(info.get("num_camera_adapter_channels", 1) or 1)
        if n_cameras == 1:
            return [""]  # one has no need for a name
        return [str(self._core.getCameraChannelName(number)) for number in range(n_cameras)]

    def _folder(self) -> Path:
        """Return a folder for this sequence: the one that was asked for, if it is still free."""
        assert self._save_to is not None
        folder, n = self._save_to, 2
        while folder.exists() and any(folder.iterdir()):
            folder, n = self._save_to.with_name(f"{self._save_to.name}_{n}"), n + 1
        return folder


def _connect(signal: Any, slot: Callable[..., None]) -> None:
    """Connect a slot that is called in the engine's thread, at once.

    In a program with windows pymmcore-plus has Qt's signals. Their slots would wait for the GUI,
    which may be busy, or wait for the end of the sequence itself.
    """
    qt = getattr(sys.modules.get(type(signal).__module__), "Qt", None)
    if qt is None:
        signal.connect(slot)
    else:
        signal.connect(slot, qt.ConnectionType.DirectConnection)


def _name_of(outputs: Sequence[Output], saver: FrameSaver | None) -> str:
    """Name an acquisition as its files are named."""
    if saver is not None:
        return saver.folder.name
    return outputs[0].name if outputs else "sequence"

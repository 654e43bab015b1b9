"""One sequence of an MDA, as an acquisition."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from planecast_agent.acquisition import Acquisition
from planecast_agent.adapters.place import Place
from planecast_agent.adapters.pymmcore_plus.frame_state import FrameState
from planecast_agent.adapters.pymmcore_plus.outputs import Output
from planecast_agent.adapters.pymmcore_plus.saver import FrameSaver
from planecast_agent.adapters.pymmcore_plus.sequence import Frame, Plan
from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import CLOSE_TIMEOUT_S

logger = logging.getLogger(__name__)

LOOK_S = 0.02
MAX_WARNINGS = 10

Where = Callable[[Any, Any], "str | os.PathLike[str] | None"]
"""(`useq.MDAEvent`, metadata of the frame) to the frame's file."""


class Run:
    """Publishes the frames of one sequence. `take` belongs to the engine's thread."""

    def __init__(
        self,
        acquisition: Acquisition | None,
        plan: Plan,
        outputs: Sequence[Output],
        saver: FrameSaver | None,
        where: Where | None,
    ) -> None:
        """`acquisition` is `None` where frames are saved, but can't be published."""
        self.acquisition = acquisition
        self.was_canceled = False
        self._plan = plan
        self._outputs = outputs
        self._saver = saver
        self._where = where
        self._state = None if acquisition is None else FrameState(acquisition, plan.n_expected)
        self._n_frames = 0
        self._n_refused = 0
        self._last_refusal = ""
        self._last_index: object = None
        self._camera = 0
        self._ending: tuple[bool, str] | None = None
        self._over = threading.Event()

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing."""
        if self._saver is not None and self._saver.not_saved:
            return f"{self._saver.not_saved} frames are not saved: {self._saver.trouble}"
        if self._n_refused:
            return f"{self._n_refused} frames were not published, the last: {self._last_refusal}"
        return "" if self.acquisition is None else self.acquisition.alarm

    def take(self, image: Any, event: Any, meta: Any) -> None:
        """Publish a frame, and save it if nobody else does."""
        frame = self._frame(event)
        plan = self._plan
        t, fov, z = plan.time_of(frame), plan.fov_of(frame), frame.axes.get("z", 0)
        channel = plan.channel_of(frame)
        place = self._place(frame, event, meta, fov)
        if place is None and self._saver is not None:
            name, label = plan.channels[channel], plan.fov_labels[fov]
            path = self._saver.save(image, t, label, z, name)
            place = None if path is None else Place(str(path))
        if self.acquisition is None or self._state is None:
            return
        try:
            self._state.show(meta, self._n_frames)
            if place is not None:
                self.acquisition.register_image(
                    t,
                    fov,
                    z,
                    channel,
                    place.path,
                    scene=place.scene,
                    index=place.index,
                    page=place.page,
                )
        except PlanecastError as trouble:
            self._n_refused += 1
            self._last_refusal = trouble.message
            if self._n_refused <= MAX_WARNINGS:
                logger.warning("not published: %s", trouble)

    def end(self, *, failed: bool, overflowed: bool) -> None:
        """Let it end, once all that waits is saved. Does not wait; a second call does nothing."""
        if self._ending is not None:
            return
        reason = self._reason(failed=failed, overflowed=overflowed)
        self._ending = (bool(reason), reason)
        if self._saver is not None:
            self._saver.finish()

    def wait_over(self, timeout_s: float) -> bool:
        """Wait until it has ended and is delivered."""
        is_over = self._over.wait(timeout_s)
        return is_over and (self.acquisition is None or self.acquisition.undelivered == 0)

    # ------------------------------------------------------------ the caretaker's

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be published."""
        return self._over.is_set()

    def attend(self) -> float | None:
        """End it if its sequence has ended and all is saved."""
        if self._ending is None:
            return None
        if self._saver is not None and not self._saver.is_done:
            return LOOK_S
        self.finish()
        return None

    def finish(self) -> None:
        """End it now, and deliver what can be delivered. May be called twice."""
        if self._over.is_set():
            return
        if self._saver is not None:
            self._saver.finish()
            self._saver.wait(CLOSE_TIMEOUT_S)
        aborted, reason = self._ending or (True, "the controller stopped publishing")
        if self.acquisition is not None:
            self.acquisition.end("aborted" if aborted else "done", reason)
            self.acquisition.close()
        self._over.set()

    # ------------------------------------------------------------ inside

    def _frame(self, event: Any) -> Frame:
        # Cameras that take one event together deliver their frames one after the other.
        index = event.index
        same = self._n_frames > 0 and index == self._last_index
        self._camera = (self._camera + 1) % self._plan.n_cameras if same else 0
        self._last_index = index
        channel = None if event.channel is None else event.channel.config
        frame = Frame(self._n_frames, index, event.pos_name, channel, self._camera)
        self._n_frames += 1
        return frame

    def _place(self, frame: Frame, event: Any, meta: Any, fov: int) -> Place | None:
        if self._where is not None:
            path = self._where(event, meta)
            return None if path is None else Place(os.fspath(path))
        for output in self._outputs:
            place = output.place(frame, fov)
            if place is not None:
                return place
        return None

    def _reason(self, *, failed: bool, overflowed: bool) -> str:
        """Return why the sequence ended early; empty: it did not."""
        expected = self._plan.n_expected
        count = f"{self._n_frames} frames" + ("" if expected is None else f" of {expected}")
        if self.was_canceled:
            return f"canceled after {count}"
        if overflowed:
            return f"the camera's buffer overflowed after {count}: the computer was too slow for it"
        if failed:
            return f"the engine failed after {count}: its log says why"
        if expected is not None and self._n_frames < expected:
            return f"the camera ended after {count}"
        return ""

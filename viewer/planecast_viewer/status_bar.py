"""The line at the bottom: who is there, how much came, how late it is."""

import time
from collections import deque

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from planecast_viewer import theme
from planecast_viewer.elided_label import ElidedLabel
from planecast_viewer.pace import Pace
from planecast_viewer.part_text import describe_part
from planecast_viewer.session import Session
from planecast_viewer.who import controller_part, controller_state, worker_part

RATE_WINDOW_S = 3.0
REFRESH_MS = 500


class StatusBar(QStatusBar):
    """Texts about the session; each says in words what its colour says."""

    def __init__(
        self, session: Session, canvas_kind: str, why_canvas: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=1000)
        self._delay_ms: float | None = None
        self.agent, self.controller, self.worker = ElidedLabel(), ElidedLabel(), ElidedLabel()
        self.planes, self.pace = ElidedLabel(), ElidedLabel()
        self.rate, self.delay = ElidedLabel(), ElidedLabel()
        self.canvas = QLabel(canvas_kind)
        self._pace = Pace(session, self)
        self.canvas.setToolTip(why_canvas)
        watched = (self.agent, self.controller, self.worker)
        for label in (*watched, self.planes, self.pace, self.rate, self.delay):
            label.setContentsMargins(4, 0, 8, 0)
            self.addWidget(label)
        self.addPermanentWidget(self.canvas)
        session.link_state_changed.connect(self._refresh)
        session.acquisitions_changed.connect(self._refresh)
        session.worker_state_changed.connect(self._refresh)
        session.worker_status_changed.connect(self._refresh)
        session.control_changed.connect(self._refresh)
        session.acquisition_changed.connect(self._on_acquisition_changed)
        session.state_changed.connect(self._refresh)
        session.acquisition_resumed.connect(self._refresh)
        session.planes_registered.connect(self._on_planes_registered)
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self._timer.start()
        self._refresh()

    def add_passing(self, widget: QWidget) -> None:
        """Add what comes and goes; its height stays, else the picture would jump with it."""
        room = QWidget(self)
        room.setFixedSize(0, widget.sizeHint().height())
        self.addPermanentWidget(room)
        self.addPermanentWidget(widget)

    def set_delay(self, delay_ms: float) -> None:
        """Show how long the newest plane took from its registration to the canvas."""
        self._delay_ms = delay_ms

    def _on_acquisition_changed(self) -> None:
        self._arrivals.clear()
        self._delay_ms = None
        self._refresh()

    def _on_planes_registered(self, indices: npt.NDArray[np.int32]) -> None:
        self._arrivals.append((time.monotonic(), indices.shape[1]))

    def _refresh(self) -> None:
        for label, (text, color) in (
            (self.agent, self._agent()),
            (self.controller, self._controller()),
            (self.worker, self._worker()),
            (self.planes, (self._count(), "")),
            (self.pace, (self._pace.text(time.time()), theme.link())),
            (self.rate, (self._rate(), "")),
            (self.delay, (self._delay(), "")),
        ):
            if label.text() != text:
                label.setText(text)
            label.setVisible(bool(text))
            style = f"color: {color}" if color else ""
            if label.styleSheet() != style:
                label.setStyleSheet(style)

    def _agent(self) -> tuple[str, str]:
        session = self._session
        if session.agent_address is None:
            return "", ""
        self.agent.setToolTip(f"{session.agent_address}\n{session.agent_trouble}".strip())
        link = session.link_state
        if link.state == "connecting":
            return "● agent: connecting …", theme.warning()
        if link.state == "silent":
            return f"● agent: away for {link.silent_s:.0f} s", theme.bad()
        if session.notice.alarm:
            self.agent.setToolTip(session.notice.alarm)
            return "● agent: alarm", theme.bad()
        return "● agent: live", theme.good()

    def _controller(self) -> tuple[str, str]:
        session = self._session
        if session.agent_address is None or session.facts is None or not session.running:
            return "", ""
        if session.link_state.state != "live":
            return "● controller: not known", theme.muted()
        part = controller_part(session)
        if part is not None and part.life != "live":
            self.controller.setToolTip(
                f"{part.part.name}: process {part.part.pid} on {part.part.host}"
            )
            color = theme.bad() if part.life == "silent" else theme.warning()
            return f"● {describe_part(part)}", color
        state = controller_state(session)
        is_live = state == "live"
        if session.resumed:
            at = time.strftime("%H:%M", time.localtime(session.resumed[-1]))
            state = f"{state}, resumed at {at}"
        return f"● controller: {state}", theme.good() if is_live else theme.warning()

    def _worker(self) -> tuple[str, str]:
        session = self._session
        self.worker.setToolTip(session.worker_text)
        watched = worker_part(session)
        if watched is not None and watched.life == "silent":
            return f"● {describe_part(watched)}", theme.bad()
        if session.worker_silent_s:
            return f"● reader silent for {session.worker_silent_s:.0f} s", theme.bad()
        if session.worker_connected:
            return "● reader: ready", theme.good()
        if session.facts is None and session.agent_address is not None:
            return "", ""
        return f"● reader: {session.worker_text}", theme.warning()

    def _count(self) -> str:
        planes, facts = self._session.planes, self._session.facts
        if planes is None or facts is None:
            return ""
        if facts.kind == "image":
            return f"{planes.n_planes:,} plane{'' if planes.n_planes == 1 else 's'}"
        total = facts.num_planes
        count = f"{planes.n_planes:,}" if total is None else f"{planes.n_planes:,} of {total:,}"
        state = "" if self._session.running else f" ({self._session.state})"
        return f"{count} planes{state}"

    def _rate(self) -> str:
        if self._session.facts is None or not self._session.running:
            return ""
        since = time.monotonic() - RATE_WINDOW_S
        n_planes = sum(n for at, n in self._arrivals if at >= since)
        return f"{n_planes / RATE_WINDOW_S:.1f} planes/s" if n_planes else ""

    def _delay(self) -> str:
        session = self._session
        # What comes to the picture because another value is held is not news.
        if self._delay_ms is None or session.locks or not (session.running and session.following):
            return ""
        if self._delay_ms >= 10_000:
            return f"newest shown after {self._delay_ms / 1000:.0f} s"
        return f"newest shown after {self._delay_ms:.0f} ms"

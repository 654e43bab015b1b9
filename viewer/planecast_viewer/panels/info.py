"""What the acquisition or file is."""

import time
from collections.abc import Iterator
from html import escape
from typing import ClassVar

from PySide6.QtWidgets import QFrame, QTextEdit, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.facts import Facts
from planecast_viewer.panels.panel import Panel
from planecast_viewer.session import Session


class InfoPanel(Panel):
    """Facts, one a line; what nobody said is left out."""

    title: ClassVar[str] = "Info"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.text = QTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.viewport().setAutoFillBackground(False)
        self.text.setPlaceholderText("no acquisition yet")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        session.acquisition_changed.connect(self._refresh)
        session.state_changed.connect(self._refresh)
        session.acquisition_resumed.connect(self._refresh)
        self._refresh()

    def theme_changed(self) -> None:
        """See `Panel`."""
        self._refresh()

    def _refresh(self) -> None:
        facts = self.session.facts
        rows = [] if facts is None else [*describe(facts), *self._state()]
        cells = "".join(
            f"<tr><td style='padding-right: 10px'><span style='color: {theme.muted()}'>{name}"
            f"</span></td><td>{escape(value)}</td></tr>"
            for name, value in rows
        )
        self.text.setHtml(f"<table cellpadding='2'>{cells}</table>" if rows else "")

    def _state(self) -> Iterator[tuple[str, str]]:
        if self.session.state != "file":
            yield "state", self.session.state
        if self.session.end_reason:
            yield "reason", self.session.end_reason
        for number, resumed_at in enumerate(self.session.resumed):
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(resumed_at))
            yield "" if number else "resumed", at


def describe(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield (what, value) for all that is known."""
    yield "name", facts.name
    if facts.format is not None:
        yield "format", facts.format
    if facts.started_at is not None:
        yield "started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(facts.started_at))
    for number, channel in enumerate(facts.channels):
        yield "" if number else "channels", channel.name
    wells = {label.partition(":")[0] for label in facts.fov_labels}
    fovs = f"{len(facts.fov_labels)}"
    many_wells = facts.kind == "live" and len(wells) > 1
    yield (
        "scenes" if facts.kind == "image" else "fovs",
        (f"{fovs} in {len(wells)} wells" if many_wells else fovs),
    )
    yield "time points", "until it is ended" if facts.num_t is None else str(facts.num_t)
    yield "z planes", str(facts.num_z)
    yield "plane", f"{facts.width} × {facts.height} px"
    if facts.pixel_size_um is not None:
        width_um = facts.width * facts.pixel_size_um
        height_um = facts.height * facts.pixel_size_um
        yield "pixel", f"{facts.pixel_size_um:g} µm"
        yield "field", f"{width_um:,.0f} × {height_um:,.0f} µm"
    if facts.z_step_um is not None:
        yield "z step", f"{facts.z_step_um:g} µm"
    if facts.time_interval_s is not None:
        yield "interval", f"{facts.time_interval_s:g} s"
    for note in facts.notes:
        yield "note", note

"""Measures what is shown, and series over z or time. The numbers come from threads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import PlanecastError
from planecast_viewer.colors import channel_color
from planecast_viewer.follow import Presenter
from planecast_viewer.frame import Frame
from planecast_viewer.keep.choice import plane_at
from planecast_viewer.keep.job import Control, Job, ThreadJob
from planecast_viewer.keep.plane_stream import read_planes
from planecast_viewer.measure.choice import Curve, Measured, Series, SeriesAxis
from planecast_viewer.measure.numbers import RegionNumbers, numbers_in, parts_of, profile
from planecast_viewer.measure.shapes import Line, Rectangle, Shape
from planecast_viewer.newest_wins import NewestWins
from planecast_viewer.planes import PixelSource, WantedPlane
from planecast_viewer.session import Session


@dataclass(frozen=True)
class _Channel:
    number: int
    name: str
    color: str


class Measuring(QObject):
    """Fulfils what `session.measuring` wants. GUI thread only; it waits for nothing."""

    _found = Signal(object)

    def __init__(
        self, session: Session, presenter: Presenter, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._presenter = session, presenter
        self._choice = session.measuring
        self._source: PixelSource | None = None
        self._newest = NewestWins("measuring", self._found.emit)
        self._job: Job | None = None
        self._series: list[Series] = []
        self._found.connect(self._on_found)
        presenter.frame_ready.connect(self._on_frame_ready)
        self._choice.shape_changed.connect(self._on_shape_changed)
        self._choice.series_wanted.connect(self._on_series_wanted)
        self._choice.series_cancelled.connect(self._on_series_cancelled)
        session.acquisition_changed.connect(self._choice.clear)

    def set_client(self, client: PixelSource) -> None:
        """Take the client that series are read from."""
        self._source = client

    def close(self) -> None:
        """End the threads. May be called twice."""
        self._newest.stop()
        if self._job is not None:
            self._job.close()
            self._job = None

    # ------------------------------------------------------------ what is shown

    def _on_shape_changed(self, shape: Shape | None) -> None:
        if shape is None:
            self._newest.stop()
            self._on_series_cancelled()
        else:
            self._measure(self._presenter.frame)

    def _on_frame_ready(self, frame: Frame, _calm: bool) -> None:
        self._measure(frame)

    def _measure(self, frame: Frame | None) -> None:
        shape, facts = self._choice.shape, self._session.facts
        if shape is None or frame is None or facts is None:
            return
        planes = [
            (channel, plane.pixels)
            for channel in self._channels()
            if channel.number < len(frame.planes)
            and (plane := frame.planes[channel.number]) is not None
            and not plane.draft  # the exact one follows
        ]
        pixel_um = facts.pixel_size_um
        self._newest.submit(lambda: measure(shape, planes, pixel_um))

    def _on_found(self, measured: Measured) -> None:
        if measured.shape == self._choice.shape:
            self._choice.measured.emit(measured)

    def _channels(self) -> list[_Channel]:
        facts = self._session.facts
        assert facts is not None
        n = len(facts.channels)
        return [
            _Channel(c, facts.channels[c].name, channel_color(facts.channels[c], c, n).rgb)
            for c in self._session.visible_channels()
        ]

    # ------------------------------------------------------------ series

    def _on_series_wanted(self, axis: SeriesAxis) -> None:
        shape, source = self._choice.shape, self._source
        if self._job is not None or not isinstance(shape, Rectangle):
            return
        if source is None:
            self._choice.series_ended.emit("there is no reader worker to read the planes")
            return
        channels = self._channels()
        positions = self._positions(axis)
        planes = [
            [plane_at(self._session, position, one.number) for position in positions]
            for one in channels
        ]

        def work(control: Control) -> str:
            self._series.append(follow(axis, shape, channels, planes, source, control))
            return ""

        self._job = ThreadJob("measuring", work, self)
        self._job.progressed.connect(self._choice.series_progressed)
        self._job.ended.connect(self._on_series_ended)
        self._job.start()

    def _positions(self, axis: SeriesAxis) -> list[Position]:
        shown = self._session.shown
        length = getattr(self._session.extents, axis)
        return [shown._replace(**{axis: value}) for value in range(length)]

    def _on_series_cancelled(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _on_series_ended(self, outcome: str, text: str) -> None:
        if self._job is not None:
            self._job.deleteLater()
            self._job = None
        series, self._series = self._series, []
        if outcome == "done":
            self._choice.series_ended.emit(series[-1])
        else:
            self._choice.series_ended.emit("" if outcome == "cancelled" else text)


def measure(
    shape: Shape, planes: list[tuple[_Channel, npt.NDArray[Any]]], pixel_size_um: float | None
) -> Measured:
    """Return what a shape shows in planes. Not for the GUI thread."""
    profiles, regions = [], []
    for channel, pixels in planes:
        for name, part in parts_of(channel.name, pixels):
            if isinstance(shape, Line):
                distance, values = profile(part, shape)
                profiles.append(
                    Curve(name, channel.color, distance * (pixel_size_um or 1.0), values)
                )
            else:
                regions.append((name, numbers_in(part, shape)))
    return Measured(shape, tuple(profiles), tuple(regions), pixel_size_um)


def follow(
    axis: SeriesAxis,
    shape: Rectangle,
    channels: list[_Channel],
    planes: list[list[WantedPlane | None]],
    source: PixelSource,
    control: Control,
) -> Series:
    """Return a rectangle's numbers in each channel's planes. Not for the GUI thread.

    Raises `CancelledError`.
    """
    wanted = [plane for one in planes for plane in one if plane is not None]
    answers = read_planes(source, wanted, control.cancelled)
    failures: list[str] = []
    found: dict[tuple[str, str], list[RegionNumbers | None]] = {}
    done = 0
    for channel, stack in zip(channels, planes, strict=True):
        for place, plane in enumerate(stack):
            if plane is None:
                continue
            answer = next(answers)[1]
            done += 1
            if isinstance(answer, PlanecastError):
                failures.append(answer.message)
            else:
                for name, part in parts_of(channel.name, answer.pixels):
                    column = found.setdefault((name, channel.color), [None] * len(stack))
                    column[place] = numbers_in(part, shape)
            del answer
            control.progress(done, len(wanted))
    curves = tuple(
        Curve(
            name,
            color,
            np.arange(len(column), dtype=np.float64),
            np.array([np.nan if one is None else one.mean for one in column]),
        )
        for (name, color), column in found.items()
    )
    return Series(axis, shape, curves, tuple(map(tuple, found.values())), tuple(failures))

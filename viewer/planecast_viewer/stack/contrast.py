"""Automatic contrast of a whole stack: that of the shown plane would fit no other."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from planecast_protocol.planes import PlaneStatistics
from planecast_viewer.ndv_view import NdvView
from planecast_viewer.newest_wins import NewestWins
from planecast_viewer.sample_statistics import sample_statistics
from planecast_viewer.session import Session
from planecast_viewer.stack.feed import StackFeed
from planecast_viewer.stack.planes import Stack, StackPlace, StackPlane

EVERY_MS = 400
"""While planes come in."""

Whole = dict[int, tuple[PlaneStatistics, np.dtype[Any]]]


class StackContrast(QObject):
    """Has the channels' automatic limits made of the stack while it is looked at. GUI thread."""

    _found = Signal(object)

    def __init__(self, session: Session, feed: StackFeed, picture: NdvView) -> None:
        super().__init__(feed)
        self._session, self._feed, self._picture = session, feed, picture
        self._brightest = False
        self._active = False
        self._thread = NewestWins("stack contrast", self._found.emit)
        self._found.connect(self._on_found)
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self._measure)
        feed.changed.connect(self._on_changed)

    def start(self, *, brightest: bool) -> None:
        """Make contrast of the stack's pixels from now on, or of the brightest along z."""
        self._active, self._brightest = True, brightest
        self._measure()

    def stop(self) -> None:
        """Leave it to each plane again. May be called twice."""
        if self._active:
            self._active = False
            self._timer.stop()
            self._thread.stop()
            self._picture.set_statistics({})

    def _on_changed(self) -> None:
        if self._active and not self._timer.isActive():
            self._timer.start()

    def _measure(self) -> None:
        stack, brightest = self._feed.stack(), self._brightest
        if stack is not None and not stack.is_empty:
            self._thread.submit(lambda: (stack.place, statistics_of(stack, brightest=brightest)))

    def _on_found(self, found: tuple[StackPlace, Whole]) -> None:
        place, whole = found
        stack = self._feed.stack()
        if self._active and stack is not None and stack.place == place:
            self._picture.set_statistics(whole)


def statistics_of(stack: Stack, *, brightest: bool) -> Whole:
    """Return the statistics of each channel that has a plane. Not for the GUI thread."""
    whole: Whole = {}
    for channel, planes in stack.planes.items():
        here = [plane for plane in planes if plane is not None]
        statistics = _of_planes(here, brightest=brightest) if here else None
        if statistics is not None:
            whole[channel] = statistics, here[0].pixels.dtype
    return whole


def _of_planes(planes: list[StackPlane], *, brightest: bool) -> PlaneStatistics | None:
    samples = np.stack([plane.sample for plane in planes])
    values = np.fmax.reduce(samples, axis=0) if brightest else samples.reshape(-1)
    # A sample may miss the extremes, which are what the row's slider goes to.
    lowest, highest = zip(*(plane.extremes for plane in planes), strict=True)
    ends = np.array([min(lowest), max(highest)]).astype(values.dtype)
    return sample_statistics(np.concatenate([values, ends]))

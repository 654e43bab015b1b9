"""The thread that composes: newest wins, and it can always be ended."""

import gc
import logging
import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from planecast_viewer.canvas import render_thread
from planecast_viewer.canvas.compositing import Layer, Lut, compose
from planecast_viewer.canvas.render_thread import Frame, RenderThread, Wish
from planecast_viewer.canvas.view import View


class Gate:
    """Holds each composition until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.composed: list[Wish] = []
        self.drafts: list[bool] = []

    def compose(self, wish: Wish, *, draft: bool) -> Frame:
        self.composed.append(wish)
        self.drafts.append(draft)
        self.entered.set()
        assert self.opened.wait(10)
        pixels = compose(wish.layers, wish.width, wish.height, wish.view, draft=draft)
        return Frame(pixels, wish, draft=draft)


@pytest.fixture
def thread(qapp: QApplication) -> Iterator[RenderThread]:
    thread = RenderThread()
    yield thread
    thread.close()


@pytest.fixture
def gate(thread: RenderThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(render_thread, "_compose", gate.compose)
    yield gate
    gate.opened.set()


def wish(value: int = 255, width: int = 7):
    layer = Layer(np.full((5, 7), value, np.uint8), Lut(0, 255))
    return Wish((layer,), width, 5, View(0, 0, 1))


def shown_red(thread: RenderThread):
    """Return the red of the frame that waits to be taken."""
    frame = thread._frame
    return None if frame is None else frame.image.pixelColor(0, 0).red()


def test_a_wish_becomes_a_frame(thread: RenderThread, qtbot: QtBot) -> None:
    with qtbot.waitSignal(thread.frame_ready):
        thread.submit(wish(128))
    frame = thread.take()
    assert frame is not None
    assert (frame.image.width(), frame.image.height()) == (7, 5)
    assert frame.image.pixelColor(3, 3).getRgb() == (128, 128, 128, 255)
    assert thread.take() is None


def test_of_many_wishes_only_the_newest_is_composed(
    thread: RenderThread, gate: Gate, qtbot: QtBot
) -> None:
    first, *_, last = wishes = [wish(n) for n in range(20)]
    thread.submit(first)
    assert gate.entered.wait(10)
    for later in wishes[1:]:
        thread.submit(later)
    gate.opened.set()
    qtbot.waitUntil(lambda: shown_red(thread) == 19)
    assert gate.composed == [first, last]


def test_frames_that_nobody_takes_do_not_pile_up(thread: RenderThread, qtbot: QtBot) -> None:
    delivered = []
    thread.frame_ready.connect(lambda: delivered.append(1))
    thread.submit(wish(1))
    qtbot.waitUntil(lambda: shown_red(thread) == 1)
    for value in range(2, 30):
        thread.submit(wish(value))
    qtbot.waitUntil(lambda: shown_red(thread) == 29)
    assert delivered == [1]


def composing() -> set[threading.Thread]:
    """Return the threads that compose; the window of another test may have one."""
    return {t for t in threading.enumerate() if t.name == "raster canvas"}


def test_close_waits_for_the_end_drops_what_waits_and_may_be_repeated(
    thread: RenderThread, gate: Gate
) -> None:
    before = composing()
    thread.submit(wish())
    assert gate.entered.wait(10)
    thread.submit(wish())
    threading.Timer(0.05, gate.opened.set).start()
    thread.close()
    assert composing() == before
    assert len(gate.composed) == 1
    assert thread.take() is None
    thread.close()
    thread.submit(wish())
    assert composing() == before


def test_a_plane_that_cannot_be_composed_does_not_end_the_thread(
    thread: RenderThread, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    no_numbers = Layer(np.full((5, 7), "x", object), Lut(0, 1))
    with caplog.at_level(logging.ERROR):
        thread.submit(Wish((no_numbers,), 7, 5, View(0, 0, 1)))
        qtbot.waitUntil(lambda: bool(caplog.records))
    with qtbot.waitSignal(thread.frame_ready):
        thread.submit(wish(9))
    frame = thread.take()
    assert frame is not None
    assert frame.image.pixelColor(0, 0).red() == 9


def test_an_idle_thread_holds_no_planes(thread: RenderThread, qtbot: QtBot) -> None:
    class Plane(np.ndarray):
        pass

    plane = np.zeros((5, 7), np.uint8).view(Plane)
    gone = weakref.ref(plane)
    with qtbot.waitSignal(thread.frame_ready):
        thread.submit(Wish((Layer(plane, Lut(0, 1)),), 7, 5, View(0, 0, 1)))
    del plane
    gc.collect()
    qtbot.waitUntil(lambda: gone() is None)


def reduced(value: int = 0) -> Wish:
    """Return a wish for a picture in which each pixel shows 4 × 4 of the plane's."""
    plane = np.zeros((40, 40), np.uint8)
    plane[::4, ::4] = 160 + value
    return Wish((Layer(plane, Lut(0, 255)),), 10, 10, View(0, 0, 4))


def test_pictures_that_follow_one_another_are_drafts_and_the_last_is_then_composed_in_full(
    thread: RenderThread, gate: Gate, qtbot: QtBot
) -> None:
    gate.opened.set()
    thread.submit(reduced())
    qtbot.waitUntil(lambda: thread.take() is not None)
    thread.submit(reduced(1))
    qtbot.waitUntil(lambda: len(gate.composed) == 3)
    assert gate.drafts == [False, True, False]
    assert gate.composed[1] is gate.composed[2]


def test_a_picture_that_no_draft_could_be_cheaper_than_is_composed_once(
    thread: RenderThread, gate: Gate, qtbot: QtBot
) -> None:
    gate.opened.set()
    for value in range(3):
        thread.submit(wish(value))
        qtbot.waitUntil(lambda: thread.take() is not None)
    assert gate.drafts == [False] * 3


def test_a_new_wish_takes_the_place_of_a_draft_in_full(
    thread: RenderThread, gate: Gate, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(render_thread, "HURRY_S", 60.0)
    monkeypatch.setattr(render_thread, "REST_S", 60.0)
    gate.opened.set()
    for value in range(3):
        thread.submit(reduced(value))
        qtbot.waitUntil(lambda: thread.take() is not None)
    assert gate.drafts == [False, True, True]

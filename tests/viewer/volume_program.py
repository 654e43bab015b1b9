"""Draws volumes on a real screen and prints what was on it, as JSON. See `test_volume.py`."""

import json
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEventLoop, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

app = QApplication([])
sys.path[0:0] = sys.argv[1:]

from conftest import Acquired  # noqa: E402  the events of an acquisition

from planecast_agent.subscriber.known_planes import Position  # noqa: E402
from planecast_protocol.errors import CorruptFileError  # noqa: E402
from planecast_viewer.canvas.compositing import Lut  # noqa: E402
from planecast_viewer.session import Session  # noqa: E402
from planecast_viewer.stack.feed import StackFeed  # noqa: E402
from planecast_viewer.stack.page import StackPage  # noqa: E402
from planecast_viewer.stack.view import StackSource  # noqa: E402
from planecast_viewer.stack.volume import render_thread, textures  # noqa: E402
from planecast_viewer.stack.volume.camera import Camera  # noqa: E402
from planecast_viewer.stack.volume.view import VolumeView  # noqa: E402

# However busy the machine is, the finished picture is not a coarse one.
render_thread.FINE_S = 1000.0
NUM_Z, HEIGHT, WIDTH = 10, 40, 60
PIXEL_UM, STEP_UM = 0.5, 2.0
EXTENT = (WIDTH * PIXEL_UM, HEIGHT * PIXEL_UM, NUM_Z * STEP_UM)
SPOT = (46, 9, 7)
"""x, y, z."""
ABOVE, BEFORE, ASIDE = Camera(0, 90), Camera(0, 0), Camera(-70, 35)
GRAY = Lut(0, 255)


def ramp(red, green, blue):
    colors = np.outer(np.arange(256), (red, green, blue)).astype(np.uint8)
    return colors.tobytes()


class Disk:
    """Answers from arrays, in another thread, as the reader's client does."""

    def __init__(self, volumes, broken=()):
        self.volumes, self.broken = volumes, broken
        self.held = []
        self.hold = False
        self.cancelled = []
        self.n = 0

    def submit(self, message, on_answer, on_pending=None):
        self.n += 1
        _fov, z, channel = map(int, message.path.split("/")[1].removesuffix(".tiff").split("_"))
        answer = SimpleNamespace(pixels=self.volumes[channel][z], statistics=None)
        if (z, channel) in self.broken:
            answer = CorruptFileError("cut.tiff: too short")
        self.held.append(lambda: on_answer(answer))
        if not self.hold:
            self.let_go()
        return self.n

    def let_go(self, count=None):
        held, self.held = self.held[:count], self.held[len(self.held[:count]) :]
        for answer in held:
            thread = threading.Thread(target=answer)
            thread.start()
            thread.join()

    def cancel(self, *requests):
        self.cancelled.extend(requests)


def wait(condition, what):
    timer = QElapsedTimer()
    timer.start()
    while not condition():
        assert timer.elapsed() < 30_000, what
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


class Shown:
    """A volume on the screen."""

    def __init__(self, volumes, luts=None, *, broken=(), registered=None, hold=False, **facts):
        given = {"pixel_size_um": PIXEL_UM, "z_step_um": STEP_UM, **facts}
        names = [f"c{n}" for n in range(len(volumes))]
        acquired = Acquired(
            channels=names, num_z=len(volumes[0]), height=volumes[0].shape[1],
            width=volumes[0].shape[2], **given,
        )  # fmt: skip
        self.luts = luts or dict.fromkeys(range(len(volumes)), GRAY)
        self.session = Session("ipc:///nobody")
        places = [(0, 0, z, c) for z in range(len(volumes[0])) for c in range(len(volumes))]
        self.session.take_news(acquired.news(*(registered or places)))
        self.session.show(Position(0, 0, 0))
        self.disk = Disk(volumes, broken)
        self.disk.hold = hold
        self.feed = StackFeed(self.session)
        self.feed.set_client(self.disk)
        source = StackSource(self.session, self.feed, self.lut_of, lambda: None)
        self.feed.set_active(True)
        self.view = VolumeView(source)
        self.page = StackPage(self.view)
        self.fine = []
        self.view.drawn.connect(self.fine.append)
        self.page.resize(240, 240)
        self.page.show()
        assert QTest.qWaitForWindowExposed(self.page)

    def lut_of(self, channels):
        return {channel: self.luts[channel] for channel in channels}

    def look(self, camera=None):
        """Return the finished picture as (y, x, rgb)."""
        wait(lambda: self.feed.state().n_coming == 0, "planes")
        return self.look_now(camera)

    def look_now(self, camera=None):
        if camera is not None:
            self.view.camera = camera
        self.view.refresh()
        wait(lambda: self.view.failure or self.is_current(), "a picture")
        assert not self.view.failure, self.view.failure
        packed = self.view._picture.pixels
        assert packed.shape == (self.view.height(), self.view.width())
        return np.stack([packed >> shift & 255 for shift in (16, 8, 0)], axis=-1)

    def is_current(self):
        """Tell whether the picture is a finished one of what there is now."""
        picture = self.view._picture
        if picture is None or not picture.fine:
            return False
        wish, stack = picture.wish, self.feed.stack()
        return (
            wish.camera == self.view.camera
            and wish.stack.planes == stack.planes
            and wish.luts == self.lut_of(self.session.visible_channels())
        )

    def color_at(self, picture, point):
        x, y = self.view.camera.on_screen(point, self.view._extent, *self.size)
        return [int(value) for value in picture[int(y), int(x)]]

    @property
    def size(self):
        return self.view.width(), self.view.height()

    def close(self):
        self.view.close()
        self.page.close()
        self.feed.close()


def lit(picture):
    rows, columns = np.nonzero(picture.sum(axis=-1) > 100)
    return [int(value) for value in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def volume(value=0, dtype=np.uint8):
    return np.full((NUM_Z, HEIGHT, WIDTH), value, dtype)


def middle_of(x, y, z):
    return ((x + 0.5) * PIXEL_UM, (y + 0.5) * PIXEL_UM, (z + 0.5) * STEP_UM)


def where_a_voxel_is_drawn():
    spotted = volume()
    spotted[SPOT[2], SPOT[1] - 1 : SPOT[1] + 2, SPOT[0] - 1 : SPOT[0] + 2] = 255
    shown = Shown([spotted])
    found = {}
    for name, camera in {"above": ABOVE, "before": BEFORE, "aside": ASIDE}.items():
        left, top, right, bottom = lit(shown.look(camera))
        x, y = camera.on_screen(middle_of(*SPOT), EXTENT, *shown.size)
        found[name] = [(left + right) / 2 - x, (top + bottom) / 2 - y]
    shown.view.camera = ABOVE
    corner = shown.view.camera.on_screen((0.0, 0.0, 0.0), EXTENT, *shown.size)
    facts["note"] = shown.page.text.text()
    facts["top_left_from_above"] = [corner[0] < shown.size[0] / 2, corner[1] < shown.size[1] / 2]
    shown.close()
    return found


def proportions():
    found = {}
    for name, facts_of in {"known": {}, "unknown": {"z_step_um": None}}.items():
        shown = Shown([volume(255)], **facts_of)
        found[name] = {}
        for side, camera in {"above": ABOVE, "before": BEFORE}.items():
            left, top, right, bottom = lit(shown.look(camera))
            found[name][side] = (right - left) / (bottom - top)
        found[name]["note"] = shown.page.text.text()
        shown.close()
    return found


def colors():
    first, second = volume(), volume()
    first[2:8, 10:30, 10:30] = 200
    second[2:8, 10:30, 20:50] = 100
    luts = {0: Lut(0, 200, colors=ramp(0, 1, 0)), 1: Lut(0, 200, colors=ramp(1, 0, 0))}
    shown = Shown([first, second], luts)
    picture = shown.look(ABOVE)
    points = {"first": (15, 20, 5), "both": (25, 20, 5), "second": (40, 20, 5), "none": (55, 5, 5)}
    found = {name: shown.color_at(picture, middle_of(*at)) for name, at in points.items()}
    luts[1] = Lut(0, 200, 2.0, colors=ramp(0, 0, 1))
    found["other look"] = shown.color_at(shown.look(ABOVE), middle_of(40, 20, 5))
    shown.session.set_channel_visible((False, True))
    found["hidden"] = shown.color_at(shown.look(ABOVE), middle_of(15, 20, 5))
    shown.close()
    return found


def dtypes():
    found = {}
    for name, low, high in (
        ("u1", 0, 200), ("u2", 100, 60_000), ("i2", -500, 500), ("u4", 0, 4e6), ("f4", -1.5, 1.5),
        ("f8", 0, 1e-3),
    ):  # fmt: skip
        block = volume(low, np.dtype(name))
        block[2:8, 10:30, 10:30] = low + (high - low) / 2
        block[2:8, 10:30, 40:50] = high
        shown = Shown([block], {0: Lut(low, high)})
        picture = shown.look(ABOVE)
        points = ((55, 20, 5), (20, 20, 5), (45, 20, 5))
        found[name] = [shown.color_at(picture, middle_of(*at))[0] for at in points]
        shown.close()
    rgb = np.zeros((NUM_Z, HEIGHT, WIDTH, 3), np.uint8)
    rgb[2:8, 10:30, 10:30] = (200, 100, 50)
    shown = Shown([rgb])
    found["rgb"] = shown.color_at(shown.look(ABOVE), middle_of(20, 20, 5))
    shown.close()
    return found


def missing():
    registered = [(0, 0, z, 0) for z in range(NUM_Z) if z != 2]
    shown = Shown([volume(255)], broken={(6, 0)}, registered=registered)
    picture = shown.look(BEFORE)
    found = {
        "brightness": [
            shown.color_at(picture, middle_of(WIDTH // 2, HEIGHT // 2, z))[0] for z in range(NUM_Z)
        ],
        "text": shown.page.text.text(),
    }
    shown.close()
    return found


def small_textures():
    """Draw with a card whose textures have 16 pixels at most, and 4 planes."""
    of = textures.Textures.__init__

    def small(self, functions):
        of(self, functions)
        self._longest = 16

    made, make = [], textures.Textures._make

    def noted(self, *arguments):
        made.append(make(self, *arguments))
        return made[-1]

    textures.Textures.__init__ = small
    textures.Textures._make = noted
    spotted = np.zeros((40, HEIGHT, WIDTH), np.uint16)
    spotted[27:30, 7:12, 44:49] = 255
    shown = Shown([spotted], z_step_um=0.5)
    left, top, right, bottom = lit(shown.look(ASIDE))
    extent = (EXTENT[0], EXTENT[1], 20.0)
    x, y = ASIDE.on_screen((46.5 * 0.5, 9.5 * 0.5, 28.5 * 0.5), extent, *shown.size)
    shown.close()
    textures.Textures.__init__, textures.Textures._make = of, make
    return {"error": [(left + right) / 2 - x, (top + bottom) / 2 - y], "shape": list(made[0].shape)}


def progressive():
    shown = Shown([volume(255)], hold=True)
    wait(lambda: shown.disk.held, "a request")
    shown.disk.let_go(1)
    wait(lambda: shown.feed.state().n_here == 1, "a plane")
    first = shown.look_now(BEFORE)
    found = {"first": lit(first), "says": shown.page.text.text(), "bar": shown.page.bar.isVisible()}
    shown.disk.hold = False
    shown.disk.let_go()
    found["all"] = lit(shown.look(BEFORE))
    found["bar_at_end"] = shown.page.bar.isVisible()
    shown.close()
    return found


def closed_while_loading():
    shown = Shown([volume(255)], hold=True)
    wait(lambda: len(shown.disk.held) == 4, "requests")
    shown.disk.let_go(1)
    wait(lambda: shown.feed.state().n_here == 1, "a plane")
    shown.view.refresh()
    wait(lambda: shown.fine, "a picture")
    names = sorted(t.name for t in threading.enumerate())
    shown.close()
    late, shown.disk.held = shown.disk.held, []
    for answer in late:
        answer()
    return {
        "before": names,
        "after": sorted(t.name for t in threading.enumerate()),
        "withdrawn": len(set(shown.disk.cancelled)),
    }


def turning():
    shown = Shown([volume(255)])
    shown.look()
    view, before = shown.view, shown.view.camera
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    QTest.mouseMove(view, QPoint(110, 105))
    QTest.mouseMove(view, QPoint(125, 110))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(125, 110))
    turned = view.camera
    view.nudge(1, 0)
    nudged = view.camera
    view.zoom_by(2)
    zoomed = lit(shown.look())
    view.one_to_one()
    per_px = view.camera.units_per_px(view._extent, *shown.size)
    view.fit()
    found = {
        "turned": [
            turned.azimuth_deg - before.azimuth_deg,
            turned.elevation_deg - before.elevation_deg,
        ],
        "nudged": nudged.azimuth_deg - turned.azimuth_deg,
        "zoomed": zoomed,
        "size": list(shown.size),
        "one_to_one_um": per_px,
        "reset": view.camera == replace(before),
        "scale_bar": view.overlay.um_per_px,
    }
    shown.close()
    return found


facts = {}
for case in (
    where_a_voxel_is_drawn, proportions, colors, dtypes, missing, small_textures, progressive,
    closed_while_loading, turning,
):  # fmt: skip
    facts[case.__name__] = case()
facts["threads"] = sorted(t.name for t in threading.enumerate())
print(json.dumps(facts))

"""Small pictures of fovs: made in the reader's idle time, for what is visible."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import CorruptFileError, NotYetWrittenError
from planecast_protocol.planes import PlaneSource
from planecast_viewer.planes import PlaneKey, WantedPlane
from planecast_viewer.thumbnail import SIDE_PX, Thumbnail, compose, shrink
from planecast_viewer.thumbnail_feed import MAX_IN_FLIGHT, ThumbnailFeed
from planecast_viewer.thumbnail_store import MAX_BYTES, ThumbnailStore
from planecast_viewer.wishes import Wishes


def key(fov, channel=0, revision=0):
    return PlaneKey("exp7", PlaneIndex(0, fov, 0, channel), revision)


def wanted(*fovs):
    return [WantedPlane(key(fov), PlaneSource(path=f"data:{fov}.tiff"), True) for fov in fovs]


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize(
    "shape", [(2048, 2048), (100, 700), (1, 512), (64, 64), (3, 2), (129, 129)]
)
def test_thumbnail_is_small_and_keeps_its_proportions(shape):
    small = shrink(np.zeros(shape, np.uint16), None).pixels
    assert max(small.shape) <= SIDE_PX
    step = max(1, -(-max(shape) // SIDE_PX))
    assert small.shape == tuple(-(-side // step) for side in shape)


def test_thumbnail_shows_what_is_where():
    plane = np.zeros((512, 512), np.uint16)
    plane[:, 256:] = 1000
    small = shrink(plane, None).pixels
    assert (small[:, :60] == 0).all()
    assert (small[:, 68:] == 1000).all()


def test_thumbnail_takes_the_workers_percentiles(answer_with):
    plane = np.arange(256, dtype=np.uint16).reshape(16, 16)
    small = shrink(plane, answer_with(plane).statistics)
    assert (small.low, small.high) == (0.0, 255.0)


def test_thumbnail_of_nothing_finite_is_black():
    plane = np.full((8, 8), np.nan, np.float32)
    small = shrink(plane, None)
    assert not compose([(small, (small.low, small.high), (255, 255, 255))])[..., :3].any()


def test_channels_add_up_in_their_colours():
    left = Thumbnail(np.array([[10.0, 0.0]], np.float32), 0, 10)
    right = Thumbnail(np.array([[0.0, 5.0]], np.float32), 0, 10)
    picture = compose([(left, (0, 10), (255, 0, 0)), (right, (0, 10), (0, 0, 255))])
    assert picture[0, 0].tolist() == [0, 0, 255, 255]
    assert picture[0, 1].tolist() == [127, 0, 0, 255]


def test_rgb_keeps_its_colours():
    plane = np.zeros((4, 4, 3), np.uint8)
    plane[...] = (200, 100, 50)
    small = shrink(plane, None)
    picture = compose([(small, (small.low, small.high), (255, 255, 255))])
    assert picture[0, 0].tolist() == [50, 100, 200, 255]


def test_a_dim_fov_is_dim_beside_a_bright_one(qapp):
    store = ThumbnailStore()
    store.add(key(0), Thumbnail(np.full((4, 4), 100, np.float32), 0, 100))
    store.add(key(1), Thumbnail(np.full((4, 4), 1000, np.float32), 0, 1000))
    dim, bright = (store.picture([key(n)], {0: "#ffffff"}).pixelColor(1, 1).red() for n in (0, 1))
    assert dim < 40
    assert bright > 200


def test_store_is_bounded(qapp):
    store = ThumbnailStore()
    pixels = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for fov in range(2 * MAX_BYTES // pixels.nbytes):
        store.add(key(fov), Thumbnail(pixels, 0, 1))
    assert store.n_bytes <= MAX_BYTES
    assert not store.has(key(0))
    assert store.has(key(fov))


# ---------------------------------------------------------------- the feed


@pytest.fixture
def feed(qapp, client):
    wishes = Wishes()
    feed = ThumbnailFeed(wishes)
    feed.set_client(client)
    feed.ready = []
    wishes.thumbnails_ready.connect(feed.ready.extend)
    yield feed
    feed.close()


def test_few_are_asked_at_a_time_with_the_lowest_priority(feed, client, answer_with, qtbot):
    feed.want(wanted(*range(10)))
    assert len(client.prefetched) == MAX_IN_FLIGHT
    assert not client.open
    message = client.prefetched[0].message
    assert message.statistics
    assert not message.keep
    assert not message.wait
    for _ in range(10):
        with qtbot.waitSignal(feed._wishes.thumbnails_ready):
            client.answer(client.prefetched[0], answer_with(np.zeros((8, 8), np.uint16)))
    assert [k.index.fov for k, _outcome in feed.ready] == list(range(10))


def test_planes_are_made_small_outside_of_the_gui_thread(feed, client, qtbot, monkeypatch):
    threads = []

    def watched(plane, statistics):
        threads.append(threading.current_thread())
        return shrink(plane, statistics)

    monkeypatch.setattr("planecast_viewer.thumbnail_feed.shrink", watched)
    feed.want(wanted(0))
    with qtbot.waitSignal(feed._wishes.thumbnails_ready):
        answer = SimpleNamespace(pixels=np.zeros((8, 8), np.uint16), statistics=None)
        client.answer(client.prefetched[0], answer)
    assert threads
    assert threading.main_thread() not in threads


def test_what_is_scrolled_away_is_withdrawn(feed, client, answer_with, qtbot):
    feed.want(wanted(0, 1, 2, 3))
    late = client.prefetched[0]
    feed.want(wanted(8))
    assert [entry.message.path for entry in client.prefetched] == ["data:8.tiff"]
    client.answer(late, answer_with(np.zeros((8, 8), np.uint16)))
    with qtbot.waitSignal(feed._wishes.thumbnails_ready):
        client.answer(client.prefetched[0], answer_with(np.zeros((8, 8), np.uint16)))
    assert [k.index.fov for k, _outcome in feed.ready] == [8]


def test_why_there_is_none_is_told(feed, client, qtbot):
    feed.want(wanted(0))
    with qtbot.waitSignal(feed._wishes.thumbnails_ready):
        client.answer(client.prefetched[0], CorruptFileError("0.tiff: cut"))
    assert feed.ready == [(key(0), "0.tiff: cut")]


# ---------------------------------------------------------------- the panel


@pytest.fixture
def panel(viewer, make_acquired, qtbot):
    """The panel of 400 fovs with one channel, of which the first 300 are acquired."""
    labels = [f"A{n // 40 + 1}:{n % 40}" for n in range(400)]
    acquired = make_acquired(fov_labels=labels, num_t=2, num_z=1, channels=["BF"])
    viewer.session.take_news(acquired.news(*((0, fov, 0, 0) for fov in range(300))))
    viewer.session.show(Position(0, 0, 0))
    dock = viewer.window.docks["thumbnails"]
    dock.show()
    dock.raise_()
    qtbot.waitUntil(dock.widget().isVisible)
    dock.widget().acquired = acquired
    yield dock.widget()
    dock.hide()


def fovs_of(client):
    paths = (entry.message.path for entry in client.prefetched if not entry.message.keep)
    return {int(path.partition("/")[2].partition("_")[0]) for path in paths}


def answer_thumbnails(client, answer_with, brightness=1000):
    for entry in client.prefetched:
        if not entry.message.keep:
            client.answer(entry, answer_with(np.full((64, 96), brightness, np.uint16)))


def test_only_what_is_visible_is_asked_for(panel, client, answer_with, qtbot):
    asked = set()

    def all_there():
        asked.update(fovs_of(client))
        answer_thumbnails(client, answer_with)
        return all(isinstance(panel._picture(fov), QImage) for fov in panel.view.visible_fovs())

    qtbot.waitUntil(all_there)
    assert asked == set(panel.view.visible_fovs())
    assert len(asked) < 60


def test_scrolling_asks_for_others(panel, client, qtbot):
    bar = panel.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    visible = panel.view.visible_fovs()
    assert visible.start > 100
    qtbot.waitUntil(lambda: bool(fovs_of(client)) and fovs_of(client) <= set(visible))


def test_fov_without_planes_says_so(panel):
    assert panel._picture(350) == "nothing yet"


def test_reason_is_said_where_a_picture_fails(panel, client, qtbot):
    qtbot.waitUntil(lambda: 0 in fovs_of(client))
    entry = next(e for e in client.prefetched if "/0_" in e.message.path and not e.message.keep)
    client.answer(entry, CorruptFileError("0.tiff: cut in the middle"))
    qtbot.waitUntil(lambda: panel._picture(0) == "0.tiff: cut in the middle")


def test_what_was_not_written_yet_is_tried_again(panel, client, answer_with, qtbot, monkeypatch):
    monkeypatch.setattr("planecast_viewer.panels.thumbnails.RETRY_AFTER_S", 0.05)
    qtbot.waitUntil(lambda: 0 in fovs_of(client))
    entry = next(e for e in client.prefetched if "/0_" in e.message.path and not e.message.keep)
    client.answer(entry, NotYetWrittenError("0.tiff: not there"))

    def there():
        answer_thumbnails(client, answer_with)
        return isinstance(panel._picture(0), QImage)

    qtbot.waitUntil(there)


def test_click_goes_there(panel, viewer, qtbot):
    place = panel.view.place_of(3).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert viewer.session.shown == Position(0, 3, 0)


def test_keys_move_and_go(panel, viewer, qtbot):
    panel.view.setFocus()
    panel.view.cursor_fov = 0
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    fov = 1 + panel.view._columns
    assert panel.view.cursor_fov == fov
    assert viewer.session.shown.fov == 0
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert viewer.session.shown == Position(0, fov, 0)
    qtbot.keyClick(panel.view, Qt.Key.Key_End)
    assert 399 in panel.view.visible_fovs()


def test_newest_time_point_up_to_the_one_shown(panel, viewer):
    viewer.session.take_news([panel.acquired.rows((1, 0, 0, 0))])
    viewer.session.show(Position(1, 0, 0))
    assert panel._keys(0)[0].index.t == 1
    assert panel._keys(1)[0].index.t == 0
    viewer.session.show(Position(0, 0, 0))
    assert panel._keys(0)[0].index.t == 0


def test_old_picture_stays_until_the_new_one_is_there(panel, viewer, client, answer_with, qtbot):
    def there():
        answer_thumbnails(client, answer_with)
        return isinstance(panel._picture(0), QImage)

    qtbot.waitUntil(there)
    viewer.session.take_news([panel.acquired.rows((1, 0, 0, 0))])
    viewer.session.show(Position(1, 0, 0))
    assert isinstance(panel._picture(0), QImage)


def test_hidden_panel_asks_for_nothing(panel, viewer, client, qtbot):
    qtbot.waitUntil(lambda: bool(fovs_of(client)))
    viewer.window.docks["thumbnails"].hide()
    assert not fovs_of(client)


def test_larger_pictures_are_fewer(panel, qtbot):
    before = len(panel.view.visible_fovs())
    panel.view.setFocus()
    for _ in range(3):
        qtbot.keyClick(panel.view, Qt.Key.Key_Plus)
    assert len(panel.view.visible_fovs()) < before
    for _ in range(2):
        qtbot.keyClick(panel.view, Qt.Key.Key_Minus)

"""What outlives the viewer: the window, recent files, and where somebody was."""

import pytest
import shiboken6
from PySide6.QtCore import QByteArray

from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import AcquisitionsListed
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer.memory import MAX_PLACES, MAX_RECENT, Memory, Place
from planecast_viewer.remembering import Remembering


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new folder" / "viewer.ini"


def again(memory):
    """Return the memory of the next run."""
    memory.save()
    return Memory(memory.path)


# ---------------------------------------------------------------- the file


def test_everything_comes_back(qapp, path):
    memory = Memory(path)
    memory.add_recent_file("/data/a, b & ü.czi")
    memory.last_file = "/data/last.czi"
    memory.folder = "/data"
    memory.keep_window(QByteArray(b"\x00\x01geometry"), QByteArray(b"\xffdocks"))
    place = Place(Position(3, 2, 1), (True, False))
    memory.set_place("local:data/x.czi", place)
    memory = again(memory)
    assert memory.recent_files == ["/data/a, b & ü.czi"]
    assert (memory.last_file, memory.folder) == ("/data/last.czi", "/data")
    assert memory.geometry == QByteArray(b"\x00\x01geometry")
    assert memory.docks == QByteArray(b"\xffdocks")
    assert memory.place("local:data/x.czi") == place
    assert memory.place("local:data/x.czi").position.t == 3


def test_recent_files_are_few_and_each_is_there_once(qapp, path):
    memory = Memory(path)
    for number in [*range(MAX_RECENT + 5), 7]:
        memory.add_recent_file(f"/data/{number}.czi")
    files = again(memory).recent_files
    assert len(files) == MAX_RECENT
    assert files[:2] == ["/data/7.czi", f"/data/{MAX_RECENT + 4}.czi"]


def test_places_are_bounded_and_the_oldest_go(qapp, path):
    memory = Memory(path)
    for number in range(MAX_PLACES + 10):
        memory.set_place(f"{number}", Place(Position(number, 0, 0), (True,)))
    memory = again(memory)
    assert memory.place("9") is None
    assert memory.place("10").position.t == 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no settings at all",
        "[files]\nrecent=17\nlast=[]\n[places]\nx=1\n[window]\ngeometry=5\n",
        '[General]\nplaces="{\\"a\\": 3}"\n[files]\nrecent="[1, 2]"\n',
    ],
)
def test_file_that_cant_be_understood_counts_as_empty(qapp, path, text):
    path.parent.mkdir()
    path.write_text(text)
    memory = Memory(path)
    assert memory.recent_files == []
    assert memory.last_file == ""
    assert memory.place("a") is None
    assert memory.geometry.isEmpty()


def test_without_a_file_nothing_is_kept(qapp):
    memory = Memory(None)
    memory.add_recent_file("/data/x.czi")
    memory.keep_window(QByteArray(b"g"), None)
    memory.save()
    assert memory.recent_files == ["/data/x.czi"]
    assert Memory(None).recent_files == []


# ---------------------------------------------------------------- the window and the session


@pytest.fixture
def run(viewer, path):
    """Begin another run of the viewer, as far as its memory goes."""
    runs = []

    def run():
        while runs:
            end(runs.pop())
        runs.append(Remembering(Memory(path), viewer.session, viewer.window))
        return runs[-1]

    def end(remembering):
        remembering.save()
        shiboken6.delete(remembering)

    yield run
    while runs:
        end(runs.pop())


def image(path="local:x.czi"):
    sizes = {"T": 4, "C": 2, "Z": 5, "Y": 8, "X": 8}
    channels = [ChannelInfo(name="DAPI"), ChannelInfo(name="GFP")]
    scene = SceneInfo(name="s", sizes=sizes, dtype="<u2", channels=channels)
    return ImageInfo(path=path, format="czi", reader="r", scenes=[scene])


def listed(name, state):
    summary = AcquisitionSummary(
        acquisition=name, name=name, state=state, head=1, planes=0, started_at=1.0
    )
    return AcquisitionsListed((summary,), "")


def test_window_and_panels_are_as_they_were(viewer, path, qtbot):
    window = viewer.window
    first = Remembering(Memory(path), viewer.session, window)
    viewer.session.open_image(image())
    window.resize(780, 690)
    size = window.size()
    window.docks["log"].show()
    window.docks["info"].hide()
    first.save()
    shiboken6.delete(first)
    window.resize(790, 740)
    assert window.size() != size
    window.docks["log"].hide()
    window.docks["info"].show()
    second = Remembering(Memory(path), viewer.session, window)
    assert window.size() == size
    window.docks_were_shown = False
    viewer.session.open_image(image("local:y.czi"))
    qtbot.waitUntil(lambda: not window.docks["log"].isHidden())
    assert window.docks["info"].isHidden()
    window.docks["log"].hide()
    window.docks["info"].show()
    window.restore_docks(QByteArray())
    shiboken6.delete(second)


def test_file_opens_where_somebody_was(viewer, run):
    session = viewer.session
    run()
    session.open_image(image())
    session.show(Position(3, 0, 4))
    session.set_channel_visible((False, True))
    session.open_image(image("local:other.czi"))
    assert session.shown == Position(0, 0, 0)
    session.show(Position(1, 0, 1))
    run()
    session.show_nothing()
    session.open_image(image())
    assert session.shown == Position(3, 0, 4)
    assert session.channel_visible == (False, True)
    session.open_image(image("local:other.czi"))
    assert session.shown == Position(1, 0, 1)


def test_past_acquisition_is_shown_where_somebody_was(viewer, run, acquired):
    session = viewer.session
    planes = [(t, 0, 0, c) for t in range(3) for c in range(2)]
    session.take_news([listed("exp7", "done")])
    run()
    session.take_news(acquired.news(*planes))
    session.show(Position(1, 0, 0))
    session.show_nothing()
    run()
    session.take_news(acquired.news(*planes[:2]))
    assert session.following
    session.take_news([acquired.rows(*planes[2:])])
    assert session.shown == Position(1, 0, 0)
    assert not session.following


def test_running_acquisition_is_followed_whatever_was_before(viewer, run, acquired):
    session = viewer.session
    session.take_news([listed("exp7", "running")])
    run()
    session.take_news(acquired.news((0, 0, 0, 0), (1, 0, 0, 0)))
    session.show(Position(0, 0, 0))
    session.show_nothing()
    run()
    session.take_news(acquired.news((0, 0, 0, 0), (1, 0, 0, 0)))
    assert session.following


def test_somebody_who_moves_meanwhile_is_left_alone(viewer, run, acquired):
    session = viewer.session
    session.take_news([listed("exp7", "done")])
    run()
    session.take_news(acquired.news((0, 0, 0, 0), (2, 0, 0, 0)))
    session.show(Position(2, 0, 0))
    session.show_nothing()
    run()
    session.take_news(acquired.news((0, 0, 0, 0)))
    session.show(Position(0, 1, 0))
    session.take_news([acquired.rows((2, 0, 0, 0))])
    assert session.shown == Position(0, 1, 0)

"""From a file to an acquisition and back, with a real agent."""

import pytest

from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.known_planes import Position
from planecast_agent.subscriber.news import AcquisitionsListed, LinkState
from planecast_protocol.agent_messages import AcquisitionSummary
from planecast_protocol.errors import BadPathError, CorruptFileError
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer.link import AgentLink
from planecast_viewer.memory import Memory
from planecast_viewer.session import Session
from planecast_viewer.targets import Targets

CUT = CorruptFileError("local:data/x.tif: cut", path="local:data/x.tif")


class FakeWorker:
    """Describes files when the test says so."""

    def __init__(self):
        self.opened = []

    def open_image(self, path, on_opened):
        if "bad" in path:
            raise BadPathError(f"{path}: can't be named")
        self.opened.append((path, on_opened))

    def answer(self, answer=None):
        path, on_opened = self.opened.pop()
        on_opened(answer or image(path))


def image(path, n_scenes=1):
    sizes = {"Z": 3, "Y": 8, "X": 8}
    scene = SceneInfo(name="s", sizes=sizes, dtype="<u2", channels=[ChannelInfo(name="c")])
    path = f"local:{path.removeprefix('/')}"
    return ImageInfo(path=path, format="tiff", reader="r", scenes=[scene] * n_scenes)


class Rig:
    def __init__(self, address, memory):
        self.address = address
        self.session, self.worker = Session(address), FakeWorker()
        self.memory = Memory(memory)
        self.links = []
        self.failures = []
        self.targets = Targets(self.session, self.worker, self.memory, self.listen)
        self.targets.failed.connect(lambda path, why: self.failures.append((path, why)))

    def listen(self):
        link = AgentLink(self.address)
        link.news.delivered.connect(self.session.take_news)
        self.links.append(link)
        link.start()
        return link

    @property
    def name(self):
        return None if self.session.facts is None else self.session.facts.name

    @property
    def n_planes(self):
        return 0 if self.session.planes is None else self.session.planes.n_planes


@pytest.fixture
def rig(qapp, tmp_path):
    rig = Rig(f"ipc://{tmp_path / 'agent'}", tmp_path / "viewer.ini")
    yield rig
    for link in rig.links:
        link.close()


def acquire(rig, tmp_path, name, n):
    acquisition = Acquisition.start(
        name=name,
        channels=["BF"],
        num_z=1,
        height=8,
        width=8,
        fov_labels=["A1:0"],
        agent=rig.address,
        spool_dir=tmp_path / "spool",
    )
    for t in range(n):
        acquisition.register_image(t, 0, 0, 0, tmp_path / f"{name}_{t}.tiff")
    return acquisition


def test_file_takes_the_place_of_an_acquisition_which_can_be_chosen_again(
    rig, start_agent, tmp_path, qtbot
):
    start_agent(rig.address)
    with acquire(rig, tmp_path, "exp7", 4) as acquisition:
        rig.targets.set_link(rig.listen())
        qtbot.waitUntil(lambda: rig.n_planes == 4, timeout=20_000)
        rig.targets.open_file("/data/x.tif")
        rig.worker.answer()
        assert (rig.name, rig.session.following) == ("x.tif", False)
        # What goes on meanwhile is not shown, and not fetched.
        for t in range(4, 8):
            acquisition.register_image(t, 0, 0, 0, tmp_path / f"{t}.tiff")
        assert acquisition.wait_delivered(20)
        with acquire(rig, tmp_path, "exp8", 1):
            qtbot.waitUntil(lambda: len(rig.session.acquisitions) == 2, timeout=20_000)
            assert rig.name == "x.tif"
            identity = rig.session.acquisitions[0].acquisition
            rig.targets.choose_acquisition(identity)
            qtbot.waitUntil(lambda: rig.n_planes == 8, timeout=20_000)
            assert (rig.name, rig.session.following) == ("exp7", True)


def test_viewer_of_a_file_listens_when_it_is_asked_to(rig, start_agent, tmp_path, qtbot):
    start_agent(rig.address)
    with acquire(rig, tmp_path, "exp7", 2):
        rig.targets.open_file("/data/x.tif")
        rig.worker.answer()
        assert not rig.links
        rig.session.wishes.agent_wanted.emit()
        qtbot.waitUntil(lambda: len(rig.session.acquisitions) == 1, timeout=20_000)
        assert rig.name == "x.tif"
        rig.session.wishes.acquisition_wanted.emit(rig.session.acquisitions[0].acquisition)
        qtbot.waitUntil(lambda: rig.n_planes == 2, timeout=20_000)
        assert len(rig.links) == 1


def test_name_that_goes_up_again_is_the_file_it_leads_to(rig, tmp_path):
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "deeper")
    rig.targets.open_file(str(tmp_path / "link" / ".." / "x.tif"))
    rig.targets.open_file(str(tmp_path / "link" / "x.tif"))
    assert [path for path, _on_opened in rig.worker.opened] == [
        str(tmp_path / "deep" / "x.tif"),
        str(tmp_path / "link" / "x.tif"),
    ]


def test_file_that_was_shown_is_remembered(rig):
    rig.targets.open_file("/data/x.tif")
    rig.worker.answer()
    assert rig.memory.recent_files == ["/data/x.tif"]
    assert rig.memory.last_file == "/data/x.tif"


def test_acquisition_that_is_shown_last_is_no_file(rig, acquired):
    rig.targets.open_file("/data/x.tif")
    rig.worker.answer()
    rig.session.show_nothing()
    rig.session.take_news(acquired.news())
    assert rig.memory.last_file == ""
    assert rig.memory.recent_files == ["/data/x.tif"]


@pytest.mark.parametrize(
    ("path", "answer", "why"),
    [
        (
            "/data/x.tif",
            CUT,
            "/data/x.tif: cut",
        ),
        ("/data/x.tif", image("/data/x.tif", n_scenes=0), "/data/x.tif: there is no image in it"),
        ("/data/bad.tif", None, "/data/bad.tif: can't be named"),
    ],
)
def test_file_that_cant_be_shown_leaves_what_is_shown(rig, acquired, path, answer, why):
    rig.session.take_news(acquired.news((0, 0, 0, 0)))
    rig.targets.open_file(path)
    if rig.worker.opened:
        rig.worker.answer(answer)
    assert rig.failures == [(path, why)]
    assert rig.name == "exp7"
    assert rig.memory.recent_files == []


# ---------------------------------------------------------------- going on where one was


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("planecast_viewer.targets.REOPEN_AFTER_MS", 1)


def running(name):
    summary = AcquisitionSummary(
        acquisition=name, name=name, state="running", head=1, planes=0, started_at=1.0
    )
    return AcquisitionsListed((summary,), "")


@pytest.fixture
def reopened(quick, qapp, tmp_path, qtbot):
    """A viewer whose last file was shown again, because no agent has answered."""
    memory = Memory(tmp_path / "viewer.ini")
    memory.last_file = "/data/x.tif"
    memory.save()
    rig = Rig(f"ipc://{tmp_path / 'agent'}", tmp_path / "viewer.ini")
    rig.targets.reopen_last()
    qtbot.waitUntil(lambda: bool(rig.worker.opened))
    rig.worker.answer()
    yield rig
    for link in rig.links:
        link.close()


def test_last_file_is_shown_again_where_no_agent_answers(reopened):
    assert reopened.name == "x.tif"


def test_agent_that_answers_is_waited_for_instead(quick, rig, qtbot):
    rig.memory.last_file = "/data/x.tif"
    rig.session.take_news([LinkState("live")])
    rig.targets.reopen_last()
    qtbot.waitUntil(lambda: not rig.targets._reopen_timer.isActive())
    assert not rig.worker.opened


def test_acquisition_that_starts_later_is_shown_unless_somebody_looks_at_the_file(reopened):
    reopened.session.take_news([running("exp9")])
    assert reopened.session._chosen == "exp9"


def test_somebody_who_looks_at_the_file_is_not_disturbed(reopened):
    reopened.session.show(Position(0, 0, 2))
    reopened.session.take_news([running("exp9")])
    assert reopened.session._chosen == ""
    assert reopened.name == "x.tif"

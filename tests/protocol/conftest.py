"""One full sample of every message."""

import msgspec
import pytest

from planecast_protocol import agent_messages as agent
from planecast_protocol import command_messages as command
from planecast_protocol import event_messages as event
from planecast_protocol import reader_messages as reader
from planecast_protocol import remote_messages as remote
from planecast_protocol import retention_messages as retention
from planecast_protocol import state_messages as state
from planecast_protocol import task_messages as task
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import ErrorInfo
from planecast_protocol.images import ChannelInfo, ImageInfo, LevelInfo, SceneInfo, TileInfo
from planecast_protocol.messages import AnyMessage
from planecast_protocol.planes import PlaneSource, PlaneStatistics, Seen, SharedPlane

PUBLISHER = "0123456789abcdef" * 2
ERROR = ErrorInfo(code="ReadError", message="data:a.tif: no", path="data:a.tif")
STATISTICS = PlaneStatistics(minimum=0.0, maximum=9.0, percentiles={"50": 4.0}, histogram=[1] * 256)
SEEN = Seen(x=1, y=2, width=3, height=4, screen_width=5, screen_height=6)
IMAGE = ImageInfo(
    path="data:a.czi",
    format="czi",
    reader="pylibCZIrw 5.0",
    scenes=[
        SceneInfo(
            name="A1:0",
            sizes={"T": 2, "C": 1, "Y": 8, "X": 8},
            dtype="<u2",
            channels=[ChannelInfo(name="DAPI", color="#0000ff", exposure_ms=12.5)],
            pixel_size_um={"x": 0.325, "y": 0.325, "z": None},
            tiles=[TileInfo(tile=3, x=-4, y=0, width=8, height=8)],
            levels=[LevelInfo(width=8, height=8, downsampling=1.0)],
            starts={"T": 5},
        )
    ],
    size_bytes=1000,
    has_planetable=True,
    warnings=["odd"],
)
SUMMARY = agent.AcquisitionSummary(
    acquisition="run-1",
    name="run",
    state="running",
    controller="live",
    head=3,
    planes=2,
    started_at=1.0,
    n_bytes=300,
    stored_at=2.0,
)
START = event.StartAcquisition(
    acquisition="run-1",
    name="µ run",
    channels=["BF", "DAPI"],
    num_z=3,
    num_t=2,
    height=8,
    width=9,
    fov_labels=["A1:0"],
    dtype="<u2",
    pixel_size_um=0.325,
    z_step_um=1.5,
    time_interval_s=10.0,
    channel_colors=[None, "#0000ff"],
    started_at=1.5,
)
COUNTED = (
    *("clients", "requests", "reads", "cache_hits", "pending", "queued", "readers_replaced"),
    *("arena_bytes", "arena_used_bytes", "leased_slots"),
)
STATUS = dict.fromkeys(COUNTED, 1)

CONTROLLER_PART = state.Part(
    part=PUBLISHER, kind="viewer", name="view", host="pc", pid=7, shows="run-1", behind=3
)
PART_STATE = state.PartState(part=CONTROLLER_PART, life="silent", silent_s=3.5, why="why")
ENTRIES = [
    state.StateEntry(name="stage", value={"x_um": 1.5, "label": "µ", "z_um": None}, set_at=1.5),
    state.StateEntry(name="lasers", value=[True, 405, 0.5, "on"], set_at=2.5),
    state.StateEntry(name="busy", value=False, set_at=3.5),
]
SPEC = command.CommandSpec(
    name="move_stage",
    arguments=[
        command.ArgumentSpec(name="x_um", kind="float", minimum=-1.5, maximum=2.5, text="where"),
        command.ArgumentSpec(
            name="mode", kind="choice", choices=["fast", 1, True], required=False, default="fast"
        ),
    ],
    text="Move.",
    confirm=True,
)

MESSAGES: list[AnyMessage] = [
    START,
    event.RegisterImage(
        acquisition="run-1",
        index=PlaneIndex(t=1, fov=2, z=3, channel=4),
        source=PlaneSource(
            path="data:a.tif", scene=1, index={"T": 1, "λ": 2}, page=5, size_bytes=6, mtime_ns=7
        ),
        registered_at=2.5,
    ),
    event.ResumeAcquisition(acquisition="run-1", life=2, resumed_at=3.0),
    event.EndAcquisition(acquisition="run-1", status="aborted", reason="why", ended_at=3.5),
    agent.Hello(request=1, publisher=PUBLISHER, program="a program"),
    agent.Publish(publisher=PUBLISHER, first=1, count=2, after=3),
    agent.Farewell(publisher=PUBLISHER),
    agent.Welcome(request=1, last=2, log="log", boot="boot"),
    agent.Ack(last=2, boot="boot"),
    agent.Nak(last=2, boot="boot", why="gap"),
    agent.Refused(request=1, code="VersionError", why="why"),
    agent.ListAcquisitions(request=1),
    agent.FetchEvents(request=1, acquisition="run-1", first=1),
    agent.AcquisitionList(
        request=1, log="log", boot="boot", acquisitions=[SUMMARY], worker="unix:///w"
    ),
    agent.EventChunk(
        request=1, acquisition="run-1", first=1, count=2, head=3, log="log", boot="boot"
    ),
    agent.CursorBeyond(request=1, acquisition="run-1", head=3, log="log"),
    agent.Bell(log="log", boot="boot", heads={"run-1": 3}),
    agent.AgentHeartbeat(
        log="log",
        boot="boot",
        running=[SUMMARY],
        stored=1,
        dead_letters=2,
        alarm="disk full",
        parts=[PART_STATE],
        state_revision=3,
        clock_s=4.5,
        refused=5,
    ),
    state.ControllerReport(
        request=1,
        controller=PUBLISHER,
        name="Squid",
        host="pc",
        pid=7,
        after=1,
        revision=2,
        values=ENTRIES,
        commands=[SPEC],
    ),
    state.ReportTaken(request=1, revision=2, boot="boot", command_waits=True, why="why"),
    state.PartBeat(part=CONTROLLER_PART),
    state.Ping(),
    state.FetchState(request=1),
    state.StateSnapshot(
        request=1,
        boot="boot",
        revision=2,
        clock_s=1.5,
        controllers=[
            state.ControllerState(
                controller=PUBLISHER,
                name="Squid",
                host="pc",
                pid=7,
                life="gone",
                values=ENTRIES,
                commands=[SPEC],
            )
        ],
        parts=[PART_STATE],
        may_command=True,
    ),
    state.StateBell(
        boot="boot",
        after=1,
        revision=2,
        changes=[state.StateChange(controller=PUBLISHER, values=ENTRIES)],
    ),
    command.SendCommand(
        request=1,
        command=PUBLISHER,
        boot="boot",
        expires_at_s=1.5,
        controller=PUBLISHER,
        name="move_stage",
        arguments={"x_um": 1.5, "mode": "fast"},
        sender="somebody",
    ),
    command.CommandAnswer(
        request=1, command=PUBLISHER, boot="boot", outcome="done", why="why", value={"x": 1}
    ),
    command.CommandWaiting(),
    command.TakeCommand(request=1, controller=PUBLISHER),
    command.CommandOrder(
        request=1,
        command=PUBLISHER,
        name="move_stage",
        arguments={"x_um": 1.5},
        remaining_s=2.5,
        sender="somebody",
    ),
    command.NoCommand(request=1),
    command.CommandOutcome(
        controller=PUBLISHER, command=PUBLISHER, outcome="failed", why="why", value=[1, 2]
    ),
    command.OutcomeTaken(command=PUBLISHER),
    retention.DescribeAcquisition(request=1, acquisition="run-1"),
    retention.ForgetAcquisition(request=1, acquisition="run-1", force=True),
    retention.AcquisitionDetails(
        request=1,
        summary=SUMMARY,
        start=START,
        ended_at=3.5,
        end_reason="why",
        late=1,
        spool="/spool/run-1.done",
        n_dead_letters=1,
        dead_letters=[retention.DeadLetterFacts(seq=3, why="why")],
    ),
    retention.AcquisitionForgotten(request=1, acquisition="run-1", n_bytes=5),
    reader.OpenImage(request=1, path="data:a.czi"),
    reader.ReadPixels(
        request=1,
        path="data:a.czi",
        scene=1,
        index={"T": 1},
        area=reader.RegionArea(x=1, y=2, width=3, height=4, level=1),
        priority="screen",
        running=True,
        wait=True,
        statistics=True,
        revision=2,
        seen=SEEN,
        warm=True,
        most_px=7,
    ),
    reader.ReadPlanetable(request=1, path="data:a.czi", scene=1, norm_time=True),
    reader.ReadMetadata(request=1, path="data:a.czi"),
    reader.ReleaseFile(request=1, path="data:a.czi"),
    reader.Cancel(requests=[1, 2]),
    reader.AskWorkerStatus(request=1),
    reader.WorkerWelcome(worker="worker", pid=1, arena_bytes=2, slots=3, row=4),
    reader.ImageOpened(request=1, image=IMAGE),
    reader.PixelsReady(
        request=1,
        shape=(8, 9),
        dtype="<u2",
        shared=SharedPlane(slot=1, generation=2, offset=3),
        statistics=STATISTICS,
        cached=True,
        read_ms=1.5,
    ),
    reader.PixelsSoon(
        request=1,
        shape=(8, 9),
        dtype="<u2",
        shared=SharedPlane(slot=1, generation=3, offset=0),
        reader=4,
    ),
    reader.PixelsPending(request=1, why="not there yet"),
    reader.TableReady(request=1, rows=2),
    reader.MetadataReady(request=1),
    reader.Done(request=1),
    reader.RequestFailed(request=1, error=ERROR),
    reader.WorkerStatus(
        request=1,
        uptime_s=1.5,
        readers=[reader.ReaderProcessStatus(pid=1, state="busy", path="data:a.czi", reads=2)],
        quarantined=["data:b.czi"],
        **STATUS,
    ),
    remote.Introduce(encodings=["blosc"]),
    remote.Received(number=3),
    remote.LookAt(requests=[1, 2], seen=SEEN),
    remote.PixelsComing(
        request=1, shape=(8, 9), dtype="<u2", statistics=STATISTICS, cached=True, read_ms=1.5
    ),
    remote.PixelsPreview(request=1, number=2, x=1, y=2, width=3, height=4, step=2, encoding="b"),
    remote.PixelsPart(request=1, number=2, x=1, y=2, width=3, height=4, seen_whole=True),
    task.PixelsTask(
        task=1,
        path=b"/data/a.czi",
        wire_path="data:a.czi",
        scene=1,
        index={"T": 1},
        area=reader.TileArea(tile=4),
        running=True,
        statistics=True,
        slot=task.MemorySlot(number=1, generation=3, offset=1, capacity=2),
        bell=task.Bell(number=1, request=2, row=3),
    ),
    task.DescribeTask(task=1, path=b"/data/a.czi", wire_path="data:a.czi"),
    task.PlanetableTask(task=1, path=b"/data/a.czi", wire_path="data:a.czi", scene=1),
    task.MetadataTask(task=1, path=b"/data/a.czi", wire_path="data:a.czi"),
    task.ReleaseTask(task=1, path=b"/data/a.czi"),
    task.GiveMemory(task=1, slot=task.MemorySlot(number=1, generation=3, offset=1, capacity=2)),
    task.ReaderStarted(pid=1),
    task.NeedMemory(task=1, nbytes=144),
    task.TaskPixels(
        task=1, shape=(8, 9), dtype="<u2", nbytes=144, in_slot=True, statistics=STATISTICS
    ),
    task.TaskImage(task=1, image=IMAGE),
    task.TaskPayload(task=1, rows=2),
    task.TaskFailed(task=1, error=ERROR),
]


@pytest.fixture(params=MESSAGES, ids=lambda message: type(message).__name__)
def message(request: pytest.FixtureRequest) -> AnyMessage:
    """Give one sample after the other."""
    sample: AnyMessage = request.param
    return sample


@pytest.fixture
def messages() -> list[AnyMessage]:
    """Give all samples."""
    return MESSAGES


@pytest.fixture
def image_event() -> event.RegisterImage:
    """Give a registered plane with all its fields."""
    return msgspec.structs.replace(MESSAGES[1])

"""Frames that no one of us sends: each is refused and counted, nothing crashes or grows.

`PLANECAST_FUZZ_FRAMES=100000` is how many frames each test sends; there are fewer by default.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import zmq
from agent_rig import AgentProcess, Subscriber, eventually
from fuzz_messages import corpus, flood, is_message, round_trips, valid_messages
from hypothesis import given, settings
from middle_man import MiddleMan
from worker_rig import plane_request, running_worker, status, write_stack

from planecast_agent.acquisition import Acquisition
from planecast_agent.subscriber.follower import Follower
from planecast_agent.subscriber.news import News, PlaneRows
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.agent_messages import Publish
from planecast_protocol.columns import unpack
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.errors import BadMessageError
from planecast_protocol.messages import decode, encode
from planecast_protocol.records import split_records
from planecast_protocol.sockets import client_socket
from planecast_protocol.streams import HEADER, FrameDecoder
from planecast_reader.client import ReaderClient

N_FRAMES = int(os.environ.get("PLANECAST_FUZZ_FRAMES", "10000"))
MAX_GROWTH = 24 << 20
"""Of a process's memory, in bytes, over all frames of a test."""
PUBLISHER = "cd" * 16

pytestmark = [
    pytest.mark.timeout(60 + N_FRAMES // 100),
    pytest.mark.skipif(sys.platform == "win32", reason="needs sockets with a path"),
]


@pytest.fixture
def agent(home: Path) -> Iterator[AgentProcess]:
    """Start an agent."""
    process = AgentProcess(home).start()
    yield process
    process.kill()


def begin(agent: AgentProcess, address: str | None = None) -> Acquisition:
    return Acquisition.start(
        *("good", ["BF"], 1, 8, 8, ["A1:0"]),
        agent=address or agent.address,
        spool_dir=agent.spool_dir,
    )


@contextmanager
def connected(agent: AgentProcess) -> Iterator["zmq.Socket[bytes]"]:
    """Connect a socket to the agent's door."""
    door = AgentAddress.parse(agent.address).door
    with zmq.Context() as context, client_socket(context, zmq.DEALER, door) as socket:
        yield socket


def no_message(frame: bytes) -> bool:
    return not is_message(frame)


@contextmanager
def no_growth(pid: int) -> Iterator[None]:
    """Fail if the process takes much more memory in the end than in the beginning."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    yield
    grown = process.memory_info().rss - before
    assert grown < MAX_GROWTH, f"{grown >> 20} MiB more than the {before >> 20} before"


def check_unharmed(agent: AgentProcess, acquisition: Acquisition, n_planes: int) -> None:
    """Fail if the good controller's planes are not all in the journal, each once, in order."""
    assert acquisition.wait_delivered(30)
    subscriber = Subscriber(agent.address)
    try:
        assert subscriber.pull(acquisition.id) == list(range(n_planes))
    finally:
        subscriber.close()
    assert agent.is_alive()
    assert "a turn failed" not in agent.log.read_text()


# ---------------------------------------------------------------- decoders


@settings(max_examples=300, deadline=None, database=None)
@given(valid_messages)
def test_a_message_made_of_its_declaration_round_trips_or_is_refused(frame: bytes):
    assert round_trips(frame)


def test_decoders_refuse_by_one_error_only():
    decoders: list[Callable[[bytes], object]] = [
        decode,
        unpack,
        lambda frame: list(split_records(frame, 1024)),
        lambda frame: list(FrameDecoder().feed(frame)),
        lambda frame: list(FrameDecoder().feed(HEADER.pack(len(frame), 0) + frame)),
    ]
    for frame in flood(1, N_FRAMES, lambda _frame: True):
        for take in decoders:
            with suppress(BadMessageError):
                take(frame)


# ---------------------------------------------------------------- the agent's door


def test_the_agent_refuses_and_counts_each_frame_and_a_good_controller_loses_nothing(
    agent: AgentProcess,
):
    assert agent.process is not None
    head = encode(Publish(publisher=PUBLISHER, first=1, count=1))
    with (
        begin(agent) as acquisition,
        closing(Subscriber(agent.address)) as listening,
        connected(agent) as door,
        no_growth(agent.process.pid),
    ):
        for t, frame in enumerate(flood(2, N_FRAMES, no_message)):
            # As a message of its own, before others, or as a batch of events.
            frames = ([frame], [frame, b"more"], [head, frame])[t % 3]
            door.send_multipart(frames)
            acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
            while door.poll(0):
                door.recv_multipart()
        beat = listening.heartbeat(lambda beat: beat.refused >= N_FRAMES)
        assert beat.refused == N_FRAMES
        assert beat.dead_letters == 0
        check_unharmed(agent, acquisition, N_FRAMES)


def test_well_formed_messages_that_make_no_sense_harm_nobody(agent: AgentProcess):
    assert agent.process is not None
    messages = corpus(300)
    with begin(agent) as acquisition, connected(agent) as door, no_growth(agent.process.pid):
        for t in range(N_FRAMES):
            door.send(messages[t % len(messages)])
            acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
            while door.poll(0):
                door.recv_multipart()
        check_unharmed(agent, acquisition, N_FRAMES)


# ---------------------------------------------------------------- those who talk to an agent


def test_a_controller_refuses_and_counts_each_frame_and_goes_on(agent: AgentProcess, home: Path):
    frames = iter(list(flood(3, N_FRAMES, no_message)))  # made before anybody waits for an answer
    with (
        MiddleMan(f"ipc://{home}/m", agent.address, frames) as middle,
        begin(agent, f"ipc://{home}/m") as acquisition,
        no_growth(os.getpid()),
    ):
        n_planes = register_until_all_are_sent(acquisition, middle)
        assert acquisition.wait_delivered(30)
        sender = acquisition._sender
        eventually(lambda: sender.refused == middle.sent_by_door, "all are refused")
        assert middle.sent_by_door >= N_FRAMES
        check_unharmed(agent, acquisition, n_planes)


def test_a_subscriber_refuses_and_counts_each_frame_and_goes_on(agent: AgentProcess, home: Path):
    times: list[int] = []

    def take(news: News) -> None:
        if isinstance(news, PlaneRows):
            times.extend(news.integers[0].tolist())

    # Each goes to its door and to its bell.
    frames = iter(list(flood(4, N_FRAMES // 2, no_message)))
    with (
        MiddleMan(f"ipc://{home}/m", agent.address, frames) as middle,
        begin(agent) as acquisition,
        closing(Follower(f"ipc://{home}/m", Subscription(acquisition.id), take)) as follower,
        no_growth(os.getpid()),
    ):
        follower.start()
        n_planes = register_until_all_are_sent(acquisition, middle)
        eventually(lambda: len(times) >= n_planes, "all planes")
        sent = middle.sent_by_door + middle.sent_by_bell
        eventually(lambda: follower.refused == sent, f"all {sent} are refused")
        assert sent >= N_FRAMES // 2 * 2
        assert times == list(range(n_planes))
        check_unharmed(agent, acquisition, n_planes)


def register_until_all_are_sent(acquisition: Acquisition, middle: MiddleMan) -> int:
    """Register planes for as long as bent frames are sent; return how many."""
    n_planes = 0
    while not middle.done.wait(0.0005):
        acquisition.register_image(n_planes, 0, 0, 0, "/data/a.tif")
        n_planes += 1
    return n_planes


# ---------------------------------------------------------------- the worker


def test_the_worker_cuts_off_each_who_sends_such_and_serves_the_others(home: Path):
    write_stack(home / "a.tif", 2)
    with running_worker() as worker, closing(ReaderClient(worker.address)) as client:
        client.request(plane_request(home / "a.tif"), 30.0)
        with no_growth(worker.process.pid):
            for number, frame in enumerate(flood(5, N_FRAMES // 10, no_message), start=1):
                send_to_worker(worker.folder / "w", frame)
                if number % 100 == 0:
                    client.request(plane_request(home / "a.tif", index={"Z": 1}), 30.0)
        assert status(client).refused == number


def send_to_worker(path: Path, frame: bytes) -> None:
    """Send a frame as a message, and wait until the worker hangs up."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(30)
        stream.connect(str(path))
        stream.sendall(HEADER.pack(len(frame), 0) + frame)
        with suppress(ConnectionError):
            while stream.recv(65_536):
                pass

"""What no controller would send: the agent answers or ignores it, and serves the others."""

import random
from collections.abc import Callable

import msgspec
import pytest
import zmq
from agent_rig import AgentProcess, Subscriber, eventually

from planecast_agent.acquisition import Acquisition
from planecast_protocol.agent_messages import Hello, Nak, Publish, Refused
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.event_messages import RegisterImage
from planecast_protocol.limits import MAX_FRAME_BYTES
from planecast_protocol.messages import AnyMessage, encode
from planecast_protocol.planes import PlaneSource
from planecast_protocol.reader_messages import AskWorkerStatus
from planecast_protocol.records import frame_record
from planecast_protocol.sockets import client_socket

Start = Callable[..., Acquisition]
PUBLISHER = "ab" * 16


def _image(acquisition: str, t: int) -> bytes:
    return encode(
        RegisterImage(
            acquisition=acquisition,
            index=PlaneIndex(t=t, fov=0, z=0, channel=0),
            source=PlaneSource(path=f"data:{t}.tif"),
            registered_at=0.0,
        )
    )


def _batch(*bodies: bytes, first: int = 1) -> list[bytes]:
    message = Publish(publisher=PUBLISHER, first=first, count=len(bodies))
    return [encode(message), b"".join(map(frame_record, bodies))]


BOMBS = {
    "deeply nested": b"\x91" * 100_000,
    "array of 2**32": b"\xdd\xff\xff\xff\xff",
    "string of 2**32": b"\xdb\xff\xff\xff\xff",
    "binary of 2**31": b"\x81\xa1k\xc6\x7f\xff\xff\xff",
    "extension": b"\xc7\x10\x2a" + b"x" * 16,
    "many empty maps": b"\xdd" + (2**18).to_bytes(4, "big") + b"\x80" * 2**18,
    "nothing": b"",
    "unknown kind": msgspec.msgpack.encode({"k": "zap", "v": 1}),
    "negative cursor": msgspec.msgpack.encode(
        {"k": "fetch", "v": 1, "request": 1, "acquisition": "a", "first": -1}
    ),
    "no map": msgspec.msgpack.encode([1, 2, 3]),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_message_that_is_none_is_refused(
    agent: AgentProcess, subscriber: Subscriber, bomb: bytes
):
    answer = subscriber.ask_message(bomb)

    assert isinstance(answer, Refused)
    assert answer.code == "BadMessageError"
    assert agent.is_alive()


def test_another_version_is_refused_by_name(agent: AgentProcess, subscriber: Subscriber):
    newer = msgspec.msgpack.encode({"k": "hello", "v": 2, "somebody": "else"})

    answer = subscriber.ask_message(newer)

    assert isinstance(answer, Refused)
    assert answer.code == "VersionError"
    assert "version 2" in answer.why
    assert "speaks 1" in answer.why


def test_unknown_fields_are_ignored(agent: AgentProcess, subscriber: Subscriber):
    hello = {"k": "hello", "v": 1, "request": 7, "publisher": PUBLISHER, "mood": "good"}

    answer = subscriber.ask_message(msgspec.msgpack.encode(hello))

    assert not isinstance(answer, Refused)
    assert answer.request == 7


def test_a_message_for_the_reader_worker_is_refused(agent: AgentProcess, subscriber: Subscriber):
    answer = subscriber.ask_message(encode(AskWorkerStatus(request=1)))

    assert isinstance(answer, Refused)
    assert "AskWorkerStatus" in answer.why


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (_batch(_image("a", 0), first=5), "gap"),
        ([encode(Publish(publisher=PUBLISHER, first=1, count=1)), b"\x03\0\0\0torn"], "damaged"),
        ([encode(Publish(publisher=PUBLISHER, first=1, count=2)), frame_record(b"x")], "damaged"),
        ([encode(Publish(publisher=PUBLISHER, first=1, count=1))], "damaged"),
    ],
    ids=["gap", "torn record", "wrong count", "no records"],
)
def test_a_batch_that_cant_be_taken_is_answered_with_where_to_go_on(
    agent: AgentProcess, subscriber: Subscriber, frames: list[bytes], why: str
):
    answer = subscriber.ask_message(*frames)

    assert isinstance(answer, Nak)
    assert (answer.last, answer.why) == (0, why)


def test_a_frame_above_the_limit_drops_its_sender_only(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    acquisition = start()
    with (
        zmq.Context() as context,
        client_socket(context, zmq.DEALER, AgentAddress.parse(agent.address).door) as socket,
    ):
        monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        socket.send(b"x" * (MAX_FRAME_BYTES + 1))
        assert monitor.poll(10_000), "the agent keeps the connection"
        socket.disable_monitor()
        monitor.close()

    acquisition.register_image(0, 0, 0, 0, "/data/a.tif")
    assert subscriber.wait_for(acquisition.id, 2) == [0]
    assert agent.is_alive()


def _hostile(rng: random.Random, good: list[bytes]) -> list[bytes]:
    """Return frames that are noise, mutations of a good batch, a bomb, cut, or many."""
    match rng.randrange(5):
        case 0:
            return [rng.randbytes(rng.randrange(300)) for _ in range(rng.randrange(1, 5))]
        case 1:
            mutated = [bytearray(frame) for frame in good]
            for _ in range(rng.randrange(1, 6)):
                frame = rng.choice(mutated)
                frame[rng.randrange(len(frame))] = rng.randrange(256)
            return [bytes(frame) for frame in mutated]
        case 2:
            return [rng.choice(list(BOMBS.values()))] * rng.randrange(1, 3)
        case 3:
            return [good[0], good[1][: rng.randrange(len(good[1]))]]
        case _:
            return [b""] * rng.randrange(1, 60)


def test_hundreds_of_hostile_messages_leave_a_good_controller_unharmed(
    agent: AgentProcess, start: Start, subscriber: Subscriber
):
    rng = random.Random(7)
    acquisition = start()
    good = _batch(*(_image(acquisition.id, t) for t in range(3)))
    with (
        zmq.Context() as context,
        client_socket(context, zmq.DEALER, AgentAddress.parse(agent.address).door) as socket,
    ):
        for t in range(600):
            socket.send_multipart(_hostile(rng, good))
            acquisition.register_image(t, 0, 0, 0, "/data/a.tif")
            while socket.poll(0):
                socket.recv_multipart()
        assert acquisition.wait_delivered(30)
        # Answered in order: when this is, all that was sent before was dealt with.
        socket.send(encode(Hello(request=99, publisher=PUBLISHER)))
        answers: list[AnyMessage] = []
        eventually(lambda: _heard_welcome(socket, answers), "an answer to the last question")

    assert agent.is_alive()
    assert subscriber.pull(acquisition.id) == list(range(600))


def _heard_welcome(socket: "zmq.Socket[bytes]", answers: list[AnyMessage]) -> bool:
    while socket.poll(0):
        answers.append(msgspec.msgpack.decode(socket.recv_multipart()[0]))
    return any(answer.get("request") == 99 for answer in answers)

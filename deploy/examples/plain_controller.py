"""A controller without planecast: what another language needs is ZeroMQ and MessagePack.

pip install pyzmq msgpack
planecast agent --address tcp://127.0.0.1:5810 &
python plain_controller.py tcp://127.0.0.1:5810 local:data/t0.tiff local:data/t1.tiff

An event counts as published once the agent has acknowledged it; until then it is kept, and sent
again when the agent asks for it or was restarted. `planecast.Acquisition` keeps events in a file
as well, so that they survive the controller; this one keeps them in memory.
"""

import struct
import sys
import time
import uuid
import zlib

import msgpack
import zmq

SILENCE_MS = 500
VERSION = 1


def event(kind: str, **fields: object) -> bytes:
    """Return an event: a map with its kind under `k` and the version of the protocol under `v`."""
    return msgpack.packb({"k": kind, "v": VERSION, **fields})


def record(body: bytes) -> bytes:
    """Return an event as it lies in a batch: length, CRC 32, both little endian, and the body."""
    return struct.pack("<II", len(body), zlib.crc32(body)) + body


def events(acquisition: str, paths: list[str]) -> list[bytes]:
    """Return all events of an acquisition with one plane a file, over time."""
    start = event(
        "start",
        acquisition=acquisition,
        name="plain",
        channels=["BF"],
        num_z=1,
        height=512,
        width=512,
        fov_labels=["A1:0"],
        started_at=time.time(),
    )
    images = [
        event(
            "image",
            acquisition=acquisition,
            index=[t, 0, 0, 0],  # t, fov, z, channel
            source={"path": path},  # alias:relative/path
            registered_at=time.time(),
        )
        for t, path in enumerate(paths)
    ]
    end = event("end", acquisition=acquisition, status="done", ended_at=time.time())
    return [start, *images, end]


def publish(door: "zmq.Socket[bytes]", publisher: str, bodies: list[bytes]) -> None:
    """Send all, and return when all are acknowledged; wait for the agent as long as it takes."""
    acked, boot, request = 0, "", 0
    while acked < len(bodies):
        if boot:
            batch = bodies[acked : acked + 1000]
            head = event("publish", publisher=publisher, first=acked + 1, count=len(batch))
            door.send_multipart([head, b"".join(map(record, batch))])
        else:
            request += 1
            door.send(event("hello", publisher=publisher, request=request, program="plain"))
        if not door.poll(SILENCE_MS):
            boot = ""  # say hello again: it may have been restarted
            continue
        answer = msgpack.unpackb(door.recv_multipart()[0])
        match answer["k"]:
            case "welcome" | "nak":
                boot, acked = answer["boot"], answer["last"]
            case "ack" if answer["boot"] == boot:
                acked = max(acked, answer["last"])
            case "refused":
                raise SystemExit(f"refused: {answer['why']}")
    door.send(event("bye", publisher=publisher))


def main(agent: str, paths: list[str]) -> None:
    """Publish."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    door = context.socket(zmq.DEALER)
    # An agent at ipc:///path has its door at ipc:///path.door.
    door.connect(agent if agent.startswith("tcp://") else f"{agent}.door")
    acquisition, publisher = f"plain-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    publish(door, publisher, events(acquisition, paths))
    door.close(linger=1000)
    context.term()
    print(f"published {acquisition}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

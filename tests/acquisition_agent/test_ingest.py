"""Every event is checked; what can't be used is kept aside and the stream goes on."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from planecast_agent.ingest import Ingest
from planecast_agent.journal import Journal
from planecast_agent.lives import first_of_life
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.event_messages import (
    EndAcquisition,
    Event,
    RegisterImage,
    ResumeAcquisition,
    StartAcquisition,
)
from planecast_protocol.messages import decode_event, encode
from planecast_protocol.planes import PlaneSource

ALICE, BOB = "a" * 32, "b" * 32

START = StartAcquisition(
    acquisition="run-1",
    name="run",
    channels=["BF", "DAPI"],
    num_z=3,
    height=8,
    width=8,
    fov_labels=["A1:0", "A1:1"],
    started_at=1.0,
)
END = EndAcquisition(acquisition="run-1", ended_at=2.0)


def image(
    t: int = 0, *, fov: int = 0, z: int = 0, channel: int = 0, path: str = "data:a.tif"
) -> RegisterImage:
    return RegisterImage(
        acquisition="run-1",
        index=PlaneIndex(t=t, fov=fov, z=z, channel=channel),
        source=PlaneSource(path=path),
        registered_at=1.5,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Open an empty journal."""
    one = Journal(tmp_path)
    yield one
    one.close()


def take(journal: Journal, *events: Event | bytes, first: int = 1, publisher: str = ALICE) -> bool:
    bodies = [event if isinstance(event, bytes) else encode(event) for event in events]
    taken = Ingest(journal).take(publisher, first, bodies)
    journal.commit()
    return taken


def stored(journal: Journal) -> list[Event]:
    return [decode_event(body) for body in journal.read("run-1", 1, 1000)]


def changed(event: Event, **fields: object) -> bytes:
    """Return the event's bytes with other fields, past the checks of the sender."""
    raw = msgspec.msgpack.decode(encode(event))
    return msgspec.msgpack.encode(raw | fields)


POISON = {
    "unknown acquisition": (changed(image(), acquisition="other-1"), "never started"),
    "fov": (encode(image(fov=2)), "fov=2"),
    "z": (encode(image(z=3)), "z=3"),
    "channel": (encode(image(channel=2)), "channel=2"),
    "negative index": (changed(image(), index=[0, -1, 0, 0]), "int"),
    "absolute path": (changed(image(), source={"path": "/etc/passwd"}), "alias:relative"),
    "path with alias that is absolute": (encode(image(path="data:/etc/x")), "empty parts"),
    "path that climbs": (encode(image(path="data:../../etc/passwd")), "'..'"),
    "path that climbs inside": (encode(image(path="data:a/../../b")), "'..'"),
    "path with NUL": (encode(image(path="data:a\0b")), "NUL"),
    "path of Windows": (encode(image(path="data:C:\\x")), "backslash"),
    "path not normal": (encode(image(path="data:a//b")), "empty parts"),
    "time not finite": (changed(image(), registered_at=float("inf")), "finite"),
    "size beyond 64 bits": (
        changed(image(), source={"path": "data:a.tif", "size_bytes": 2**63}),
        "not a message",
    ),
    "mtime beyond 64 bits": (
        changed(image(), source={"path": "data:a.tif", "mtime_ns": 2**64 - 1}),
        "not a message",
    ),
    "started again": (encode(START), "started before"),
    "resume of another": (
        encode(ResumeAcquisition(acquisition="other-1", life=1, resumed_at=1.0)),
        "never started",
    ),
    "resume at no time": (
        changed(
            ResumeAcquisition(acquisition="run-1", life=1, resumed_at=1.0), resumed_at=float("inf")
        ),
        "finite",
    ),
    "version": (changed(image(), v=2), "version 2"),
    "noise": (b"\xc1noise", "not a message"),
    "no event": (msgspec.msgpack.encode({"k": "hello", "v": 1}), "not a message"),
}


@pytest.mark.parametrize(("poison", "why"), POISON.values(), ids=POISON.keys())
def test_poison_is_kept_aside_and_the_stream_goes_on(journal: Journal, poison: bytes, why: str):
    assert take(journal, START, image(0), poison, image(1))

    assert stored(journal) == [START, image(0), image(1)]
    assert journal.cursor(ALICE) == 4
    assert journal.n_dead_letters == 1
    (letter,) = journal.dead_letters()
    assert (letter.publisher, letter.seq, letter.body) == (ALICE, 3, poison)
    assert why in letter.why


BAD_STARTS = {
    "colors": changed(START, channel_colors=["#ffffff"]),
    "size of infinity": changed(START, pixel_size_um=float("inf")),
    "size of zero": changed(START, pixel_size_um=0.0),
    "no channels": changed(START, channels=[]),
    "no fovs": changed(START, fov_labels=[]),
    "id that is a path": changed(START, acquisition="../run"),
}


@pytest.mark.parametrize("start", BAD_STARTS.values(), ids=BAD_STARTS.keys())
def test_an_acquisition_that_cant_be_is_not_started(journal: Journal, start: bytes):
    take(journal, start, image(0))

    assert len(journal) == 0
    assert journal.n_dead_letters == 2


def test_a_batch_sent_again_is_stored_once(journal: Journal):
    for _ in range(3):
        assert take(journal, START, image(0), image(1))

    assert stored(journal) == [START, image(0), image(1)]


def test_of_a_batch_that_overlaps_only_the_news_are_stored(journal: Journal):
    take(journal, START, image(0), image(1))

    assert take(journal, image(0), image(1), image(2), first=2)

    assert stored(journal) == [START, image(0), image(1), image(2)]
    assert journal.cursor(ALICE) == 4


def test_a_gap_is_not_taken(journal: Journal):
    take(journal, START)

    assert not take(journal, image(5), first=3)

    assert stored(journal) == [START]
    assert journal.cursor(ALICE) == 1


def test_an_acquisition_belongs_to_who_started_it(journal: Journal):
    take(journal, START)

    take(journal, START, image(0), END, publisher=BOB)

    assert stored(journal) == [START]
    assert {letter.publisher for letter in journal.dead_letters()} == {BOB}
    assert journal.n_dead_letters == 3


def test_a_plane_after_the_end_is_stored_but_a_second_end_is_not(journal: Journal):
    take(journal, START, END, image(0), END)

    assert stored(journal) == [START, END, image(0)]
    book = journal.book("run-1")
    assert book is not None
    assert (book.state, book.planes, book.head, book.late) == ("done", 1, 3, 1)


def test_unknown_fields_of_a_newer_controller_are_kept_and_ignored(journal: Journal):
    newer = changed(image(0), mood="good")

    take(journal, START, newer)

    assert stored(journal) == [START, image(0)]
    assert journal.read("run-1", 2, 1) == [newer]


RESUMED = ResumeAcquisition(acquisition="run-1", life=1, resumed_at=2.0)


def test_a_controllers_next_life_is_taken_after_all_of_the_one_before(journal: Journal):
    take(journal, START, image(0), image(1))
    bodies = [encode(RESUMED), encode(image(2))]

    assert not Ingest(journal).take(ALICE, first_of_life(1), bodies, after=4)
    assert Ingest(journal).take(ALICE, first_of_life(1), bodies, after=3)
    journal.commit()

    assert stored(journal) == [START, image(0), image(1), RESUMED, image(2)]
    assert journal.cursor(ALICE) == first_of_life(1) + 1
    assert take(journal, RESUMED, image(2), image(3), first=first_of_life(1))
    assert stored(journal)[-2:] == [image(2), image(3)]


def test_a_life_that_knows_less_than_the_agent_loses_nothing(journal: Journal):
    take(journal, START, image(0), image(1))

    # A power loss took image(1) out of the spool: the agent has it all the same.
    assert Ingest(journal).take(ALICE, first_of_life(1), [encode(RESUMED)], after=2)
    journal.commit()

    assert stored(journal) == [START, image(0), image(1), RESUMED]


def test_an_ended_acquisition_is_not_resumed(journal: Journal):
    take(journal, START, END, RESUMED)

    assert stored(journal) == [START, END]
    assert "ended before" in journal.dead_letters()[0].why


def test_dead_letters_name_their_acquisition_where_it_can_be_read(journal: Journal):
    take(journal, START, encode(image(fov=9)), changed(image(), index="x"), b"\xc1")

    named = [letter.acquisition for letter in journal.dead_letters()]
    assert named == ["", "run-1", "run-1"]
    assert journal.count_dead_letters("run-1") == 2

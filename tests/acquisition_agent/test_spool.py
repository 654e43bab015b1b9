"""The spool: one writer, sound records, and an end that a kill or a power loss may tear."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from planecast_agent.spool import create_spool
from planecast_agent.spool_reader import SpoolReader, read_publisher, take_spool
from planecast_agent.spool_records import HEADER_BYTES
from planecast_protocol.errors import SpoolDamagedError
from planecast_protocol.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from planecast_protocol.records import HEADER, frame_record, split_records

PUBLISHER = "0123456789abcdef" * 2


def _write(folder: Path, bodies: list[bytes]) -> Path:
    spool = create_spool(folder, "one", PUBLISHER)
    for body in bodies:
        spool.append(body)
    spool.close()
    return spool.path


def _take(path: Path) -> SpoolReader:
    reader = take_spool(path)
    assert reader is not None
    return reader


def _read(path: Path) -> list[bytes]:
    reader = _take(path)
    try:
        return [body for batch in reader.batches() for body in batch.bodies]
    finally:
        reader.close()


def _bodies(n: int) -> list[bytes]:
    # Ends in zeros, as an event that ends in a float64 may.
    return [b"event %d" % number + bytes(7) for number in range(n)]


def test_what_was_appended_is_read_in_order(tmp_path: Path):
    bodies = _bodies(3000)

    path = _write(tmp_path, bodies)

    assert _read(path) == bodies
    assert read_publisher(path) == PUBLISHER


def test_a_spool_is_not_taken_while_its_writer_lives(tmp_path: Path):
    spool = create_spool(tmp_path, "one", PUBLISHER)

    assert take_spool(spool.path) is None

    spool.close()
    _take(spool.path).close()


def test_batches_keep_both_bounds(tmp_path: Path):
    spool = create_spool(tmp_path, "one", PUBLISHER)
    for size in [10] * (MAX_BATCH_EVENTS + 5) + [MAX_EVENT_BYTES] * 3:
        spool.append(b"x" * size)
    first, sizes = 1, []
    while True:
        records, n_events = spool.read_batch(first)
        if not n_events:
            break
        assert len(list(split_records(records, MAX_BATCH_EVENTS))) == n_events
        assert len(records) <= MAX_BATCH_BYTES
        first += n_events
        sizes.append(n_events)
    spool.close()

    assert first == MAX_BATCH_EVENTS + 9
    assert sizes == [MAX_BATCH_EVENTS, 6, 1, 1]


def test_many_threads_may_append(tmp_path: Path):
    spool = create_spool(tmp_path, "one", PUBLISHER)
    threads = [
        threading.Thread(target=lambda k=k: [spool.append(b"%d" % k) for _ in range(500)])
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()

    assert sorted(_read(spool.path)) == sorted(b"%d" % k for k in range(4) for _ in range(500))


def test_end_torn_at_any_byte_loses_the_last_event_only(tmp_path: Path):
    bodies = _bodies(50)
    whole = _write(tmp_path, bodies).read_bytes()
    last = len(frame_record(bodies[-1]))
    torn = tmp_path / "torn.spool"
    for cut in range(1, last + 1):
        torn.write_bytes(whole[:-cut])

        assert _read(torn) == bodies[:-1], f"{cut} bytes cut"
        assert torn.read_bytes() == whole[:-last]
        assert _read(torn) == bodies[:-1]


@pytest.mark.parametrize("n_zeros", [1, 8, 9, 4096, 3 << 20])
@pytest.mark.parametrize("n_torn", [0, 5, 12])
def test_zeros_behind_the_end_are_cut(tmp_path: Path, n_zeros: int, n_torn: int):
    bodies = _bodies(50)
    path = _write(tmp_path, bodies)
    whole = path.read_bytes()
    torn = frame_record(b"never whole")[:n_torn]
    path.write_bytes(whole + torn + bytes(n_zeros))

    if (n_torn, n_zeros) == (12, 8):
        # Whole by its length, and too few zeros for a power loss: a damaged event.
        with pytest.raises(SpoolDamagedError):
            _read(path)
    else:
        assert _read(path) == bodies
        assert path.read_bytes() == whole


def _flip(path: Path, offset: int) -> bytes:
    damaged = bytearray(path.read_bytes())
    damaged[offset] ^= 0x10
    path.write_bytes(damaged)
    return bytes(damaged)


@pytest.mark.parametrize("byte", range(HEADER.size + 3))
@pytest.mark.parametrize("record", [0, 25, 48, 49])
def test_flipped_bit_is_refused_and_the_file_is_kept(tmp_path: Path, record: int, byte: int):
    bodies = _bodies(50)
    path = _write(tmp_path, bodies)
    start = HEADER_BYTES + sum(len(frame_record(body)) for body in bodies[:record])
    damaged = _flip(path, start + byte)

    reader = _take(path)
    with pytest.raises(SpoolDamagedError, match="nothing was cut"):
        list(reader.batches())
    reader.close()

    assert path.read_bytes() == damaged


def test_damage_far_from_the_end_is_refused(tmp_path: Path):
    path = _write(tmp_path, [b"x" * 50_000] * 60)
    damaged = _flip(path, HEADER_BYTES + 500_000)

    with pytest.raises(SpoolDamagedError):
        _read(path)

    assert path.read_bytes() == damaged


def test_a_file_that_is_no_spool_is_refused(tmp_path: Path):
    path = tmp_path / "notes.spool"
    path.write_text("notes of a microscopist, longer than a header")

    assert read_publisher(path) is None
    with pytest.raises(SpoolDamagedError, match="not a spool"):
        take_spool(path)


# A limit on the size of files stands in for a full disk: the write that crosses it is partial.
DISK_FULL = """
import resource, sys
from pathlib import Path
from planecast_agent.spool import create_spool

spool = create_spool(Path(sys.argv[1]), "one", "ab" * 16)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for number in range(300):
    spool.append(b"event %d" % number)
assert spool.head + spool.waiting == 300 and spool.waiting > 200, (spool.head, spool.waiting)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
if sys.argv[2] == "drain":
    spool.drain()
else:
    spool.append(b"event 300")
assert spool.waiting == 0 and spool.lost == 0
spool.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize(("how", "n_events"), [("drain", 300), ("append", 301)])
def test_events_wait_in_memory_while_the_disk_is_full(tmp_path: Path, how: str, n_events: int):
    program = [sys.executable, "-c", DISK_FULL, str(tmp_path), how]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
    assert _read(tmp_path / "one.spool") == [b"event %d" % number for number in range(n_events)]


def test_what_fits_neither_disk_nor_memory_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spool = create_spool(tmp_path, "one", PUBLISHER)
    monkeypatch.setattr("planecast_agent.spool.MAX_WAITING_BYTES", 100)
    monkeypatch.setattr(spool, "_write", lambda _record: False)

    for _ in range(10):
        spool.append(b"twelve bytes")

    assert (spool.head, spool.waiting, spool.lost) == (0, 5, 5)
    monkeypatch.undo()
    spool.close()
    assert _read(spool.path) == [b"twelve bytes"] * 5

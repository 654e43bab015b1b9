"""Spools of dead writers are taken over, damaged ones are kept, and living ones left alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from planecast_agent.adoption import Adoption
from planecast_agent.journal import Journal
from planecast_agent.spool import Spool, create_spool
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import JournalFullError
from planecast_protocol.event_messages import RegisterImage, StartAcquisition
from planecast_protocol.messages import encode
from planecast_protocol.planes import PlaneSource


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Open an empty journal."""
    one = Journal(tmp_path / "state")
    yield one
    one.close()


@pytest.fixture
def adopted() -> list[str]:
    return []


@pytest.fixture
def adoption(tmp_path: Path, journal: Journal, adopted: list[str]) -> Iterator[Adoption]:
    """Look after the folder of spools."""
    one = Adoption(tmp_path, journal, adopted.append)
    yield one
    one.close()


def write(folder: Path, name: str, n_planes: int) -> Spool:
    """Write a spool whose writer still lives."""
    spool = create_spool(folder, name, name[0] * 32)
    start = StartAcquisition(
        acquisition=name,
        name=name,
        channels=["BF"],
        height=8,
        width=8,
        fov_labels=["A1:0"],
        started_at=0.0,
    )
    spool.append(encode(start))
    for t in range(n_planes):
        image = RegisterImage(
            acquisition=name,
            index=PlaneIndex(t=t, fov=0, z=0, channel=0),
            source=PlaneSource(path=f"data:{t}.tif"),
            registered_at=0.0,
        )
        spool.append(encode(image))
    return spool


def settle(adoption: Adoption) -> None:
    """Take over all that there is."""
    adoption.scan()
    while adoption.busy:
        adoption.step()


def test_dead_writers_spools_are_journaled_and_kept_as_done(
    tmp_path: Path, journal: Journal, adoption: Adoption, adopted: list[str]
):
    for name in ("a-1", "b-1"):
        write(tmp_path, name, 3000).close()

    settle(adoption)

    assert journal.heads() == {"a-1": 3001, "b-1": 3001}
    assert sorted(path.name for path in tmp_path.glob("*-1.*")) == ["a-1.done", "b-1.done"]
    assert adopted == ["a" * 32, "b" * 32]


def test_what_the_journal_has_already_is_not_stored_again(
    tmp_path: Path, journal: Journal, adoption: Adoption
):
    write(tmp_path, "a-1", 3000).close()
    settle(adoption)
    (tmp_path / "a-1.done").rename(tmp_path / "a-1.spool")

    settle(adoption)

    assert journal.heads() == {"a-1": 3001}
    assert journal.n_dead_letters == 0


def test_a_living_writers_spool_is_left_alone_and_told(
    tmp_path: Path, journal: Journal, adoption: Adoption
):
    living = write(tmp_path, "a-1", 10)
    write(tmp_path, "b-1", 10).close()

    settle(adoption)

    assert journal.heads() == {"b-1": 11}
    assert adoption.held == {"a" * 32}
    assert living.path.exists()
    living.close()


def test_a_damaged_spool_is_kept_and_told_and_the_others_go_on(
    tmp_path: Path, journal: Journal, adoption: Adoption
):
    spool = write(tmp_path, "a-1", 3000)
    spool.close()
    damaged = bytearray(spool.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    spool.path.write_bytes(damaged)
    (tmp_path / "aa.spool").write_text("notes")
    write(tmp_path, "b-1", 10).close()

    settle(adoption)

    assert journal.heads()["b-1"] == 11
    assert (tmp_path / "a-1.damaged").read_bytes() == damaged
    assert (tmp_path / "aa.damaged").read_text() == "notes"
    assert "a-1.damaged" in adoption.alarm


def test_a_full_disk_puts_it_off(
    tmp_path: Path, journal: Journal, adoption: Adoption, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path, "a-1", 3000).close()

    def full() -> dict[str, int]:
        journal.abandon()
        raise JournalFullError("no room")

    adoption.scan()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "commit", full)
        with pytest.raises(JournalFullError):
            adoption.step()
    settle(adoption)

    assert journal.heads() == {"a-1": 3001}


def test_all_spools_are_read_again_into_a_new_journal(
    tmp_path: Path, journal: Journal, adoption: Adoption
):
    write(tmp_path, "a-1", 100).close()
    settle(adoption)
    journal_2 = Journal(tmp_path / "state 2")
    again = Adoption(tmp_path, journal_2, lambda _publisher: None)

    again.take_back()
    settle(again)

    assert journal_2.heads() == journal.heads()
    again.close()
    journal_2.close()

"""What became of every event: controllers' oracles against the journal, and views against both."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgpack
from chaos_controller import picture_path

from planecast_agent.journal import Journal

READ_EVENTS = 8192


@dataclass
class Verdict:
    """Sums over the journal and all views; all of them are 0 where the promises were kept."""

    lost: int = 0
    """Accepted by `register_image` or `end`, or acknowledged, and not there."""
    duplicated: int = 0
    reordered: int = 0
    """Planes that come behind a younger one of their acquisition, or behind themselves."""
    wrong: int = 0
    """Planes whose path is another's, and views that miss a whole acquisition."""
    events: int = 0
    """Planes that were accepted."""
    in_flight: int = 0
    """Planes in the journal though a kill came before the call returned, or the ack arrived."""
    acquisitions: int = 0
    dead_letters: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, where: str, expected: Sequence[int], found: Sequence[int]) -> None:
        """Count what is amiss with the planes `found`, among which all of `expected` must be."""
        distinct = set(found)
        lost = len(set(expected) - distinct)
        duplicated = len(found) - len(distinct)
        reordered = _descents(found)
        if lost or duplicated or reordered:
            what = f"{lost} lost, {duplicated} duplicated, {reordered} reordered"
            self.complaints.append(f"{where}: {what} of {len(expected)}")
        self.lost += lost
        self.duplicated += duplicated
        self.reordered += reordered


def _descents(times: Sequence[int]) -> int:
    return sum(after <= before for before, after in pairwise(times))


@dataclass
class Told:
    """What controllers say of one acquisition."""

    accepted: list[int] = field(default_factory=list)
    ended: bool = False


def read_oracles(folder: Path) -> dict[str, Told]:
    """Return what was accepted, by acquisition."""
    told: dict[str, Told] = {}
    for story_path in sorted(folder.glob("*.json")):
        story = json.loads(story_path.read_text())
        content = story_path.with_suffix(".accepted").read_bytes()
        content = content[: len(content) // 4 * 4]
        one = told.setdefault(story["acquisition"], Told())
        one.accepted += struct.unpack(f"<{len(content) // 4}I", content)
        one.ended |= story["ended"]
    return told


def heads(state_dir: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Return events and planes of each acquisition in a journal whose agent has ended."""
    journal = Journal(state_dir)
    books = list(journal.books())
    journal.close()
    return {book.id: book.head for book in books}, {book.id: book.planes for book in books}


def judge(oracle_dir: Path, state_dir: Path, views: Sequence[Path]) -> Verdict:
    """Compare. The agent must have ended."""
    verdict = Verdict()
    journal = Journal(state_dir)
    told = read_oracles(oracle_dir)
    stored: dict[str, list[int]] = {}
    for acquisition in told.keys() | {book.id for book in journal.books()}:
        stored[acquisition] = _stored(journal, acquisition, verdict)
    for acquisition, one in told.items():
        verdict.events += len(one.accepted)
        verdict.in_flight += len(set(stored[acquisition]) - set(one.accepted))
        verdict.add(f"journal, {acquisition}", one.accepted, stored[acquisition])
        book = journal.book(acquisition)
        if one.ended and (book is None or book.state == "running"):
            verdict.lost += 1
            verdict.complaints.append(f"journal, {acquisition}: its end")
    verdict.acquisitions = len(stored)
    verdict.dead_letters = journal.n_dead_letters
    journal.close()
    for path in views:
        _judge_view(path, stored, verdict)
    return verdict


def _stored(journal: Journal, acquisition: str, verdict: Verdict) -> list[int]:
    """Return the t of an acquisition's planes, as the journal has them."""
    book = journal.book(acquisition)
    times: list[int] = []
    first = 1
    while book is not None and first <= book.head:
        bodies = journal.read(acquisition, first, READ_EVENTS)
        if not bodies:
            verdict.lost += book.head + 1 - first
            verdict.complaints.append(f"journal, {acquisition}: nothing from {first} on")
            break
        for body in bodies:
            event = msgpack.unpackb(body)
            if event["k"] == "image":
                t = event["index"][0]
                times.append(t)
                path = "local:" + picture_path(acquisition, t)[1:]
                verdict.wrong += event["source"]["path"] != path
        first += len(bodies)
    return times


def _judge_view(path: Path, stored: dict[str, list[int]], verdict: Verdict) -> None:
    if not path.exists():
        verdict.wrong += 1
        verdict.complaints.append(f"{path.stem}: no view was written")
        return
    view = json.loads(path.read_text())
    verdict.wrong += view["wrong"]
    for acquisition, times in stored.items():
        found = view["times"].get(acquisition, [])
        verdict.add(f"{path.stem}, {acquisition}", times, found)
        if found != times and set(found) == set(times) and len(found) == len(times):
            verdict.wrong += 1
            verdict.complaints.append(f"{path.stem}, {acquisition}: another order than stored")

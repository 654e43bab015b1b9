"""Says in words how all the programs are: agent, controllers, viewers, reader worker, readers."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from planecast_protocol.reader_messages import ReaderProcessStatus, WorkerStatus
from planecast_protocol.state_messages import PartState
from planecast_viewer.part_text import KINDS
from planecast_viewer.session import Session

Tone = Literal["", "good", "warning", "bad", "muted"]
MIB = 1 << 20


@dataclass(frozen=True)
class Fact:
    """One line."""

    name: str
    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Section:
    """Facts about one program, or some of a kind."""

    title: str
    facts: tuple[Fact, ...]


def describe_programs(session: Session) -> tuple[Section, ...]:
    """Return all that is known of the programs at this moment. GUI thread only."""
    sections = [Section("This viewer", tuple(_viewer(session)))]
    if session.agent_address is not None:
        sections.insert(0, Section("Agent", tuple(_agent(session))))
        others = tuple(_other(one) for one in session.control.parts if not _is_ours(one))
        if others and session.link_state.state == "live":
            sections.append(Section("Others", others))
    sections.append(Section("Reader worker", tuple(_worker(session))))
    if session.worker_status is not None:
        readers = tuple(_reader(one) for one in session.worker_status.readers)
        sections.append(Section("Reader processes", readers))
    return tuple(sections)


def _agent(session: Session) -> Iterator[Fact]:
    link = session.link_state
    if link.state == "connecting":
        yield Fact("state", "does not answer yet", "warning")
    elif link.state == "silent":
        yield Fact("state", f"away for {link.silent_s:.0f} s", "bad")
    elif session.notice.alarm:
        yield Fact("state", session.notice.alarm, "bad")
    else:
        yield Fact("state", "live", "good")
    if session.agent_trouble:
        yield Fact("why", session.agent_trouble, "warning")
    yield Fact("address", session.agent_address or "")
    if link.state == "connecting":
        return
    running = sum(one.state == "running" for one in session.acquisitions)
    yield Fact("acquisitions", f"{len(session.acquisitions):,}, {running} running")
    yield Fact("was away", _times(session.n_losses["agent"]))
    rejected = session.notice.dead_letters
    yield Fact("events put aside", f"{rejected:,}", "warning" if rejected else "")


def _viewer(session: Session) -> Iterator[Fact]:
    late = session.lateness
    ours = next((one.part for one in session.control.parts if _is_ours(one)), None)
    if ours is not None and ours.shows:
        yield Fact("behind the agent", f"{ours.behind:,} events")
    median_ms, worst_ms = late.delay_ms(0.5), late.delay_ms(0.95)
    if median_ms is not None and worst_ms is not None:
        text = f"{_duration_ms(median_ms)}, 95 % within {_duration_ms(worst_ms)}"
        yield Fact("newest is shown after", text)
    if late.n_followed:
        text = f"{late.n_left_out:,} of {late.n_followed:,} planes"
        yield Fact("overtaken by newer ones", text)
    yield Fact("pictures drawn", f"{late.n_pictures:,}")
    yield Fact("process", str(os.getpid()))


def _is_ours(one: PartState) -> bool:
    return one.part.pid == os.getpid() and one.part.host == socket.gethostname()


def _other(one: PartState) -> Fact:
    part = one.part
    tones: dict[str, Tone] = {"live": "good", "silent": "bad", "gone": "warning"}
    text = f"silent for {one.silent_s:.0f} s" if one.life == "silent" else one.life
    words = [
        text + (f": {one.why}" if one.why else ""),
        part.name if part.kind == "controller" else "",
        f"{part.behind:,} events behind" if part.behind else "",
        f"process {part.pid}" if part.pid else "",
        f"on {part.host}" if part.host else "",
    ]
    return Fact(KINDS[part.kind], " · ".join(word for word in words if word), tones[one.life])


def _worker(session: Session) -> Iterator[Fact]:
    if session.worker_silent_s:
        text = f"connected, but silent for {session.worker_silent_s:.0f} s"
        yield Fact("state", text, "bad")
    elif session.worker_connected:
        yield Fact("state", "ready", "good")
    else:
        yield Fact("state", session.worker_text, "warning")
    yield Fact("address", session.worker_in_use or "this user's, or a private one")
    yield Fact("was away", _times(session.n_losses["worker"]))
    if session.worker_status is not None:
        yield from _numbers(session.worker_status)


def _numbers(status: WorkerStatus) -> Iterator[Fact]:
    process = f"process {status.pid}, " if status.pid else ""
    yield Fact("runs", f"{process}since {_duration_s(status.uptime_s)}")
    yield Fact("clients", f"{status.clients:,}")
    yield Fact("planes read", f"{status.reads:,}")
    asked = status.cache_hits + status.reads
    if asked:
        rate = f"{100 * status.cache_hits / asked:.0f} % of {asked:,} planes"
        yield Fact("found in the cache", rate)
    if status.arena_bytes:
        used, size = status.arena_used_bytes / MIB, status.arena_bytes / MIB
        in_use = f", {status.leased_slots:,} planes in use" if status.leased_slots else ""
        yield Fact("cache", f"{used:,.0f} of {size:,.0f} MiB{in_use}")
    yield Fact("waiting for a reader", f"{status.queued:,}")
    yield Fact("waiting for their file", f"{status.pending:,}")
    lost = status.readers_replaced
    yield Fact("readers replaced", f"{lost:,}", "warning" if lost else "")
    if status.last_loss:
        yield Fact("the last", status.last_loss, "warning")
    for path in status.quarantined:
        yield Fact("set aside for a while", path, "warning")
    if status.refused:
        yield Fact("clients refused", f"{status.refused:,}", "warning")


def _reader(one: ReaderProcessStatus) -> Fact:
    words = [one.state, f"{one.reads:,} reads", one.path]
    return Fact(f"process {one.pid}", " · ".join(word for word in words if word))


def _times(n: int) -> str:
    return {0: "never", 1: "once"}.get(n, f"{n:,} times")


def _duration_ms(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 10_000 else _duration_s(ms / 1000)


def _duration_s(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

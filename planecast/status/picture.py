"""Everything at one moment, as people and programs are told it."""

import time
from collections.abc import Iterator

import msgspec

from planecast.status.agent_ear import AgentEar, AgentLife
from planecast.status.worker_question import WorkerLife, WorkerQuestion
from planecast_protocol.agent_messages import AcquisitionSummary, AgentHeartbeat
from planecast_protocol.reader_messages import ReaderProcessStatus, WorkerStatus
from planecast_protocol.state_messages import PartState

SLOW_READ_S = 5.0
"""A reader that is longer at one file is named."""


class AgentPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The agent."""

    address: str
    life: AgentLife
    silent_s: float
    beat: AgentHeartbeat | None
    """The last that was heard."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """An acquisition that runs, or has just ended."""

    summary: AcquisitionSummary
    planes_per_s: float | None
    """`None`: not known yet."""


class WorkerPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The reader worker."""

    address: str
    life: WorkerLife
    silent_s: float
    why: str
    status: WorkerStatus | None
    planes_per_s: float | None
    """Read from files or served from the cache, by what it counted since it was asked before."""
    readers: list[ReaderProcessStatus]
    """Its processes; empty if it is not live."""


class StatusPicture(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    at: float
    """Seconds since 1970, by this machine's clock."""
    agent: AgentPicture
    acquisitions: list[Running]
    controllers: list[PartState]
    viewers: list[PartState]
    worker: WorkerPicture
    silent: list[str]
    """What does not answer, or hangs, in sentences. Empty: all is well."""


def take_picture(ear: AgentEar, question: WorkerQuestion | None) -> StatusPicture:
    """Return what is known now; without a question, of the worker what the agent says."""
    beat = ear.beats[-1] if ear.beats else None
    agent = AgentPicture(
        address=ear.address, life=ear.life, silent_s=round(ear.silent_s, 1), beat=beat
    )
    fresh = beat if agent.life == "live" else None
    parts = fresh.parts if fresh is not None else []
    worker = _worker(question) if question is not None else _told_worker(ear, fresh)
    return StatusPicture(
        at=time.time(),
        agent=agent,
        acquisitions=_running(ear, fresh),
        controllers=[one for one in parts if one.part.kind == "controller"],
        viewers=[one for one in parts if one.part.kind == "viewer"],
        worker=worker,
        silent=list(_silent(agent, fresh, worker)),
    )


def _running(ear: AgentEar, fresh: AgentHeartbeat | None) -> list[Running]:
    before: dict[str, int] = {}
    span_s = 0.0
    if fresh is not None and len(ear.beats) == 2 and ear.beats[0].boot == fresh.boot:
        before = {one.acquisition: one.planes for one in ear.beats[0].running}
        span_s = fresh.clock_s - ear.beats[0].clock_s
    running = []
    for one in fresh.running if fresh is not None else []:
        known = before.get(one.acquisition)
        rate = None if known is None or span_s <= 0 else (one.planes - known) / span_s
        running.append(Running(summary=one, planes_per_s=None if rate is None else round(rate, 1)))
    return running


def _rate(before: WorkerStatus | None, after: WorkerStatus | None) -> float | None:
    """Return planes per second between two answers, by the worker's own clock."""
    if before is None or after is None or after.uptime_s <= before.uptime_s:
        return None  # or it was started anew
    served = after.reads + after.cache_hits - before.reads - before.cache_hits
    return round(served / (after.uptime_s - before.uptime_s), 1)


def _told_worker(ear: AgentEar, fresh: AgentHeartbeat | None) -> WorkerPicture:
    """Return how the worker is by the agent's word: it is on the agent's machine."""
    parts = [one for one in fresh.parts if one.part.kind == "worker"] if fresh else []
    told = parts[0] if parts else None
    before = ear.beats[0].worker if len(ear.beats) == 2 else None
    status = fresh.worker if fresh else None
    life: WorkerLife = "absent"
    if told is not None and told.life != "gone":
        life = told.life
    return WorkerPicture(
        address=told.part.name if told else "not known",
        life=life,
        silent_s=told.silent_s if told else 0.0,
        why=told.why if told else "the agent tells of none",
        status=status,
        planes_per_s=_rate(before, status),
        readers=status.readers if status else [],
    )


def _worker(question: WorkerQuestion) -> WorkerPicture:
    status = question.answers[-1] if question.answers else None
    live = question.life == "live" and status is not None
    rate = _rate(question.answers[0], status) if live and len(question.answers) == 2 else None
    return WorkerPicture(
        address=question.address,
        life=question.life,
        silent_s=round(question.silent_s, 1),
        why=question.why,
        status=status if live else None,
        planes_per_s=rate,
        readers=status.readers if live and status is not None else [],
    )


def _silent(
    agent: AgentPicture, fresh: AgentHeartbeat | None, worker: WorkerPicture
) -> Iterator[str]:
    if agent.life == "silent":
        yield f"the agent at {agent.address} hangs: not heard for {agent.silent_s:.0f} s"
    elif agent.life == "absent":
        yield f"no agent at {agent.address}; start one: planecast agent"
    if worker.life == "silent":
        yield f"the reader worker at {worker.address} hangs: {worker.why}"
    elif worker.life == "absent":
        why = f" ({worker.why})" if worker.why else ""
        yield f"no reader worker at {worker.address}{why}; start one: planecast reader"
    for reader in worker.readers:
        if reader.busy_s >= SLOW_READ_S:
            yield f"reader {reader.pid} is at {reader.path} for {reader.busy_s:.0f} s"
    if fresh is not None:
        yield from _told_by_agent(fresh)


def _told_by_agent(beat: AgentHeartbeat) -> Iterator[str]:
    if beat.alarm:
        yield f"the agent's alarm: {beat.alarm}"
    for one in beat.running:
        if one.state == "running" and one.controller != "live":
            yield f"acquisition {one.acquisition} runs, but its controller is {one.controller}"
    for state in beat.parts:
        if state.part.kind != "worker" and state.life == "silent":
            yield f"{_named(state)} is silent for {state.silent_s:.0f} s"


def _named(state: PartState) -> str:
    part = state.part
    process = f" (process {part.pid} on {part.host})" if part.pid else ""
    return f"{part.kind} {part.name}{process}"

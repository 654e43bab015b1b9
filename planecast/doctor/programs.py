"""Agent and worker: whether they run and answer, and whether their addresses are free."""

import contextlib
from collections.abc import Iterator

from planecast.doctor.finding import Finding, Patient, bad, good, note
from planecast.doctor.listening import who_listens
from planecast.status.agent_ear import AgentEar
from planecast.status.worker_question import WorkerQuestion
from planecast_protocol.configuration import configuration
from planecast_protocol.endpoints import (
    AgentAddress,
    default_agent_address,
    default_worker_address,
    split_tcp,
)
from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import HEARTBEAT_S

LISTEN_S = 3 * HEARTBEAT_S


def look_at_programs(patient: Patient) -> Iterator[Finding]:
    """Ask agent and worker of this user for a sign of life."""
    address = default_agent_address()
    try:
        yield _look_at_agent(address)
    except PlanecastError as trouble:
        yield bad("agent", trouble.message, "correct agent.address (PLANECAST_AGENT)")
    if "reader" in patient.roles or configuration().reader.address:
        yield _look_at_worker(default_worker_address())


def _look_at_agent(address: str) -> Finding:
    with AgentEar(address) as ear:
        if ear.listen(LISTEN_S):
            beat = ear.beats[-1]
            text = f"runs at {address}: process {beat.pid} on {beat.host}"
            if beat.alarm:
                return bad("agent", f"{text}; its alarm: {beat.alarm}", "see the agent's log")
            return good("agent", text)
        if ear.life == "absent":
            taken = _bell_taken(address)
            return taken or note(
                "agent",
                f"none runs at {address}",
                "planecast agent; controllers spool until there is one, nothing is lost",
            )
    return _mute("agent", address, AgentAddress.listening(address).door)


def _bell_taken(address: str) -> Finding | None:
    """Tell of a stranger at an agent's second port, next to the first."""
    bell = AgentAddress.listening(address).bell
    found = who_listens(bell) if bell.startswith("tcp://") else None
    return None if found is None else _mute("agent", bell, bell)


def _look_at_worker(address: str) -> Finding:
    with WorkerQuestion(address) as question:
        question.ask(LISTEN_S)
        if question.life == "live":
            status = question.answers[-1]
            n_idle = sum(one.state != "starting" for one in status.readers)
            return good("worker", f"runs at {address} with {n_idle} reader processes")
        if question.life == "absent" and who_listens(address) is None:
            return note(
                "worker",
                f"none runs at {address}; scripts and viewers start one of their own",
                "planecast reader, for one cache that all share",
            )
    return _mute("worker", address, address)


def _mute(check: str, address: str, endpoint: str) -> Finding:
    """Tell of somebody who listens at our address, but does not speak as ours do."""
    found = who_listens(endpoint)
    program = "agent" if check == "agent" else "reader"
    if found is not None and not found.is_ours:
        return bad(
            check,
            f"{address}: another program has that address: {found}",
            f"end it, or give another address: planecast {program} --address, {_key(check)} in "
            "planecast.toml",
        )
    if found is not None and found.stopped:
        way_out = f"kill -CONT {found.pid}; if it does not help, end it and start it again"
        return bad(check, f"at {address} hangs: {found}", way_out)
    who = f": {found}" if found else ""
    port = ""
    with contextlib.suppress(PlanecastError):
        port = f"; ss -ltnp 'sport = :{split_tcp(endpoint)[1]}' tells who it is"
    return bad(
        check,
        f"at {address} somebody listens, but does not answer{who}",
        f"if it is the {check}, it hangs: end it (it loses nothing) and start it again{port}",
    )


def _key(check: str) -> str:
    return "agent.address" if check == "agent" else "reader.address"

"""`planecast status`."""

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planecast.cli.tables import print_json

if TYPE_CHECKING:
    from planecast.status.agent_ear import AgentEar
    from planecast.status.picture import StatusPicture
    from planecast.status.worker_question import WorkerQuestion

LOOK_EVERY_S = 1.0


def command(
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    worker: Annotated[
        str | None, typer.Option(help="Address of the reader worker; else the agent's, or yours.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show it once, and end.")] = False,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print it as JSON; without --once an object a line, each s."),
    ] = False,
) -> None:
    """Show what runs: agent, worker, reader processes, viewers, rates, cache, lag.

    What hangs, or is not there, is told below the tables. Exit code 1 if the agent does not
    answer.

    Example: planecast status --once
    """
    from planecast.status.agent_ear import AgentEar
    from planecast.status.worker_question import WorkerQuestion
    from planecast_protocol.endpoints import default_agent_address

    with AgentEar(agent or default_agent_address()) as ear:
        _listen_first(ear)
        with ExitStack() as stack:
            place = worker or _worker_of(ear)
            question = stack.enter_context(WorkerQuestion(place)) if place else None
            picture = _look(ear, question)
            if once:
                if picture.worker.life == "live":
                    picture = _look(ear, question)  # twice: the difference is a rate
                _print_once(picture, as_json=json)
            else:
                picture = _show_on(ear, question, picture, as_json=json)
    raise typer.Exit(0 if picture.agent.life == "live" else 1)


def _listen_first(ear: "AgentEar") -> None:
    """Hear two heartbeats, or find that there are none."""
    from planecast_protocol.limits import HEARTBEAT_S, SILENT_AFTER_S

    deadline = time.monotonic() + SILENT_AFTER_S + HEARTBEAT_S
    while len(ear.beats) < 2 and ear.life != "absent" and time.monotonic() < deadline:
        ear.listen(HEARTBEAT_S)


def _worker_of(ear: "AgentEar") -> str | None:
    """Return the address of the worker that the agent watches, else of this user's.

    `None`: it is on another machine, and only the agent there can be asked.
    """
    from planecast_protocol.endpoints import default_worker_address, leaves_machine

    if leaves_machine(ear.address):
        return None
    parts = ear.beats[-1].parts if ear.beats else []
    told = [state.part.name for state in parts if state.part.kind == "worker"]
    return told[0] if told else default_worker_address()


def _look(ear: "AgentEar", question: "WorkerQuestion | None") -> "StatusPicture":
    from planecast.status.picture import take_picture

    if question is not None:
        question.ask()
    ear.catch_up()
    return take_picture(ear, question)


def _print_once(picture: "StatusPicture", *, as_json: bool) -> None:
    if as_json:
        print_json(facts_of(picture))
        return
    from planecast.status.table import console, render

    console().print(render(picture))


def _show_on(
    ear: "AgentEar", question: "WorkerQuestion | None", picture: "StatusPicture", *, as_json: bool
) -> "StatusPicture":
    """Show it again and again, until Ctrl-C; return the last."""
    from rich.live import Live

    from planecast.status.table import console, render

    try:
        if as_json:
            while True:
                print_json(facts_of(picture), one_line=True)
                picture = _next(ear, question)
        with Live(render(picture), console=console(), auto_refresh=False) as live:
            while True:
                picture = _next(ear, question)
                live.update(render(picture), refresh=True)
    except KeyboardInterrupt:
        return picture


def _next(ear: "AgentEar", question: "WorkerQuestion | None") -> "StatusPicture":
    deadline = time.monotonic() + LOOK_EVERY_S
    while (left_s := deadline - time.monotonic()) > 0:
        ear.listen(left_s)
    return _look(ear, question)


def facts_of(picture: "StatusPicture") -> dict[str, Any]:
    """Return a picture as JSON has it."""
    import msgspec

    facts: dict[str, Any] = msgspec.to_builtins(picture)
    return facts

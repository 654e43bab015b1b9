"""`planecast state`."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planecast.cli.tables import print_json

if TYPE_CHECKING:
    from planecast_agent.subscriber.control_picture import ControlPicture
    from planecast_protocol.command_messages import CommandSpec


def command(
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, with every change.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print it as JSON; with --watch an object a line.")
    ] = False,
) -> None:
    """Show controllers, their state and commands, and who is there.

    Example: planecast state --watch
    """
    from planecast_agent.subscriber.control_client import ControlClient

    with ControlClient(agent) as client:
        picture = client.picture()
        _print(picture, as_json=json, one_line=watch)
        while watch:
            try:
                changed = client.wait_for_change(picture, timeout_s=60.0)
            except KeyboardInterrupt:
                return
            if changed is not picture:
                picture = changed
                _print(picture, as_json=json, one_line=True)


def _print(picture: "ControlPicture", *, as_json: bool, one_line: bool) -> None:
    if as_json:
        print_json(facts_of(picture), one_line=one_line)
        return
    if one_line:
        print(f"\n{time.strftime('%H:%M:%S')}")
    for line in _lines(picture):
        print(line, flush=True)


def facts_of(picture: "ControlPicture") -> dict[str, Any]:
    """Return a picture as JSON has it."""
    import msgspec

    return {
        "agent": picture.agent,
        "silent_s": picture.silent_s,
        "may_command": picture.may_command,
        "controllers": msgspec.to_builtins(picture.controllers),
        "parts": msgspec.to_builtins(picture.parts),
    }


def _lines(picture: "ControlPicture") -> Iterator[str]:
    if picture.agent != "live":
        yield f"agent is {picture.agent} for {picture.silent_s:.0f} s"
    for one in picture.controllers:
        yield f"{one.name}  {one.life}  process {one.pid} on {one.host}  {one.controller}"
        stale = "" if one.life == "live" else "  (stale)"
        for entry in sorted(one.values, key=lambda entry: entry.name):
            yield f"  {entry.name} = {entry.value}{stale}"
        for spec in one.commands:
            yield f"  command {signature(spec)}" + (f"  {spec.text}" if spec.text else "")
    for state in picture.parts:
        part = state.part
        known = any(one.controller == part.part for one in picture.controllers)
        if known and part.kind == "controller":
            continue
        silent = f" for {state.silent_s:.0f} s" if state.life == "silent" else ""
        what = f"  shows {part.shows}" if part.shows else ""
        what += f", {part.behind:,} events behind" if part.behind else ""
        where = f"  process {part.pid} on {part.host}" if part.pid else ""
        yield f"{part.kind} {part.name}  {state.life}{silent}{where}{what}"


def signature(spec: "CommandSpec") -> str:
    """Return a command as it is written: `move_stage x_um=(a number) …`."""
    from planecast_protocol.arguments import describe

    arguments = (
        f"{one.name}=({describe(one)})" if one.required else f"[{one.name}=({describe(one)})]"
        for one in spec.arguments
    )
    return " ".join((spec.name, *arguments))

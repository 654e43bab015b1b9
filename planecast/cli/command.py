"""`planecast command`."""

from typing import Annotated

import typer

from planecast.cli.tables import print_json


def command(
    controller: Annotated[str, typer.Argument(help="Name or id of the controller.")],
    name: Annotated[str, typer.Argument(help="Name of the command.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Its arguments.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that it may take.")] = 5.0,
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Have a controller do something, and print its answer.

    `planecast state` lists the controllers and what each accepts.

    Example: planecast command Squid move_stage x_um=100 y_um=250.5
    """
    from planecast_agent.subscriber.control_client import ControlClient, spec_of
    from planecast_protocol.arguments import parse_argument
    from planecast_protocol.errors import CommandRefusedError

    with ControlClient(agent) as client:
        found = client.find(controller)
        spec = spec_of(found, name)
        known = {argument.name: argument for argument in spec.arguments}
        given = {}
        for text in arguments or []:
            key, equals, value = text.partition("=")
            if not equals:
                raise typer.BadParameter(f"{text!r}: write KEY=VALUE")
            if key not in known:
                takes = ", ".join(known) or "no arguments"
                raise CommandRefusedError(f"{name} has no argument {key}: it takes {takes}")
            given[key] = parse_argument(known[key], value)
        answer = client.command(found.controller, name, given, timeout_s=timeout)
    if json:
        facts = {"controller": found.name, "command": name, "outcome": "done", "value": answer}
        print_json(facts)
    else:
        print("done" if answer is None else f"done: {answer}")

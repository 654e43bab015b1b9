"""`planecast agents`."""

import json as json_library
import time
from dataclasses import asdict
from typing import Annotated

import typer

from planecast_protocol.errors import KeyFileError, PlanecastError

NOBODY = (
    "no agent announces itself on this network; on its machine: planecast agent --address "
    "tcp://*:5810 --announce"
)

UNKNOWN = "its key is not known here: planecast keys add HOST KEY --server"


def command(
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long to listen to the network.")
    ] = 3.0,
    interface: Annotated[
        list[str] | None,
        typer.Option(metavar="IP", help="Listen on this network only; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """List the agents that announce themselves on the local network.

    It says who may be reached, not whom to trust: compare keys with the machine's operator.

    Example: planecast agents --json
    """
    from planecast_agent.subscriber.agents_nearby import AgentsNearby, Found
    from planecast_protocol.discovery import trusted_address
    from planecast_protocol.keys.folder import KeyFolder

    heard: list[Found] = [[]]
    nearby = AgentsNearby(heard.append, interface)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not isinstance(heard[-1], PlanecastError):
        time.sleep(0.05)
    nearby.close()
    found = heard[-1]
    if isinstance(found, PlanecastError):
        raise found
    try:
        servers = KeyFolder().servers()
    except KeyFileError:
        servers = {}
    rows = [(agent, trusted_address(agent, servers)) for agent in found]
    if json:
        listed = [
            asdict(agent) | {"address": known or agent.address, "key_known": known is not None}
            for agent, known in rows
        ]
        print(json_library.dumps(listed, indent=2))
        return
    if not rows:
        typer.echo(NOBODY, err=True)
    for agent, known in rows:
        state = (
            "" if known else "   its key is not known here: planecast keys add HOST KEY --server"
        )
        print(f"{agent.name:24} {known or agent.address:32}{state}")

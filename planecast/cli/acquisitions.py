"""`planecast acquisitions`."""

import json as json_text
import time
from typing import Annotated

import msgspec
import typer

from planecast_protocol.agent_messages import AcquisitionList, ListAcquisitions
from planecast_protocol.endpoints import AgentAddress, default_agent_address
from planecast_protocol.errors import AgentUnreachableError
from planecast_protocol.limits import RECONNECT_AFTER_S


def command(
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the acquisitions of an agent, oldest first.

    Example: planecast acquisitions --json
    """
    listed = ask(agent or default_agent_address())
    if json:
        print(json_text.dumps(msgspec.to_builtins(listed.acquisitions), indent=2))
        return
    for one in listed.acquisitions:
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.started_at))
        print(f"{started}  {one.state:8}  {one.planes:8} planes  {one.name}  {one.acquisition}")


def ask(address: str) -> AcquisitionList:
    """Return what the agent at `address` remembers.

    Raises `AgentUnreachableError` if nobody answers there.
    """
    import zmq

    from planecast_protocol.messages import decode, encode
    from planecast_protocol.sockets import client_socket

    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, client_socket(context, zmq.DEALER, AgentAddress.parse(address).door) as socket:
        socket.send(encode(ListAcquisitions(request=1)))
        if not socket.poll(int(RECONNECT_AFTER_S * 1000)):
            raise AgentUnreachableError(
                f"no agent answers at {address}; start one with: planecast agent"
            )
        answer = decode(socket.recv_multipart()[0])
    if not isinstance(answer, AcquisitionList):
        raise AgentUnreachableError(f"{address}: answered with {type(answer).__name__}")
    return answer

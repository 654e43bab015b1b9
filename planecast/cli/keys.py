"""`planecast keys`: who may come from other machines, and which machines we trust."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guests import ROLES, Guest, check_name, check_roles
from planecast_protocol.keys.key import key_text, parse_key

app = typer.Typer(
    no_args_is_help=True,
    help="""Who may come from other machines, and which machines we trust.

    Each user of each machine has a pair of keys: the public half is given away, the secret one
    never leaves its folder.

    On the microscope PC: planecast keys init; for each guest: planecast keys add NAME KEY --role
    view. On the guest's machine: planecast keys init; planecast keys add HOST KEY --server.
    """,
)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Folder of the keys; default: PLANECAST_KEYS, else the user's settings.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]


@app.command("init")
def init(keys: Folder = None, as_json: AsJson = False) -> None:
    """Make the pair of keys of this user on this machine, and show the public one.

    A pair that is there already is kept.

    Example: planecast keys init
    """
    from planecast_protocol.keys.making import make_own_key  # needs zmq

    folder = KeyFolder(keys)
    public = make_own_key(folder).public
    if as_json:
        print(json.dumps({"folder": str(folder.folder), "public": key_text(public)}))
        return
    print(f"The secret key is in {folder.own_file}: leave it there, and show it to nobody.")
    print(f"The public key, to give to others:\n{key_text(public)}")


@app.command("add")
def add(
    name: Annotated[
        str, typer.Argument(help="A guest's name; with --server a host, or HOST:PORT.")
    ],
    key: Annotated[str, typer.Argument(help="The other's public key (planecast keys list).")],
    role: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(ROLES)}; may be repeated. Default: view."),
    ] = None,
    server: Annotated[
        bool, typer.Option("--server", help="Trust the agent and the worker of that machine.")
    ] = False,
    keys: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Let a guest come to this machine, or trust the server on another one.

    A running agent or worker knows of it at once.

    Example: planecast keys add alice 3f…d2 --role view --role command

    Example: planecast keys add scope-pc 91…7c --server
    """
    folder = KeyFolder(keys)
    public = parse_key(key)
    if server:
        if role:
            raise typer.BadParameter("a server has no role", param_hint="--role")
        folder.put_server(name, public)
        _tell(as_json, {"server": name, "key": key_text(public)}, f"{name} is trusted now")
        return
    check_name(name)
    guests = folder.guests()
    known = guests.get(name)
    if known is not None and known.key != public and not known.revoked:
        raise KeyFileError(f"{name} is listed with another key; planecast keys revoke {name} first")
    other = next((one for one in guests.values() if one.key == public and one.name != name), None)
    if other is not None:
        raise KeyFileError(f"that key is on the list as {other.name}")
    guest = Guest(name, public, check_roles(role or ["view"]))
    folder.put_guest(guest)
    _tell(as_json, _facts(guest), f"{name} may {' and '.join(_facts(guest)['roles'])} now")


@app.command("list")
def list_keys(keys: Folder = None, as_json: AsJson = False) -> None:
    """Show the own public key, the guests and the servers.

    Example: planecast keys list
    """
    folder = KeyFolder(keys)
    own = folder.own().public if folder.own_file.exists() else None
    guests = [_facts(guest) for guest in folder.guests().values()]
    servers = {host: key_text(key) for host, key in folder.servers().items()}
    if as_json:
        public = own and key_text(own)
        facts = {"folder": str(folder.folder), "public": public, "guests": guests}
        print(json.dumps({**facts, "servers": servers}, indent=2))
        return
    print(f"keys in {folder.folder}")
    print(f"own public key   {key_text(own) if own else 'none yet: planecast keys init'}")
    for guest in guests:
        roles = "revoked" if guest["revoked"] else ", ".join(guest["roles"])
        print(f"guest   {guest['name']:20} {guest['key']}  {roles}")
    for host, public in servers.items():
        print(f"server  {host:20} {public}")


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="A guest, or the host of a server.")],
    keys: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Shut a guest out, or stop trusting a server.

    A running agent or worker ends the guest's connections within a second.

    Example: planecast keys revoke alice
    """
    folder = KeyFolder(keys)
    guest, is_server = folder.guests().get(name), name in folder.servers()
    if guest is None and not is_server:
        raise KeyFileError(f"no guest and no server {name!r}; planecast keys list shows them")
    if guest is not None:
        folder.put_guest(Guest(guest.name, guest.key, guest.roles, revoked=True))
    if is_server:
        folder.put_server(name, None)
    _tell(as_json, {"revoked": name}, f"{name} is revoked")


def _facts(guest: Guest) -> dict[str, Any]:
    roles = [role for role in ROLES if role in guest.roles]
    key = key_text(guest.key)
    return {"name": guest.name, "key": key, "roles": roles, "revoked": guest.revoked}


def _tell(as_json: bool, facts: dict[str, Any], sentence: str) -> None:
    print(json.dumps(facts) if as_json else sentence)

"""Whom to talk to, and where to listen: nothing leaves this machine without keys."""

import secrets

from planecast_protocol.endpoints import leaves_machine, split_tcp
from planecast_protocol.errors import EndpointError, KeyFileError
from planecast_protocol.keys.folder import KeyFolder, OwnKey
from planecast_protocol.keys.guest_list import id_prefix


def server_key(address: str, keys: KeyFolder | None = None) -> bytes | None:
    """Return the public key that the server at an address must have; None: it needs none.

    A loopback address needs one only if it is on the list: a forwarded port, for instance. Raises
    `KeyFileError` for an address of another machine whose key is not known.
    """
    if not address.startswith("tcp://"):
        return None
    keys = keys or KeyFolder()
    host, port = split_tcp(address)
    servers = keys.servers()
    found = servers.get(f"{host}:{port}") or servers.get(host)
    if found is None and leaves_machine(address):
        raise KeyFileError(
            f"{address}: the key of {host} is not known here, and without it nothing is sent to "
            "another machine. There, planecast keys list shows it; then run here: "
            f"planecast keys add {host} KEY --server"
        )
    return found


def client_keys(address: str) -> tuple[bytes, OwnKey] | None:
    """Return the server's public key and the own pair; None: this address needs no keys.

    Raises `KeyFileError` where they are needed and not there.
    """
    if not address.startswith("tcp://"):
        return None
    keys = KeyFolder()
    server = server_key(address, keys)
    return None if server is None else (server, keys.own())


def new_id(address: str) -> str:
    """Return an id for a program that will speak with the agent at an address.

    It begins with what only the holder of our key may begin with, where keys are needed.
    """
    keys = client_keys(address)
    if keys is None:
        return secrets.token_hex(16)
    return id_prefix(keys[1].public) + secrets.token_hex(8)


def keys_for_listening(address: str, keys: KeyFolder | None = None) -> OwnKey:
    """Return the pair of keys with which to listen where other machines can reach us.

    Raises `EndpointError` with the way out if there are none, or if nobody is allowed to come.
    """
    keys = keys or KeyFolder()
    try:
        own = keys.own()
        guests = keys.guests()
    except KeyFileError as trouble:
        raise EndpointError(_refusal(address, str(trouble))) from None
    if not any(guest.may for guest in guests.values()):
        raise EndpointError(_refusal(address, f"{keys.allowed_file} lists nobody"))
    return own


def _refusal(address: str, why: str) -> str:
    return (
        f"{address}: refusing to listen where other machines can reach it without keys ({why}). "
        "Make a key with planecast keys init, and allow each guest with planecast keys add NAME "
        "KEY --role view; or listen on tcp://127.0.0.1:PORT and forward that port (ssh -L), which "
        "also encrypts"
    )

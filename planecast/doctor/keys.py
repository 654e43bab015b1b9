"""Keys: whether they are there and whole, and whether others could have read or written them."""

from collections.abc import Callable, Iterator

from planecast.doctor.finding import Finding, Patient, bad, good, note
from planecast_protocol.configuration import configuration
from planecast_protocol.endpoints import leaves_machine
from planecast_protocol.errors import EndpointError, KeyFileError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.trust import client_keys, keys_for_listening

CHECK = "keys"


def look_at_keys(_patient: Patient) -> Iterator[Finding]:
    """Look at each file of keys, and at what the configured addresses need."""
    keys = KeyFolder()
    if keys.own_file.exists():
        yield from _look_at(lambda: _own(keys))
    elif keys.folder.exists():
        text = f"{keys.folder} has no key of this user"
        yield note(CHECK, text, "planecast keys init, if other machines are to take part")
    else:
        text = f"none in {keys.folder}: this machine speaks with itself alone"
        yield note(CHECK, text, "planecast keys init, if other machines are to take part")
    if keys.allowed_file.exists():
        yield from _look_at(lambda: _guests(keys))
    if keys.servers_file.exists():
        yield from _look_at(lambda: f"{keys.servers_file}: {len(keys.servers())} machines")
    yield from _look_at_addresses(keys)


def _own(keys: KeyFolder) -> str:
    keys.own()
    return f"{keys.own_file}: whole, and yours alone"


def _guests(keys: KeyFolder) -> str:
    guests = keys.guests().values()
    return f"{keys.allowed_file}: {sum(bool(one.may) for one in guests)} guests may come"


def _look_at(ask: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield good(CHECK, ask())
    except KeyFileError as trouble:
        yield of_sentence(trouble.message)


def _look_at_addresses(keys: KeyFolder) -> Iterator[Finding]:
    """Look whether there are keys for what is to listen, and for whom we are to talk to."""
    said = configuration()
    listening = {*said.agent.listen, *said.reader.listen}
    for address in sorted(listening):
        if leaves_machine(address):
            try:
                keys_for_listening(address, keys)
            except EndpointError as trouble:
                yield of_sentence(trouble.message)
    for address in {said.agent.address or "", said.reader.address or ""} - listening:
        try:
            client_keys(address)
        except EndpointError as trouble:
            yield of_sentence(trouble.message)


def of_sentence(message: str) -> Finding:
    """Return a finding of an error's sentence, whose way out comes behind its last mark."""
    for mark in ("; ", ". "):
        text, found, way_out = message.partition(mark)
        if found:
            return bad(CHECK, text, way_out)
    return bad(CHECK, message, "planecast keys --help")

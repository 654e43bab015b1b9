"""The folder of keys of this user on this machine.

- `own.key`: the own pair of keys; nobody else may read it.
- `allowed.toml`: guests, whose keys may come to this machine's agent and worker, and do what.
- `servers.toml`: agents and workers of other machines, and their public keys.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys import private_files
from planecast_protocol.keys.guests import Guest, guests_of, text_of_guests
from planecast_protocol.keys.key import key_text, parse_key

_HOST = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,255}")
_OWN_HEAD = (
    "# The key of this user on this machine. Whoever has this file can pose as you:\n"
    "# never copy it, send it or let others read it. Others need the public key only.\n"
)
_ALLOWED_HEAD = "# Who may come to the agent and worker of this machine (planecast keys add).\n"
_SERVERS_HEAD = "# Machines whose agents and workers we trust (planecast keys add --server).\n"


def default_key_folder() -> Path:
    """Return the configured one, else `keys` in the folder of the user's settings."""
    # Who talks to no other machine is spared these imports.
    import platformdirs

    from planecast_protocol.configuration import configuration

    folders = configuration().folders
    if folders.keys:
        return Path(folders.keys)
    settings = Path(folders.settings) if folders.settings else None
    return (settings or platformdirs.user_config_path("planecast")) / "keys"


@dataclass(frozen=True)
class OwnKey:
    """A pair of keys, 32 bytes each."""

    public: bytes
    secret: bytes = field(repr=False)


class KeyFolder:
    """Reads and writes the files, afresh with every call. Any thread."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_key_folder() if folder is None else folder
        self.own_file = self.folder / "own.key"
        self.allowed_file = self.folder / "allowed.toml"
        self.servers_file = self.folder / "servers.toml"

    # ------------------------------------------------------------ the own pair

    def write_own(self, own: OwnKey) -> None:
        """Write the own pair down. Raises `KeyFileError` if there is one: it is kept."""
        private_files.make_folder(self.folder)
        private_files.check_folder(self.folder)
        halves = f'public = "{key_text(own.public)}"\nsecret = "{key_text(own.secret)}"\n'
        try:
            private_files.write_once(self.own_file, _OWN_HEAD + halves)
        except FileExistsError:
            raise KeyFileError(
                f"{self.own_file} is there already, and is kept; planecast keys list shows it",
                path=str(self.own_file),
            ) from None

    def own(self) -> OwnKey:
        """Return the own pair. Raises `KeyFileError` if there is none, or others may read it."""
        private_files.check_folder(self.folder)
        try:
            text = private_files.read_secret(self.own_file)
        except (FileNotFoundError, NotADirectoryError):
            raise KeyFileError(
                f"no key of this user in {self.folder}; make one: planecast keys init",
                path=str(self.own_file),
            ) from None
        found = _parse(self.own_file, text)
        try:
            return OwnKey(parse_key(found["public"]), parse_key(found["secret"]))
        except (KeyError, AttributeError, KeyFileError):
            raise KeyFileError(
                f"{self.own_file}: damaged; move it away and run planecast keys init, and give "
                "your new public key to those who knew the old one",
                path=str(self.own_file),
            ) from None

    # ------------------------------------------------------------ guests

    def guests(self) -> dict[str, Guest]:
        """Return who is listed, by name, revoked ones too. Raises `KeyFileError`."""
        return guests_of(self.allowed_file, self._read(self.allowed_file))

    def put_guest(self, guest: Guest) -> None:
        """Write a guest down, in the place of one who had the name."""
        private_files.make_folder(self.folder)
        text = text_of_guests({**self.guests(), guest.name: guest})
        private_files.replace(self.allowed_file, _ALLOWED_HEAD + text)

    # ------------------------------------------------------------ servers

    def servers(self) -> dict[str, bytes]:
        """Return host, or host:port, to public key. Raises `KeyFileError`."""
        servers = {}
        for host, entry in self._read(self.servers_file).items():
            try:
                servers[host] = parse_key(entry["key"])
            except (KeyError, TypeError, AttributeError, KeyFileError):
                raise KeyFileError(
                    f"{self.servers_file}: {host!r} has no key", path=str(self.servers_file)
                ) from None
        return servers

    def put_server(self, host: str, key: bytes | None) -> None:
        """Write a server's key down, or strike it off. Raises `KeyFileError` for no host."""
        if not _HOST.fullmatch(host):
            raise KeyFileError(f"{host!r} is no host: give its name or address, or HOST:PORT")
        private_files.make_folder(self.folder)
        servers = self.servers()
        servers.pop(host, None)
        if key is not None:
            servers[host] = key
        lines = [f'["{name}"]\nkey = "{key_text(one)}"\n' for name, one in servers.items()]
        private_files.replace(self.servers_file, _SERVERS_HEAD + "\n".join(lines))

    # ------------------------------------------------------------ inside

    def _read(self, path: Path) -> dict[str, Any]:
        private_files.check_folder(self.folder)
        try:
            return _parse(path, private_files.read_trusted(path))
        except (FileNotFoundError, NotADirectoryError):
            return {}


def _parse(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise KeyFileError(f"{path}: {trouble}; mend it by hand", path=str(path)) from None

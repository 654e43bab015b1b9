"""Guests: whose keys may come to this machine, and what each may do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys.key import key_text, parse_key

Role = Literal["publish", "view", "command"]
"""`publish`: be a controller. `view`: read and be seen. `command`: have controllers do things."""
ROLES: tuple[Role, ...] = get_args(Role)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


@dataclass(frozen=True)
class Guest:
    """A key on the list."""

    name: str
    key: bytes
    roles: frozenset[Role]
    revoked: bool = False
    """Kept on the list, so that a refusal can say whose key it was."""

    @property
    def may(self) -> frozenset[Role]:
        """What the guest may do now."""
        return frozenset() if self.revoked else self.roles


def check_name(name: str) -> None:
    """Raise `KeyFileError` for a name that can't be listed."""
    if not _NAME.fullmatch(name):
        raise KeyFileError(
            f"{name!r}: a name has up to 64 letters, digits, and _ . @ - and begins with a "
            "letter or digit"
        )


def check_roles(roles: list[str]) -> frozenset[Role]:
    """Return the roles. Raises `KeyFileError` for one that is none, or where there are none."""
    known = frozenset(role for role in ROLES if role in roles)
    strange = sorted(set(roles) - known)
    if strange or not known:
        what = ", ".join(map(repr, strange)) or "nothing"
        raise KeyFileError(f"{what} is no role: choose among {', '.join(ROLES)}")
    return known


def guests_of(path: Path, table: Mapping[str, Any]) -> dict[str, Guest]:
    """Return the guests of a parsed list. Raises `KeyFileError` that names the entry."""
    guests: dict[str, Guest] = {}
    owners: dict[bytes, str] = {}
    for name, entry in table.items():
        try:
            check_name(name)
            revoked = bool(entry.get("revoked", False))
            roles = check_roles(entry["roles"])
            guest = Guest(name, parse_key(entry["key"]), roles, revoked)
        except (KeyError, TypeError, AttributeError, KeyFileError) as trouble:
            raise KeyFileError(
                f"{path}: the entry {name!r} is damaged ({trouble}); nobody is let in until it is "
                "mended",
                path=str(path),
            ) from None
        if guest.key in owners:
            raise KeyFileError(
                f"{path}: {owners[guest.key]!r} and {name!r} have the same key; strike one off",
                path=str(path),
            )
        owners[guest.key] = name
        guests[name] = guest
    return guests


def text_of_guests(guests: Mapping[str, Guest]) -> str:
    """Return the list as TOML."""
    entries = []
    for guest in guests.values():
        roles = ", ".join(f'"{role}"' for role in ROLES if role in guest.roles)
        lines = [f'["{guest.name}"]', f'key = "{key_text(guest.key)}"', f"roles = [{roles}]"]
        if guest.revoked:
            lines.append("revoked = true")
        entries.append("\n".join(lines) + "\n")
    return "\n".join(entries)

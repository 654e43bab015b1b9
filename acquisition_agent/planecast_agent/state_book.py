"""The last value of each name that a controller publishes, and what changed since when."""

import threading
import time
from collections.abc import Mapping
from typing import cast

import msgspec

from planecast_protocol.base import Name
from planecast_protocol.command_messages import CommandSpec
from planecast_protocol.errors import StateError
from planecast_protocol.limits import (
    MAX_COMMANDS,
    MAX_COMMANDS_BYTES,
    MAX_STATE_BYTES,
    MAX_STATE_VALUE_BYTES,
    MAX_STATE_VALUES,
)
from planecast_protocol.state_messages import StateEntry
from planecast_protocol.values import Value


class StateBook:
    """A controller's state. Any thread; nothing in here waits for more than a moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.revision = 1
        """Counts changes, and begins with one: the agent is told of a controller without state."""
        self._values: dict[str, tuple[int, StateEntry]] = {}
        """Name to (revision, entry), the one that changed longest ago first."""
        self._sizes: dict[str, int] = {}
        self._commands: dict[str, CommandSpec] = {}
        self._declared_at = 0

    def set(self, name: str, value: object) -> None:
        """Remember the value. Raises `StateError` for one that can't be sent."""
        plain = plain_value(f"state {name!r}", value)
        try:
            msgspec.convert(name, Name)
        except msgspec.ValidationError as trouble:
            raise StateError(f"state {name!r}: no name of a state: {trouble}") from None
        n_bytes = len(msgspec.msgpack.encode(plain)) + len(name)
        with self._lock:
            _revision, known = self._values.get(name, (0, None))
            if known is not None and type(known.value) is type(plain) and known.value == plain:
                return
            self._check_room(name, n_bytes)
            self.revision += 1
            self._values.pop(name, None)
            self._values[name] = (
                self.revision,
                StateEntry(name=name, value=plain, set_at=time.time()),
            )
            self._sizes[name] = n_bytes

    def declare(self, spec: CommandSpec) -> None:
        """Remember that this command is accepted. Raises `StateError` for one too many."""
        with self._lock:
            if len(self._commands) >= MAX_COMMANDS and spec.name not in self._commands:
                raise StateError(f"command {spec.name}: a controller has {MAX_COMMANDS} at most")
            commands = {**self._commands, spec.name: spec}
            if len(msgspec.msgpack.encode(commands)) > MAX_COMMANDS_BYTES:
                raise StateError(
                    f"command {spec.name}: more than {MAX_COMMANDS_BYTES} bytes of them"
                )
            self.revision += 1
            self._declared_at = self.revision
            self._commands = commands

    def since(self, revision: int) -> tuple[int, list[StateEntry], list[CommandSpec] | None]:
        """Return (newest revision, values set since, commands if declared since)."""
        with self._lock:
            changed: list[StateEntry] = []
            for at, entry in reversed(self._values.values()):
                if at <= revision:
                    break
                changed.append(entry)
            declared = self._declared_at > revision
            return self.revision, changed, list(self._commands.values()) if declared else None

    def _check_room(self, name: str, n_bytes: int) -> None:
        if name not in self._values and len(self._values) >= MAX_STATE_VALUES:
            raise StateError(f"state {name!r}: a controller has {MAX_STATE_VALUES} names at most")
        total = sum(self._sizes.values()) - self._sizes.get(name, 0) + n_bytes
        if total > MAX_STATE_BYTES:
            raise StateError(
                f"state {name!r}: a controller's values take {MAX_STATE_BYTES} bytes at most, "
                f"these would take {total}"
            )


def plain_value(what: str, value: object) -> Value:
    """Return the value as the wire has it, with NumPy's numbers and arrays made plain.

    Raises `StateError` that names `what`.
    """
    try:
        plain = cast("Value", msgspec.convert(_plain(value), Value))  # a union is no type to mypy
        n_bytes = len(msgspec.msgpack.encode(plain))
    except (msgspec.ValidationError, OverflowError, TypeError, UnicodeError) as trouble:
        raise StateError(
            f"{what}: {trouble}; text, a number, true or false, None, a short list or a flat map "
            "of these is possible"
        ) from None
    if n_bytes > MAX_STATE_VALUE_BYTES:
        raise StateError(f"{what}: {n_bytes} bytes, {MAX_STATE_VALUE_BYTES} are possible")
    return plain


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    # NumPy's scalars and arrays have it, and this package does not import NumPy.
    to_list = getattr(value, "tolist", None)
    return value if to_list is None else to_list()

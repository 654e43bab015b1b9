"""Reads the file and the environment; tells every trouble with its key and line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from planecast_protocol.configuration.checking import Trouble, check_tables, check_value
from planecast_protocol.configuration.places import configuration_file
from planecast_protocol.configuration.schema import Configuration
from planecast_protocol.configuration.table import Setting, settings
from planecast_protocol.errors import ConfigurationError

MAX_FILE_BYTES = 1 << 20


class Complaint(NamedTuple):
    """A trouble with a file, for people."""

    file: Path
    line: int | None
    key: str
    why: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.key}: {self.why}" if self.key else f"{where}: {self.why}"


class Found(NamedTuple):
    """A value that somebody gave, and who."""

    value: Any
    origin: Literal["environment", "file"]
    where: str
    """Name of the variable, or file and line."""


def configuration() -> Configuration:
    """Return what the environment and the file say; the rest is built in.

    Read anew at each call: a program asks when it starts. Raises `ConfigurationError`, which
    names the key and the line, or the variable.
    """
    return build({key: found.value for key, found in found_settings().items()})


def found_settings() -> dict[str, Found]:
    """Return key to what somebody said of it. Raises `ConfigurationError`."""
    file = configuration_file()
    found: dict[str, Found] = {}
    if file is not None:
        from planecast_protocol.configuration.toml_lines import line_of

        text = read_text(file)
        values, complaints = check_text(text, file)
        if complaints:
            more = f" (and {len(complaints) - 1} more)" if complaints[1:] else ""
            raise ConfigurationError(
                f"{complaints[0]}{more}; see: planecast config check", path=str(file)
            )
        for key, value in values.items():
            found[key] = Found(value, "file", f"{file}:{line_of(key, text)}")
    for key, setting in settings().items():
        text = os.environ.get(setting.variable, "")
        if text:
            found[key] = Found(from_environment(setting, text), "environment", setting.variable)
    return found


def check_file(file: Path) -> list[Complaint]:
    """Return everything that is wrong with a file; empty: it is right."""
    try:
        return check_text(read_text(file), file)[1]
    except ConfigurationError as trouble:
        return [Complaint(file, None, "", trouble.message.removeprefix(f"{file}: "))]


def check_text(text: str, file: Path) -> tuple[dict[str, Any], list[Complaint]]:
    """Return dotted key to value of all that is right, and everything that is wrong."""
    import tomllib  # only where there is a file: controllers start with this module

    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        why, line = _of_syntax(str(trouble), text)
        return {}, [Complaint(file, line, "", f"this is no TOML: {why}")]
    values, troubles = check_tables(given)
    return values, [_complaint(file, text, trouble) for trouble in troubles]


def read_text(file: Path) -> str:
    """Return the file's text. Raises `ConfigurationError`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as trouble:
        raise ConfigurationError(f"{file}: {trouble.strerror}", path=str(file)) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"{file}: larger than {MAX_FILE_BYTES >> 20} MiB", path=str(file))
    try:
        return content.decode()
    except UnicodeDecodeError as trouble:
        raise ConfigurationError(f"{file}: not UTF-8: {trouble.reason}", path=str(file)) from None


def from_environment(setting: Setting, text: str) -> Any:
    """Return what a variable's text means. Raises `ConfigurationError`.

    Of several, commas stand between; of roots, the system's separator of paths.
    """
    raw: Any = text
    try:
        if setting.key == "roots":
            raw = _roots_of(text)
        elif setting.many:
            raw = [part.strip() for part in text.split(",") if part.strip()]
        return check_value(setting, raw, from_text=True)
    except ValueError as trouble:
        raise ConfigurationError(f"{setting.variable}={text}: {trouble}") from None


def build(values: Mapping[str, Any]) -> Configuration:
    """Return the whole, of dotted keys and their values."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *tables, name = key.split(".")
        table = nested
        for one in tables:
            table = table.setdefault(one, {})
        table[name] = value
    return msgspec.convert(nested, Configuration)


def _roots_of(text: str) -> dict[str, str]:
    roots = {}
    for entry in filter(None, text.split(os.pathsep)):
        alias, equals, folder = entry.partition("=")
        if not equals:
            raise ValueError(
                f"{entry!r}: write alias=/absolute/folder, several with {os.pathsep!r} between"
            )
        roots[alias] = folder
    return roots


def _complaint(file: Path, text: str, trouble: Trouble) -> Complaint:
    from planecast_protocol.configuration.toml_lines import line_of

    return Complaint(file, line_of(trouble.key, text), trouble.key, trouble.why)


def _of_syntax(sentence: str, text: str) -> tuple[str, int]:
    """Return tomllib's reason and line; at the end of a document it names none."""
    why, _, place = sentence.rpartition(" (at ")
    if place.startswith("line "):
        return why, int(place.removeprefix("line ").partition(",")[0])
    return why, max(1, len(text.splitlines()))

"""What the verbs share that start a program or need an extra."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from planecast_protocol.errors import PlanecastError

OptionValue = str | int | float | bool | Path | Sequence[str] | None


@contextlib.contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import within this; what is not installed is told as the extra to install."""
    try:
        yield
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library.startswith("planecast"):
            raise
        raise PlanecastError(
            f"this needs {library}, which is not installed: pip install 'planecast[{extra}]'"
        ) from missing


def arguments_of(options: Mapping[str, OptionValue]) -> list[str]:
    """Return options as a program's arguments; what is not given is left to the program."""
    arguments: list[str] = []
    for name, value in options.items():
        if value is True:
            arguments.append(name)
        elif isinstance(value, str | int | float | Path) and value is not False:
            arguments += [name, str(value)]
        elif value:
            for one in value:
                arguments += [name, one]
    return arguments

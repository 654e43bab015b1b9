"""In which line of a TOML file a key is, for messages to people. `tomllib` does not tell."""

import re

_HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[^\]]+?)\s*\]\]?\s*(#.*)?$")
_WORD = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_KEY = re.compile(rf"\s*(?P<name>{_WORD}(?:\s*\.\s*{_WORD})*)\s*=")
_PART = re.compile(_WORD)
_TOKEN = re.compile(
    r'"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]',
)


def lines_of_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the line, counted from 1, of every table and key of a well-formed file."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    value = _Value()
    for number, line in enumerate(text.splitlines(), start=1):
        if not value.complete:
            value.read(line)
            continue
        if header := _HEADER.match(line):
            table = _parts(header["name"])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = table + _parts(key["name"])
            for depth in range(len(table) + 1, len(name) + 1):
                found.setdefault(name[:depth], number)
            value.read(line[key.end() :])
    return found


def line_of(key: str, text: str) -> int | None:
    """Return the line of a dotted key, or of the innermost table around it."""
    lines = lines_of_keys(text)
    parts = tuple(key.split("."))
    for depth in range(len(parts), 0, -1):
        if parts[:depth] in lines:
            return lines[parts[:depth]]
    return None


class _Value:
    """A value that may go on over lines: in a long string, or between brackets."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0

    @property
    def complete(self) -> bool:
        return not self._quote and not self._depth

    def read(self, line: str) -> None:
        at = 0
        while at < len(line):
            if self._quote:
                end = line.find(self._quote, at)
                if end < 0:
                    return
                at, self._quote = end + 3, ""
                continue
            token = _TOKEN.search(line, at)
            if token is None:
                return
            at = token.end()
            if token[0] in ('"""', "'''"):
                self._quote = token[0]
            elif token[0] in "[{":
                self._depth += 1
            elif token[0] in "]}":
                self._depth -= 1


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(name))

r"""The language in which names of files are described.

    {t}/{region}_{fov}_{z}_{channel}.tif*      names in braces, other text as it stands
    {t}  {z}  {fov}       a number; {t:4} one of four digits
    {well}                A1, B12, AA03
    {region}  {channel}   any text without "/"; {channel:DAPI|GFP} one of these
    *                     any text without "/"; ** any text; {{ and }} stand for braces
    re:(?P<t>\d+)_c(?P<channel>\w+)\.tif       a regular expression with groups of these names

It describes the path from the folder of the acquisition on, with "/" on every system.
"""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass

from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import MAX_COUNT

REGEX_PREFIX = "re:"
NUMBERS = ("t", "fov", "z")
NAMES = (*NUMBERS, "well", "region", "channel")

_REGEX_OF = {
    "t": r"\d+",
    "fov": r"\d+",
    "z": r"\d+",
    "well": r"[A-Za-z]{1,2}\d{1,3}",
    "region": r"[^/]+",
    "channel": r"[^/]+?",
}
_ITEM = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\*\*|\*|[{}]")


class PatternError(PlanecastError):
    """A pattern that can't be understood; the message shows where."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a name says; `None` where the pattern does not ask for it."""

    t: int | None = None
    fov: int | None = None
    z: int | None = None
    region: str | None = None
    """The well too."""
    channel: str | None = None


class Pattern:
    """A pattern that was understood."""

    def __init__(self, text: str) -> None:
        """Raise `PatternError` with the fault and its position."""
        self.text = text
        is_regex = text.startswith(REGEX_PREFIX)
        source = _checked_regex(text) if is_regex else _regex_of(text)
        self._regex = re.compile(source)
        self.names = frozenset(self._regex.groupindex)
        self._region_group = next((one for one in ("region", "well") if one in self.names), None)

    @property
    def is_of_single_planes(self) -> bool:
        """Whether a file is one plane: its name says which z or channel."""
        return bool(self.names & {"z", "channel"})

    def match(self, relative: str, regions: Collection[str] = ()) -> Fields | None:
        """Return what the path says; `None` if it is not of this kind.

        Where the path can be split in several ways, one whose region is among `regions` wins,
        else the one with the longest region.
        """
        match = self._regex.fullmatch(relative)
        found = None if match is None else _fields(match)
        if found is None or not regions or found.region is None or found.region in regions:
            return found
        for region in sorted(regions, key=len, reverse=True):
            other = self._split(relative, region) if region in relative else None
            if other is not None:
                return other
        return found

    def _split(self, relative: str, region: str) -> Fields | None:
        group = self._region_group
        pinned = _pinned(self._regex.pattern, str(group), region)
        match = None if pinned is None else re.fullmatch(pinned, relative)
        return None if match is None else _fields(match)


def _pinned(source: str, group: str, region: str) -> str | None:
    """Return the expression with its region replaced by one name."""
    start = source.find(f"(?P<{group}>")
    if start < 0:
        return None
    depth, place = 0, start
    while place < len(source):
        if source[place] == "\\":
            place += 1
        elif source[place] in "()":
            depth += 1 if source[place] == "(" else -1
            if depth == 0:
                break
        place += 1
    return f"{source[:start]}(?P<{group}>{re.escape(region)}){source[place + 1 :]}"


def _fields(match: "re.Match[str]") -> Fields | None:
    found = {name: _text(value) for name, value in match.groupdict().items() if value is not None}
    numbers = {name: int(found[name]) for name in NUMBERS if name in found}
    if any(number > MAX_COUNT for number in numbers.values()):
        return None
    return Fields(
        **numbers,
        region=found.get("region") or found.get("well"),
        channel=found.get("channel"),
    )


def _text(name: str) -> str:
    r"""Return a name that can be sent: bytes that are not UTF-8 as `\xff`, as in wire paths."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _regex_of(text: str) -> str:
    """Translate a pattern with braces."""
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for item in _ITEM.finditer(text):
        parts.append(re.escape(text[end : item.start()]))
        end = item.end()
        match item[0]:
            case "{{" | "}}":
                parts.append(re.escape(item[0][0]))
            case "**":
                parts.append(".*?")
            case "*":
                parts.append("[^/]*?")
            case "{" | "}":
                raise _fault(text, item.start(), f"a {item[0]!r} without its partner")
            case _:
                parts.append(_group(text, item, seen))
    return "".join((*parts, re.escape(text[end:])))


def _group(text: str, item: "re.Match[str]", seen: set[str]) -> str:
    name, colon, limit = item[1].partition(":")
    at = item.start() + 1
    if name not in NAMES:
        raise _fault(text, at, f"{name!r} is none of {_listed()}")
    if name in seen or (name in {"well", "region"} and seen & {"well", "region"}):
        raise _fault(text, at, f"{name!r} is there already")
    seen.add(name)
    if not colon:
        return f"(?P<{name}>{_REGEX_OF[name]})"
    if name in NUMBERS:
        if not limit.isdecimal() or not 0 < int(limit) < 20:
            raise _fault(text, at + len(name) + 1, f"{limit!r} is no number of digits (1 to 19)")
        return rf"(?P<{name}>\d{{{int(limit)}}})"
    if not all(limit.split("|")):
        raise _fault(text, at + len(name) + 1, "an empty name")
    return f"(?P<{name}>{'|'.join(re.escape(one) for one in limit.split('|'))})"


def _checked_regex(text: str) -> str:
    source = text.removeprefix(REGEX_PREFIX)
    try:
        compiled = re.compile(source)
    except re.error as error:
        at = len(REGEX_PREFIX) + (error.pos or 0)
        raise _fault(text, at, error.msg) from None
    unknown = sorted(compiled.groupindex.keys() - set(NAMES))
    if unknown:
        at = text.find(f"(?P<{unknown[0]}>")
        raise _fault(text, at, f"group {unknown[0]!r} is none of {_listed()}")
    return source


def _fault(text: str, position: int, trouble: str) -> PatternError:
    return PatternError(
        f"pattern, position {position + 1}: {trouble}\n  {text}\n  {' ' * position}^"
    )


def _listed() -> str:
    return ", ".join(NAMES)

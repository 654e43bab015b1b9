"""As much of YAML as controllers write their settings in: nested maps, lists, plain values.

PyYAML is not among what an acquisition PC must install. Text that uses more of YAML (anchors,
folded text, flow collections) is left out value by value, never misread.
"""

import json
import re
from typing import Any

MAX_DEPTH = 32
_KEY = re.compile(
    r"""(?P<key>"[^"]*"|'[^']*'|[^\s#:\-'"\[\]{}&*!|>%@`][^:]*?):(?:\s+(?P<value>.*))?$"""
)
_STRANGE = ("[", "{", "&", "*", "!", "|", ">", "@", "`", "%")

Line = tuple[int, str]


def parse(text: str) -> dict[str, Any]:
    """Return the map that a document is; what can't be understood is left out."""
    lines = [
        (len(raw) - len(raw.lstrip(" ")), raw.strip())
        for raw in text.splitlines()
        if raw.strip() and not raw.lstrip().startswith(("#", "---", "..."))
    ]
    found, _ = _block(lines, 0, 0)
    return found if isinstance(found, dict) else {}


def _block(lines: list[Line], at: int, depth: int) -> tuple[Any, int]:
    """Return the value of the block that begins at line `at`, and the line behind it."""
    if at >= len(lines) or depth > MAX_DEPTH:
        return None, len(lines)
    indent, text = lines[at]
    if text.startswith("- ") or text == "-":
        return _list(lines, at, indent, depth)
    return _map(lines, at, indent, depth)


def _map(lines: list[Line], at: int, indent: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] >= indent:
        line_indent, text = lines[at]
        match = _KEY.fullmatch(text) if line_indent == indent else None
        at += 1
        if match is None:
            if line_indent == indent and text.startswith("-"):
                return found, at - 1
            continue
        key = str(_value(match["key"]))
        value = match["value"]
        if value is not None and not value.startswith("#"):
            found[key] = _value(value)
        elif at < len(lines) and _is_inside(lines[at], indent):
            found[key], at = _block(lines, at, depth + 1)
        else:
            found[key] = None
    return found, at


def _is_inside(line: Line, indent: int) -> bool:
    # A list may stand as far left as the key that it belongs to.
    return line[0] > indent or (line[0] == indent and line[1].startswith("-"))


def _list(lines: list[Line], at: int, indent: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("-"):
        rest = lines[at][1][1:]
        text = rest.lstrip()
        inner = indent + 1 + len(rest) - len(text)
        if not text:
            value, at = _block(lines, at + 1, depth + 1)
        elif _KEY.fullmatch(text) or text.startswith("- "):
            lines[at] = (inner, text)
            value, at = _block(lines, at, depth + 1)
        else:
            value, at = _value(text), at + 1
        found.append(value)
        while at < len(lines) and lines[at][0] > indent:
            at += 1
    return found, at


def _value(text: str) -> Any:
    if text[:1] in {'"', "'"}:
        return _quoted(text)
    text = text.split(" #", 1)[0].strip()
    if text in {"", "~", "null"} or text.startswith(_STRANGE):
        return None
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _quoted(text: str) -> str | None:
    mark = text[0]
    end = text.rfind(mark)
    if end <= 0:
        return None
    if mark == "'":
        return text[1:end].replace("''", "'")
    try:
        return str(json.loads(text[: end + 1], strict=False))
    except ValueError:
        return text[1:end]

"""Vendors' metadata in JSON's types, whatever their libraries make of it."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np

MAX_ITEMS = 1000
"""Of one list: what is longer is measured, not shown."""
MAX_DEPTH = 64


def plain_value(value: Any, depth: int = 0) -> Any:
    """Return `value` in numbers, texts, lists and maps; the rest as text, NaN as `None`."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist() if value.size <= MAX_ITEMS else f"{value.size} values"
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {_text(str(key)): plain_value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < MAX_DEPTH:
        return [plain_value(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Enumerations are ints too. MessagePack ends at 64 bits.
        return int(value) if -(2**63) <= value < 2**64 else hex(value)[:MAX_ITEMS]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value[:MAX_ITEMS].decode("latin-1")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return _text(value if isinstance(value, str) else str(value)[:MAX_ITEMS])


def _text(text: str) -> str:
    """Return text that UTF-8 can hold: without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode()


def xml_tree(element: ET.Element, depth: int = 0) -> Any:
    """Return an element as a map of its attributes and children; one without any as its text.

    Children of one name become a list, without its name spaces.
    """
    text = (element.text or "").strip()
    if depth >= MAX_DEPTH or (not element.attrib and not len(element)):
        return text or None
    tree: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    if text:
        tree["#text"] = text
    children: dict[str, list[Any]] = {}
    for child in element:
        if isinstance(child.tag, str):  # comments have none
            children.setdefault(_local(child.tag), []).append(xml_tree(child, depth + 1))
    return tree | {name: found[0] if len(found) == 1 else found for name, found in children.items()}


def parse_xml_tree(xml: str | bytes) -> Any:
    """Return a whole document as `xml_tree`; the text itself where it is damaged."""
    try:
        return xml_tree(ET.fromstring(xml))  # noqa: S314  expat bounds entities itself
    except ET.ParseError:
        return xml.decode("utf-8", "replace") if isinstance(xml, bytes) else xml


def _local(name: str) -> str:
    return name.rpartition("}")[2]

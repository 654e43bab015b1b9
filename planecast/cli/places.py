"""Places on axes as they are typed: `T=0`, `Z=2:8`, `C=DAPI,GFP`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from planecast_reader.headless.selection import Place

Index = Annotated[
    list[str] | None,
    typer.Option(
        "--index",
        "-i",
        metavar="AXIS=PLACE",
        help="A place, such as T=0 or C=DAPI; a range, Z=2:8; several, C=0,2. May be repeated.",
    ),
]


def parse_places(texts: Sequence[str] | None, channels: Sequence[str]) -> "dict[str, Place]":
    """Return axis to place; a channel's name counts before all other readings of it.

    Raises `typer.BadParameter`.
    """
    places: dict[str, Place] = {}
    for text in texts or ():
        axis, equals, place = text.partition("=")
        if not equals or not axis or not place:
            raise typer.BadParameter(f"{text!r} is not AXIS=PLACE", param_hint="--index")
        places[axis] = _parse(place, channels)
    return places


def _parse(text: str, channels: Sequence[str]) -> "Place":
    if text in channels:
        return text
    if ":" in text:
        parts = text.split(":")
        if len(parts) <= 3 and all(not part or _is_whole(part) for part in parts):
            return slice(*(int(part) if part else None for part in parts))
    if "," in text:
        return [_one(part) for part in text.split(",") if part]
    return _one(text)


def _one(text: str) -> int | str:
    return int(text) if _is_whole(text) else text


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def single_places(places: "dict[str, Place]") -> dict[str, int]:
    """Return places that are one number each; raise `typer.BadParameter` for others."""
    numbers: dict[str, int] = {}
    for axis, place in places.items():
        if not isinstance(place, int):
            raise typer.BadParameter(f"{axis} takes one number here", param_hint="--index")
        numbers[axis] = place
    return numbers


def parse_region(text: str | None) -> tuple[int, int, int, int] | None:
    """Return x, y, width and height; raise `typer.BadParameter`."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(_is_whole(part.strip()) for part in parts):
        raise typer.BadParameter(f"{text!r} is not X,Y,WIDTH,HEIGHT", param_hint="--region")
    x, y, width, height = (int(part) for part in parts)
    return x, y, width, height

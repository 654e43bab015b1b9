"""Where the tiles of a mosaic lie: in pixels, and on the stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_reader.headless.selection import scene_of

Position = tuple[float | None, float | None, float | None]


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One tile of a scene."""

    scene: int
    tile: int
    """The file's own number, as `read_tile` takes it."""
    x: int
    y: int
    width: int
    height: int
    """In the file's pixel coordinates, which may begin below 0."""
    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None
    """Of the stage when the tile was first taken; `None` where the file doesn't say."""


def tiles_of(info: ImageInfo, scene: int, planetable: Mapping[str, list[Any]] | None) -> list[Tile]:
    """Return the tiles of a scene with the stage's positions, which are in the planetable."""
    facts = scene_of(info, scene)
    stage = _stage_positions(planetable or {}, facts)
    tiles = []
    for one in facts.tiles:
        x_um, y_um, z_um = stage.get((one.tile, one.x, one.y), (None, None, None))
        tile = Tile(
            scene=scene,
            tile=one.tile,
            x=one.x,
            y=one.y,
            width=one.width,
            height=one.height,
            x_um=x_um,
            y_um=y_um,
            z_um=z_um,
        )
        tiles.append(tile)
    return tiles


def _stage_positions(
    table: Mapping[str, list[Any]], facts: SceneInfo
) -> dict[tuple[int, int, int], Position]:
    """Return (tile, x, y) to the position in the first of its rows that has one."""
    columns = ("M", "xstart", "ystart", "X[micron]", "Y[micron]", "Z[micron]")
    if any(column not in table for column in columns):
        return {}
    numbered = {(one.x, one.y): one.tile for one in facts.tiles}
    found: dict[tuple[int, int, int], Position] = {}
    for m, x, y, *position in zip(*(table[column] for column in columns), strict=True):
        tile = numbered.get((x, y)) if m is None else m
        if tile is not None:
            known = found.get((tile, x, y), (None, None, None))
            found[tile, x, y] = _first_known(known, position)
    return found


def _first_known(known: Position, position: Sequence[float | None]) -> Position:
    x, y, z = (new if old is None else old for old, new in zip(known, position, strict=True))
    return x, y, z

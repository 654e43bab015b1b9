"""A CZI in the protocol's words."""

import msgspec

from planecast_protocol.images import ChannelInfo, LevelInfo, SceneInfo, TileInfo
from planecast_reader.readers.czi.planes import Scene, tile_number
from planecast_reader.readers.czi.xml import CziDocument

SMALLEST_LEVEL = 256
"""Levels go on until the longer side would be shorter than this."""


def describe_scene(scene: Scene, document: CziDocument) -> SceneInfo:
    """Describe one scene; its indices start at 0 whatever the file's do."""
    number = scene.number or 0
    return SceneInfo(
        name=document.scene_names.get(number) or f"Scene {number}",
        sizes=dict(scene.sizes),
        dtype=_dtype(scene, scene.starts["C"]) or "<u2",
        channels=_channels(scene, document),
        pixel_size_um=document.pixel_size_um,
        tiles=_tiles(scene),
        levels=_levels(scene),
        starts={
            axis: start for axis, start in scene.starts.items() if start and axis in scene.sizes
        },
    )


def _dtype(scene: Scene, channel: int) -> str | None:
    kind = scene.pixel_types.get(channel)
    return None if kind is None else kind.dtype.newbyteorder("=").str


def _channels(scene: Scene, document: CziDocument) -> list[ChannelInfo]:
    known = document.channels
    first, count = scene.starts["C"], scene.sizes["C"]
    # A file cut out of a larger one keeps its channels' numbers, but lists only its own.
    shift = 0 if len(known) >= first + count else first
    scene_dtype = _dtype(scene, first)
    infos = []
    for number in range(first, first + count):
        place = number - shift
        channel = known[place] if place < len(known) else ChannelInfo(name="")
        dtype = _dtype(scene, number)
        infos.append(
            msgspec.structs.replace(
                channel,
                name=channel.name or f"Channel {number}",
                dtype=dtype if dtype != scene_dtype else None,
            )
        )
    return infos


def _tiles(scene: Scene) -> list[TileInfo]:
    if not scene.is_mosaic:
        return []
    tiles: dict[int, TileInfo] = {}
    for blocks in scene.planes.values():
        for block in blocks:
            number = tile_number(blocks, block)
            if number not in tiles:
                tiles[number] = TileInfo(
                    tile=number,
                    x=block.x,
                    y=block.y,
                    width=block.width,
                    height=block.height,
                )
    return [tiles[number] for number in sorted(tiles)]


def _levels(scene: Scene) -> list[LevelInfo]:
    _, _, width, height = scene.rectangle
    levels = [LevelInfo(width=width, height=height, downsampling=1.0)]
    while max(width, height) >> len(levels) >= SMALLEST_LEVEL:
        step = len(levels)
        levels.append(
            LevelInfo(
                width=max(width >> step, 1), height=max(height >> step, 1), downsampling=2.0**step
            )
        )
    return levels

"""The scenes of a CZI as its directory shows them: sizes, planes that exist, tiles."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planecast_protocol.errors import NoDataError
from planecast_reader.readers.czi.directory import PIXEL_TYPES, Block, PixelType

EXTRA_AXES = "VHIRB"
"""View, phase, illumination, rotation, block: shown only where there is more than one."""
AXES = EXTRA_AXES + "TZC"

Rectangle = tuple[int, int, int, int]
"""x, y, width, height, in the file's coordinates."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene, from the blocks of layer 0."""

    number: int | None
    """The file's own number (S); `None` where the file has no scenes."""
    rectangle: Rectangle
    sizes: dict[str, int]
    """Axis to length: extra axes longer than 1, then T, Z, C, Y, X and S (samples)."""
    starts: dict[str, int]
    """Axis to the file's first value on it."""
    planes: dict[tuple[int, ...], list[Block]]
    """Values on `AXES` as in the file (0 where a block has no such dimension) to its blocks."""
    pixel_types: dict[int, PixelType]
    """The file's channel to its pixel type."""
    largest_downsampling: float
    """Of the pyramid in the file; 1.0 where there is none."""

    @property
    def samples(self) -> int:
        """Samples of a pixel, of the channel that has most."""
        return max(kind.samples for kind in self.pixel_types.values())

    @property
    def most_tiles(self) -> int:
        """Tiles of the plane that has most."""
        return max(len(blocks) for blocks in self.planes.values())

    @property
    def is_mosaic(self) -> bool:
        """Whether a plane has several tiles."""
        return self.most_tiles > 1

    def key(self, index: Mapping[str, int]) -> tuple[int, ...]:
        """Return the values in the file of the full `index`."""
        return tuple(self.starts[axis] + index.get(axis, 0) for axis in AXES)

    def blocks(self, index: Mapping[str, int]) -> list[Block]:
        """Return the blocks of the plane at the full `index`; empty if it was never written."""
        return self.planes.get(self.key(index), [])


def find_scenes(path: Path, blocks: Sequence[Block]) -> list[Scene]:
    """Group the blocks into scenes, in the order of the file's numbers.

    Raises `NoDataError` if there are none at full resolution.
    """
    by_scene: dict[int | None, list[Block]] = {}
    for block in blocks:
        by_scene.setdefault(block.scene, []).append(block)
    numbers = sorted(by_scene, key=lambda number: -1 if number is None else number)
    scenes = []
    for number in numbers:
        layer0 = [block for block in by_scene[number] if block.is_layer0]
        if layer0:
            pyramid = (block for block in by_scene[number] if not block.is_layer0)
            scenes.append(_scene(number, layer0, pyramid))
    if not scenes:
        raise NoDataError.of(path, "has no pixels")
    return scenes


def tile_number(blocks: Sequence[Block], block: Block) -> int:
    """Return the file's number of a tile; its place among `blocks` where it has none."""
    number = block.start.get("M")
    return blocks.index(block) if number is None else number


def bounding_rectangle(blocks: Iterable[Block]) -> Rectangle:
    """Return the smallest rectangle around the blocks."""
    corners = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in blocks]
    x, y = min(c[0] for c in corners), min(c[1] for c in corners)
    return x, y, max(c[2] for c in corners) - x, max(c[3] for c in corners) - y


def _scene(number: int | None, layer0: list[Block], pyramid: Iterable[Block]) -> Scene:
    planes: dict[tuple[int, ...], list[Block]] = {}
    for block in layer0:
        planes.setdefault(tuple(block.start.get(axis, 0) for axis in AXES), []).append(block)
    for tiles in planes.values():
        tiles.sort(key=lambda block: block.start.get("M", 0))
    sizes, starts = {}, {}
    for place, axis in enumerate(AXES):
        values = {key[place] for key in planes}
        starts[axis] = min(values)
        length = max(values) - min(values) + 1
        if axis not in EXTRA_AXES or length > 1:
            sizes[axis] = length
    rectangle = bounding_rectangle(layer0)
    sizes |= {"Y": rectangle[3], "X": rectangle[2]}
    pixel_types = {block.start.get("C", 0): PIXEL_TYPES[block.pixel_type] for block in layer0}
    samples = max(kind.samples for kind in pixel_types.values())
    if samples > 1:
        sizes["S"] = samples
    return Scene(
        number=number,
        rectangle=rectangle,
        sizes=sizes,
        starts=starts,
        planes=planes,
        pixel_types=dict(sorted(pixel_types.items())),
        largest_downsampling=max(
            (block.width / block.stored_width for block in pyramid), default=1.0
        ),
    )

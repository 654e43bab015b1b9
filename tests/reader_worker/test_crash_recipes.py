"""CZI files on which native libraries crash or return foreign memory, many times in a row.

Each is opened anew every time; PLANECAST_TEST_REPEATS sets how often (20).
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from readers_czi_files import dimension, directory_entries, noise, put, writing
from worker_rig import TIMEOUT_S, Worker, plane_request, running_worker, status, wire

from planecast_protocol.errors import CorruptFileError, NoDataError, PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_protocol.reader_messages import (
    OpenImage,
    ReadMetadata,
    ReadPlanetable,
    ReleaseFile,
    TileArea,
)
from planecast_reader.client import PixelAnswer, ReaderClient

REPEATS = int(os.environ.get("PLANECAST_TEST_REPEATS", "20"))

Place = tuple[int, tuple[tuple[str, int], ...]]
"""Scene, and index."""


@dataclass
class Recipe:
    """A file, and what is in it."""

    path: Path
    planes: dict[Place, npt.NDArray[Any]] = field(default_factory=dict)
    tiles: dict[tuple[Place, int], npt.NDArray[Any]] = field(default_factory=dict)
    missing: list[Place] = field(default_factory=list)
    fails_to_open: type[PlanecastError] | None = None


def place(scene: int = 0, **index: int) -> Place:
    return scene, tuple(index.items())


def unequal_tiles(path: Path, compression: str) -> Recipe:
    """The buffer of aicspylibczi is sized from the first tile."""
    recipe = Recipe(path)
    sizes = [(20, 20), (64, 48), (20, 90)]
    whole = np.zeros((64, 20 + 48 + 90), np.uint16)
    with writing(path, compression) as document:
        x = 0
        for number, (height, width) in enumerate(sizes):
            pixels = noise(height, width)
            put(document, pixels, {"T": 0, "Z": 0, "C": 0}, location=(x, 0))
            whole[:height, x : x + width] = pixels
            recipe.tiles[place(T=0, Z=0, C=0), number] = pixels
            x += width
    recipe.planes[place(T=0, Z=0, C=0)] = whole
    return recipe


def larger_later_scene(path: Path, compression: str) -> Recipe:
    recipe = Recipe(path)
    with writing(path, compression) as document:
        for scene, (height, width) in enumerate([(16, 16), (300, 400), (10, 700)]):
            pixels = noise(height, width)
            where = {"scene": scene, "location": (1000 * scene, 0)}
            put(document, pixels, {"T": 0, "Z": 0, "C": 0}, **where)
            recipe.planes[place(scene, T=0, Z=0, C=0)] = pixels
            recipe.tiles[place(scene, T=0, Z=0, C=0), 0] = pixels
    return recipe


def wide_plane(path: Path, compression: str) -> Recipe:
    recipe = Recipe(path)
    pixels = noise(3101, 3101, dtype="u1")
    with writing(path, compression) as document:
        put(document, pixels, {"T": 0, "Z": 0, "C": 0})
    recipe.planes[place(T=0, Z=0, C=0)] = pixels
    recipe.tiles[place(T=0, Z=0, C=0), 0] = pixels
    return recipe


def stopped_acquisition(path: Path, compression: str) -> Recipe:
    """The last stack ends in the middle of its z, and has one channel only."""
    recipe = Recipe(path)
    with writing(path, compression) as document:
        for t, z, c in np.ndindex(3, 4, 2):
            here = place(T=t, Z=z, C=c)
            if t == 2 and (z > 1 or (z == 1 and c == 1)):
                recipe.missing.append(here)
                continue
            pixels = noise(40, 50) + np.uint16(100 * t + 10 * z + c)
            put(document, pixels, {"T": t, "Z": z, "C": c})
            recipe.planes[here] = pixels
    return recipe


def half_of_the_planes(path: Path, compression: str) -> Recipe:
    """As an Airyscan file whose phases (H) are not all there, of channels of two pixel types."""
    recipe = Recipe(path)
    with writing(path, compression) as document:
        for h, z, c in np.ndindex(4, 4, 2):
            here = place(H=h, Z=z, C=c)
            if (h + z + c) % 2:
                recipe.missing.append(here)
                continue
            pixels = noise(30, 30, dtype="u1" if c else "u2")
            put(document, pixels, {"T": h, "Z": z, "C": c})
            recipe.planes[here] = pixels
    rename_dimension(path, "T", "H")
    return recipe


def rename_dimension(path: Path, old: str, new: str) -> None:
    """Change a letter in every entry: the library that writes knows fewer dimensions."""
    content = bytearray(path.read_bytes())
    for entry in directory_entries(content):
        (position,) = struct.unpack_from("<q", content, entry + 6)
        for copy in (entry, position + 32 + 16):
            content[dimension(content, copy, old)] = ord(new)
    path.write_bytes(content)


def negative_count_of_dimensions(path: Path, compression: str) -> Recipe:
    """Four bytes of the directory that end every process with libCZI in it."""
    with writing(path, compression) as document:
        put(document, noise(20, 20), {"T": 0, "Z": 0, "C": 0})
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, directory_entries(content)[0] + 28, -1)
    path.write_bytes(content)
    return Recipe(path, fails_to_open=CorruptFileError)


RECIPES: list[Callable[[Path, str], Recipe]] = [
    unequal_tiles,
    larger_later_scene,
    wide_plane,
    stopped_acquisition,
    half_of_the_planes,
    negative_count_of_dimensions,
]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker() as worker:
        yield worker


@pytest.fixture
def client(worker: Worker) -> Iterator[ReaderClient]:
    client = ReaderClient(worker.address)
    yield client
    client.close()


def pixels_of(client: ReaderClient, path: Path, where: Place, turn: int, **more: Any) -> Any:
    """Read without the cache: each turn is another revision, and nothing is read ahead."""
    scene, index = where
    request = plane_request(path, scene=scene, index=dict(index), revision=turn, keep=False, **more)
    answer = client.request(request, TIMEOUT_S)
    assert isinstance(answer, PixelAnswer)
    assert not answer.cached
    return answer.pixels


def read_once(client: ReaderClient, recipe: Recipe, turn: int) -> None:
    path = recipe.path
    image = client.request(OpenImage(request=0, path=wire(path)), TIMEOUT_S)
    assert isinstance(image, ImageInfo)
    for where, expected in recipe.planes.items():
        np.testing.assert_array_equal(pixels_of(client, path, where, turn), expected, str(where))
    for (where, tile), expected in recipe.tiles.items():
        found = pixels_of(client, path, where, turn, area=TileArea(tile=tile))
        np.testing.assert_array_equal(found, expected, f"{where} tile {tile}")
    for where in recipe.missing:
        with pytest.raises(NoDataError, match="never written"):
            pixels_of(client, path, where, turn)
    table = client.request(ReadPlanetable(request=0, path=wire(path)), TIMEOUT_S)
    assert isinstance(table, dict)
    assert len(table["S"]) == max(len(recipe.tiles), len(recipe.planes))
    client.request(ReadMetadata(request=0, path=wire(path)), TIMEOUT_S)


@pytest.mark.parametrize("compression", ["raw", "zstd"])
@pytest.mark.parametrize("make", RECIPES, ids=lambda make: make.__name__)
def test_right_pixels_or_a_clear_error_and_no_reader_is_lost(
    client: ReaderClient, tmp_path: Path, make: Callable[[Path, str], Recipe], compression: str
):
    recipe = make(tmp_path / f"{make.__name__}.czi", compression)
    readers = {reader.pid for reader in status(client).readers}
    for turn in range(1, REPEATS + 1):
        if recipe.fails_to_open is not None:
            with pytest.raises(recipe.fails_to_open, match=recipe.path.name):
                client.request(OpenImage(request=0, path=wire(recipe.path)), TIMEOUT_S)
        else:
            read_once(client, recipe, turn)
        client.request(ReleaseFile(request=0, path=wire(recipe.path)), TIMEOUT_S)
    after = status(client)
    assert {reader.pid for reader in after.readers} == readers
    assert after.readers_replaced == 0
    assert after.quarantined == []

"""The promises that every reader keeps. A format's test class only writes its file."""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from planecast_protocol.errors import NoDataError, OutOfRangeError, PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_reader.reader import PlaneReader, allocate_in_memory
from planecast_reader.readers import open_reader

PIXEL_AXES = "YXS"
REPOSITORY = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """Return the folder of real microscope files, which need not be there."""
    default = REPOSITORY.parent / "shared" / "data"
    return Path(os.environ.get("PLANECAST_TEST_DATA", default))


@dataclass
class ExpectedScene:
    """What a reader should find: all pixels, with an axis letter for each dimension."""

    axes: str
    pixels: npt.NDArray[Any]
    missing: list[dict[str, int]] = field(default_factory=list)
    """Planes that were never written."""

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.axes, self.pixels.shape, strict=True))

    def indices(self) -> Iterator[dict[str, int]]:
        """Every index, of the missing planes too."""
        outer = [axis for axis in self.axes if axis not in PIXEL_AXES]
        for values in itertools.product(*(range(self.sizes[axis]) for axis in outer)):
            yield dict(zip(outer, values, strict=True))

    def plane(self, index: dict[str, int]) -> npt.NDArray[Any]:
        return self.pixels[tuple(index[axis] for axis in self.axes if axis not in PIXEL_AXES)]


@dataclass
class Example:
    """A file that a test wrote, and what is in it."""

    path: Path
    scenes: list[ExpectedScene]


class Allocator:
    """Hands out arrays full of rubbish and remembers them."""

    def __init__(self) -> None:
        self.given: list[npt.NDArray[Any]] = []

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        array = np.empty(shape, dtype)
        array.reshape(-1).view(np.uint8)[:] = 0xA7
        self.given.append(array)
        return array


class ReaderContract:
    """Subclass it and define the fixture `example`."""

    @pytest.fixture
    def reader(self, example: Example) -> Iterator[PlaneReader]:
        opened = open_reader(example.path)
        yield opened
        opened.close()

    def test_scenes_have_the_sizes_and_types_that_were_written(
        self, example: Example, reader: PlaneReader
    ):
        info = reader.describe()
        assert [scene.sizes for scene in info.scenes] == [scene.sizes for scene in example.scenes]
        for scene, expected in zip(info.scenes, example.scenes, strict=True):
            assert "".join(scene.sizes) == expected.axes
            assert np.dtype(scene.dtype) == expected.pixels.dtype.newbyteorder("=")
            assert len(scene.channels) == expected.sizes.get("C", 1)
            assert set(scene.pixel_size_um) == {"x", "y", "z"}

    def test_every_plane_is_the_one_that_was_written(self, example: Example, reader: PlaneReader):
        for number, scene in enumerate(example.scenes):
            for index in scene.indices():
                if index not in scene.missing:
                    plane = reader.read_plane(number, index, None, allocate_in_memory)
                    np.testing.assert_array_equal(plane, scene.plane(index), str(index))

    def test_the_plane_is_what_was_allocated_in_native_order(
        self, example: Example, reader: PlaneReader
    ):
        allocate = Allocator()
        plane = reader.read_plane(0, {}, None, allocate)
        assert plane is allocate.given[-1]
        assert plane.dtype.isnative
        assert plane.flags.c_contiguous

    def test_axes_left_out_are_zero(self, example: Example, reader: PlaneReader):
        scene = example.scenes[0]
        first = dict.fromkeys((axis for axis in scene.axes if axis not in PIXEL_AXES), 0)
        np.testing.assert_array_equal(
            reader.read_plane(0, {}, None, allocate_in_memory), scene.plane(first)
        )

    def test_a_missing_plane_is_no_data_and_never_zeros(
        self, example: Example, reader: PlaneReader
    ):
        for number, scene in enumerate(example.scenes):
            for index in scene.missing:
                with pytest.raises(NoDataError):
                    reader.read_plane(number, index, None, allocate_in_memory)

    def test_an_index_beyond_its_axis_is_out_of_range(self, example: Example, reader: PlaneReader):
        for axis, length in example.scenes[0].sizes.items():
            with pytest.raises(OutOfRangeError, match=axis):
                reader.read_plane(0, {axis: length}, None, allocate_in_memory)

    def test_an_axis_that_the_scene_lacks_is_out_of_range(self, reader: PlaneReader):
        with pytest.raises(OutOfRangeError):
            reader.read_plane(0, {"N": 0}, None, allocate_in_memory)

    def test_a_scene_beyond_the_last_is_out_of_range(self, example: Example, reader: PlaneReader):
        with pytest.raises(OutOfRangeError):
            reader.read_plane(len(example.scenes), {}, None, allocate_in_memory)

    def test_a_region_is_a_part_of_the_plane(self, example: Example, reader: PlaneReader):
        scene = example.scenes[0]
        height, width = scene.sizes["Y"], scene.sizes["X"]
        x, y = width // 3, height // 3
        region = (x, y, max(width // 2, 1), max(height // 2, 1))
        plane = reader.read_plane(0, {}, None, allocate_in_memory)
        np.testing.assert_array_equal(
            reader.read_region(0, region, 0, {}, allocate_in_memory),
            plane[y : y + region[3], x : x + region[2]],
        )

    def test_the_description_crosses_the_wire(self, reader: PlaneReader):
        info = reader.describe()
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(info), type=ImageInfo) == info

    def test_metadata_is_json(self, example: Example, reader: PlaneReader):
        check_metadata(reader.read_metadata(), reader.describe())
        assert len(reader.read_metadata().scenes) == len(example.scenes)

    def test_it_may_be_closed_twice(self, reader: PlaneReader):
        reader.close()
        reader.close()


def check_metadata(metadata: ImageMetadata, info: ImageInfo) -> None:
    """Check that it is JSON, crosses the wire unchanged and repeats what `info` tells."""
    plain = metadata.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(metadata), type=ImageMetadata) == metadata
    assert [(one.name, one.sizes, one.channels) for one in metadata.scenes] == [
        (one.name, one.sizes, one.channels) for one in info.scenes
    ]
    for scene in metadata.scenes:
        assert scene.timestamps_s == [] or len(scene.timestamps_s) == scene.sizes.get("T", 1)


def read_all(path: Path, scenes: list[ExpectedScene]) -> tuple[int, int]:
    """Read every plane; return how many came, all of them right, and how many were refused.

    A file that can't be opened refuses all. Only errors of our own count as refused.
    """
    n_right = n_refused = 0
    n_planes = sum(1 for scene in scenes for _ in scene.indices())
    try:
        reader = open_reader(path)
    except PlanecastError:
        return 0, n_planes
    try:
        for number, scene in enumerate(scenes):
            for index in scene.indices():
                try:
                    plane = reader.read_plane(number, index, None, allocate_in_memory)
                except PlanecastError:
                    n_refused += 1
                else:
                    np.testing.assert_array_equal(plane, scene.plane(index))
                    n_right += 1
    finally:
        reader.close()
    return n_right, n_refused

"""OME-Zarr 0.1 to 0.5 in a local folder: each image of it is a scene."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import zarr

from planecast_protocol.errors import (
    CorruptFileError,
    NotYetWrittenError,
    OutOfRangeError,
    ReadError,
)
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata, scene_metadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.indexing import check_scene
from planecast_reader.readers.omezarr.nodes import read_node
from planecast_reader.readers.omezarr.scenes import find_images
from planecast_reader.readers.plain import parse_xml_tree, plain_value

MAX_XML_BYTES = 64 << 20


class OmeZarrReader(PlaneReader):
    """One store: a plate, a set of series, an image, or arrays without OME's attributes.

    A plane of which no chunk is on disk is `NoDataError`, or `NotYetWrittenError` where the
    store says that its acquisition goes on; see `chunks` for what can't be told apart.
    """

    format: ClassVar[str] = "omezarr"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if not path.is_dir():
            raise CorruptFileError.of(path, "is a file, not the folder of a zarr store")
        root = read_node(path)
        if root is None:
            raise NotYetWrittenError.of(path, "has no document of zarr (zarr.json, .zgroup) yet")
        self._root = root
        found = find_images(root)
        self._images = found.images
        self._absent = found.absent
        self._first = self._images[0].scene
        """Read at once, so that a store which is no image is refused when it is opened."""

    def describe(self) -> ImageInfo:
        """Return a scene for each image; a damaged one has no pixels, and a warning tells why."""
        scenes, warnings = self._scenes()
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"zarr {zarr.__version__}",
            scenes=scenes,
            warnings=warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the plane at full resolution, its chunks decoded straight into it."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, len(self._images))
        return self._images[scene].read(0, index, None, allocate)

    def read_region(
        self,
        scene: int,
        rectangle: tuple[int, int, int, int],
        level: int,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Return part of a plane of a level; only the chunks that it touches are read."""
        check_scene(self.path, scene, len(self._images))
        return self._images[scene].read(level, index, rectangle, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return the scenes, and the attributes of the store and of its first image."""
        first = self._images[0].node
        vendor = {"attributes": plain_value(self._root.attributes)}
        if first is not self._root:
            vendor["first_image"] = plain_value(first.attributes)
        xml = self.path / "OME" / "METADATA.ome.xml"
        if xml.is_file() and xml.stat().st_size <= MAX_XML_BYTES:
            vendor["ome_xml"] = parse_xml_tree(xml.read_bytes())
        scenes, warnings = self._scenes()
        return ImageMetadata(
            scenes=[
                scene_metadata(
                    scene,
                    well=image.well,
                    time_interval_s=image.time_interval_s if scene.sizes["X"] else None,
                )
                for scene, image in zip(scenes, self._images, strict=True)
            ],
            vendor=vendor,
            warnings=warnings,
        )

    def close(self) -> None:
        """Let go of the arrays; no file stays open between reads."""
        for image in self._images:
            image.close()

    def _scenes(self) -> tuple[list[SceneInfo], list[str]]:
        scenes: list[SceneInfo] = []
        warnings: list[str] = []
        for image in self._images:
            try:
                scenes.append(image.scene)
            except ReadError as error:
                # Dropping it would renumber the scenes after it.
                nothing = SceneInfo(
                    name=image.name,
                    sizes={"Y": 0, "X": 0},
                    dtype=self._first.dtype,
                    channels=[ChannelInfo(name="Channel 0")],
                    pixel_size_um={"x": None, "y": None, "z": None},
                )
                scenes.append(nothing)
                warnings.append(error.message)
        if self._absent:
            first = self._absent[0]
            warnings.append(
                f"{len(self._absent)} images are announced and not there, {first} first"
            )
        return scenes, warnings

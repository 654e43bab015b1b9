"""DICOM: the frames of a file, or the stacks and slides of a folder."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pydicom

from planecast_protocol.errors import (
    NotYetWrittenError,
    OutOfRangeError,
    ReadError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata, scene_metadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.dicom import metadata
from planecast_reader.readers.dicom.frames import DicomFrames
from planecast_reader.readers.dicom.header import WHOLE_SLIDE, Header
from planecast_reader.readers.dicom.slide import Slide
from planecast_reader.readers.dicom.stacks import Stack, group, of_file
from planecast_reader.readers.indexing import check_scene, full_index
from planecast_reader.readers.plain import plain_value

MAX_FILES = 20_000


class DicomReader(PlaneReader):
    """One DICOM file, whose frames are the axis F, or the files right in a folder.

    In a folder the single slices of a series are one scene with axis Z, and the files of a slide
    are one scene with levels.
    """

    format: ClassVar[str] = "dicom"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._warnings: list[str] = []
        self._slides: list[Slide] = []
        if path.is_dir():
            self._stacks = self._open_folder()
        else:
            file = DicomFrames(path)
            self._stacks = [of_file(file)]
            if _is_slide(file.header):
                self._warnings.append(
                    "these are the tiles of one level of a slide; open its folder for the slide"
                )

    def describe(self) -> ImageInfo:
        """Return a scene for each stack, then one for each slide."""
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"pydicom {pydicom.__version__}",
            scenes=self._scenes(),
            warnings=self._warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return a frame; of a slide, the whole of it at full resolution."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, len(self._stacks) + len(self._slides))
        if scene >= len(self._stacks):
            return self._slides[scene - len(self._stacks)].read(0, index, None, allocate)
        stack = self._stacks[scene]
        number = 0
        for axis, value in full_index(self.path, self._sizes(stack), index).items():
            number = number * stack.sizes[axis] + value
        file, frame = stack.frames[number]
        return file.read(frame, allocate)

    def read_region(
        self,
        scene: int,
        rectangle: tuple[int, int, int, int],
        level: int,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Return part of a plane; of a slide, from the pyramid's `level`."""
        check_scene(self.path, scene, len(self._stacks) + len(self._slides))
        if scene >= len(self._stacks):
            slide = self._slides[scene - len(self._stacks)]
            return slide.read(level, index, rectangle, allocate)
        return super().read_region(scene, rectangle, level, index, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return the scenes, and the data set of the first file."""
        headers = [stack.first.header for stack in self._stacks]
        headers += [slide.header for slide in self._slides]
        first = headers[0].dataset
        return ImageMetadata(
            acquisition_date=metadata.acquisition_date(first),
            microscope=metadata.microscope(first),
            software=metadata.software(first),
            objective=metadata.objective(first),
            scenes=[
                scene_metadata(scene, significant_bits=header.bits_stored)
                for scene, header in zip(self._scenes(), headers, strict=True)
            ],
            vendor=plain_value(metadata.vendor(first)),
            warnings=self._warnings,
        )

    def close(self) -> None:
        """Close the slides; of other files none is open."""
        for slide in self._slides:
            slide.close()

    # ------------------------------------------------------------ folders

    def _open_folder(self) -> list[Stack]:
        files: list[DicomFrames] = []
        slides: dict[str, list[Header]] = defaultdict(list)
        failure: ReadError | None = None
        for path in _dicom_files(self.path):
            try:
                file = DicomFrames(path)
            except ReadError as error:
                failure = failure or error
                self._warnings.append(error.message)
                continue
            if _is_slide(file.header):
                slides[str(metadata.field(file.header.dataset, "SeriesInstanceUID"))].append(
                    file.header
                )
            else:
                files.append(file)
        stacks = group(files)
        self._warnings += [stack.warning for stack in stacks if stack.warning]
        for headers in slides.values():
            name = str(metadata.field(headers[0].dataset, "SeriesDescription") or "slide")
            try:
                self._slides.append(Slide(self.path, headers, name))
            except ReadError as error:
                failure = failure or error
                self._warnings.append(error.message)
        if not stacks and not self._slides:
            raise failure or NotYetWrittenError.of(self.path, "has no DICOM picture yet; ask again")
        return stacks

    # ------------------------------------------------------------ description

    def _scenes(self) -> list[SceneInfo]:
        return [
            *(self._describe(stack, number) for number, stack in enumerate(self._stacks)),
            *(slide.scene for slide in self._slides),
        ]

    def _sizes(self, stack: Stack) -> dict[str, int]:
        shape = stack.first.shape
        return {**stack.sizes, **dict(zip("YXS", shape, strict=False))}

    def _describe(self, stack: Stack, number: int) -> SceneInfo:
        dataset = stack.first.header.dataset
        modality = str(metadata.field(dataset, "Modality") or f"scene {number}")
        title = str(metadata.field(dataset, "SeriesDescription") or modality)
        sizes = metadata.pixel_size_um(dataset)
        return SceneInfo(
            name=title if self.path.is_dir() else modality,
            sizes=self._sizes(stack),
            dtype=stack.first.dtype.str,
            channels=[ChannelInfo(name="Channel 0")],
            pixel_size_um=sizes if stack.z_step_um is None else sizes | {"z": stack.z_step_um},
        )


def _is_slide(header: Header) -> bool:
    is_slide = metadata.field(header.dataset, "SOPClassUID") == WHOLE_SLIDE
    return is_slide and "TotalPixelMatrixColumns" in header.dataset


def _dicom_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            if file.read(132)[128:] == b"DICM":
                found.append(path)
        if len(found) > MAX_FILES:
            raise UnsupportedFormatError.of(folder, f"has more than {MAX_FILES} DICOM files")
    return found

"""A folder of a plate: each site of a well is a scene, each plane a TIFF file."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from planecast_protocol.errors import (
    NoDataError,
    NotYetWrittenError,
    OutOfRangeError,
    ReadError,
    UnsupportedFormatError,
)
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata, StagePosition, scene_metadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.hcs_folder.imagexpress import (
    MAX_POSITIONS,
    read_imagexpress,
    stage_position,
)
from planecast_reader.readers.hcs_folder.places import RECORDS, YOKOGAWA, find_plates
from planecast_reader.readers.hcs_folder.plate import Plate, Site
from planecast_reader.readers.hcs_folder.yokogawa import read_yokogawa
from planecast_reader.readers.indexing import check_scene, full_index
from planecast_reader.readers.open_files import OpenFiles

MAX_TRIES = 8
"""Files that are tried for the size of a plane, while the first may be half written."""


class HcsFolderReader(PlaneReader):
    """A plate of an ImageXpress or a CellVoyager. Scenes are called WELL:SITE as in file names."""

    format: ClassVar[str] = "hcs_folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        plates = find_plates(path)
        if len(plates) != 1:
            names = ", ".join(str(plate.relative_to(path)) for plate in plates[:3])
            raise UnsupportedFormatError.of(
                path, f"holds {len(plates)} plates ({names}); open one of them"
            )
        self._plate = _read_plate(plates[0])
        self._sites = self._plate.sites
        self._files = OpenFiles(path)
        self._keys = list(self._plate.channels)
        self._scene: SceneInfo | None = None

    def describe(self) -> ImageInfo:
        """Return one scene a site, all of the same sizes: those of the whole plate."""
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"{len(self._plate.planes)} TIFF files of {self._plate.kind}",
            scenes=self._scenes(),
            warnings=self._plate.warnings,
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the plane, from its file; `NoDataError` names the file if it is missing."""
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, len(self._sites))
        chosen = full_index(self.path, self._one_scene().sizes, index)
        site, t, z, key = self._sites[scene], chosen["T"], chosen["Z"], self._keys[chosen["C"]]
        path = self._plate.planes.get((site, t, z, key)) or self._plate.late_file(site, t, z, key)
        if path is None:
            raise NoDataError.of(self.path, f"{self._plate.name_of(site, t, z, key)} is missing")
        return self._files.get(path).read_plane(0, {}, None, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return what the files beside the pictures say, and the pictures' own headers."""
        plate = self._plate
        return ImageMetadata(
            acquisition_date=plate.acquisition_date,
            microscope=plate.microscope,
            objective=plate.objective,
            scenes=[
                scene_metadata(
                    scene,
                    well=site[0],
                    stage_positions=self._positions(site),
                    timestamps_s=plate.timestamps_s.get(site, []),
                )
                for site, scene in zip(self._sites, self._scenes(), strict=True)
            ],
            vendor=plate.vendor,
            warnings=plate.warnings,
        )

    def close(self) -> None:
        """Close every file."""
        self._files.close()

    def _positions(self, site: Site) -> list[StagePosition]:
        plate = self._plate
        if site not in plate.positions and plate.kind == "ImageXpress":
            if len(self._sites) > MAX_POSITIONS:
                return []
            path = next(path for key, path in plate.planes.items() if key[0] == site)
            position = stage_position(path)
            if position is not None:
                plate.positions[site] = position
        return [plate.positions[site]] if site in plate.positions else []

    # ------------------------------------------------------------ description

    def _scenes(self) -> list[SceneInfo]:
        one = self._one_scene()
        return [
            SceneInfo(
                name=f"{well}:{site}",
                sizes=one.sizes,
                dtype=one.dtype,
                channels=one.channels,
                pixel_size_um=one.pixel_size_um,
            )
            for well, site in self._sites
        ]

    def _one_scene(self) -> SceneInfo:
        """Describe what all sites have in common, from one file."""
        if self._scene is None:
            inner = self._first_readable()
            plate = self._plate
            self._scene = SceneInfo(
                name="",
                sizes={
                    "T": plate.n_times,
                    "C": len(self._keys),
                    "Z": plate.n_z,
                    **{axis: inner.sizes[axis] for axis in "YXS" if axis in inner.sizes},
                },
                dtype=inner.dtype,
                channels=list(plate.channels.values()),
                pixel_size_um={
                    axis: size or inner.pixel_size_um.get(axis)
                    for axis, size in plate.pixel_size_um.items()
                },
            )
        return self._scene

    def _first_readable(self) -> SceneInfo:
        failure: ReadError | None = None
        for path in list(self._plate.planes.values())[:MAX_TRIES]:
            try:
                return self._files.get(path).describe().scenes[0]
            except (NotYetWrittenError, NoDataError) as error:
                failure = failure or error
        raise failure or NotYetWrittenError.of(self.path, "has no picture yet; ask again")


def _read_plate(folder: Path) -> Plate:
    is_yokogawa = (folder / RECORDS).is_file() or any(
        YOKOGAWA.fullmatch(path.name) for path in folder.iterdir()
    )
    return read_yokogawa(folder) if is_yokogawa else read_imagexpress(folder)

"""A folder of an acquisition: each fov is a scene, its planes lie in many files."""

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
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_protocol.metadata import ImageMetadata, scene_metadata
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers.acquisition_folder.names import Fov, scan
from planecast_reader.readers.acquisition_folder.pages import PageTable, PageTables
from planecast_reader.readers.acquisition_folder.sidecars import PARAMETERS, read_sidecars
from planecast_reader.readers.indexing import check_scene, full_index
from planecast_reader.readers.open_files import OpenFiles
from planecast_reader.readers.plain import plain_value

MAX_TRIES = 8
"""Files that are tried for the size of a plane, while the first may be half written."""


class AcquisitionFolderReader(PlaneReader):
    """One folder of single-plane TIFFs, or of files or zarr stores with one fov each."""

    format: ClassVar[str] = "acquisition_folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._sidecars = read_sidecars(path)
        self._index = scan(path, self._sidecars.regions)
        self._fovs = self._index.fovs
        self._files = OpenFiles(path)
        self._tables = PageTables()
        if not self._fovs:
            if (path / PARAMETERS).is_file():
                raise NotYetWrittenError.of(path, "the acquisition has no picture yet; ask again")
            raise UnsupportedFormatError.of(
                path, "is no folder of an acquisition: no 0/REGION_FOV_Z_CHANNEL.tiff in it"
            )
        self._scene: SceneInfo | None = None

    def describe(self) -> ImageInfo:
        """Return one scene a fov, all of the same sizes: those of the whole acquisition."""
        plane = self._one_scene()
        index = self._index
        many = (*index.stacks.values(), *index.pages.values())
        n_files = len(index.planes) + sum(map(len, many))
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"{n_files} files",
            scenes=[
                SceneInfo(
                    name=f"{region}:{fov}",
                    sizes=plane.sizes,
                    dtype=plane.dtype,
                    channels=plane.channels,
                    pixel_size_um=plane.pixel_size_um,
                )
                for region, fov in self._fovs
            ],
        )

    def read_plane(
        self, scene: int, index: Mapping[str, int], page: int | None, allocate: Allocate
    ) -> Pixels:
        """Return the plane, from the file that has it.

        Raises `NoDataError`, which names the file, where there is none.
        """
        if page is not None:
            raise OutOfRangeError.of(self.path, "has no pages, choose a plane by its index")
        check_scene(self.path, scene, len(self._fovs))
        chosen = full_index(self.path, self._one_scene().sizes, index)
        fov = self._fovs[scene]
        t, z, c = (chosen[axis] for axis in "TZC")
        name = self._one_scene().channels[c].name
        inner: dict[str, int] = {}
        number = None
        if fov in self._index.stacks:
            path, inner = self._stack(fov, t, {"T": t, "Z": z, "C": c})
        elif fov in self._index.pages:
            path, number = self._page(fov, t, z, name)
        else:
            path = self._plane_file(fov, t, z, name)
        return self._files.get(path).read_plane(0, inner, number, allocate)

    def read_metadata(self) -> ImageMetadata:
        """Return the parameters of the acquisition, and the stage's position of each fov."""
        parameters = self._sidecars.parameters
        started = parameters.get("start_time")
        return ImageMetadata(
            acquisition_date=str(started) if started is not None else None,
            objective=self._sidecars.objective,
            scenes=[
                scene_metadata(
                    scene,
                    well=fov[0],
                    stage_positions=self._sidecars.stage_positions(fov),
                    time_interval_s=self._sidecars.time_interval_s,
                )
                for fov, scene in zip(self._fovs, self.describe().scenes, strict=True)
            ],
            vendor={"acquisition_parameters": plain_value(parameters)},
        )

    def close(self) -> None:
        """Close every file."""
        self._files.close()

    # ------------------------------------------------------------ files

    def _plane_file(self, fov: Fov, t: int, z: int, channel: str) -> Path:
        known = self._index.planes.get((fov, t, z, channel))
        if known is not None:
            return known
        # It may have appeared since the folder was looked at.
        stem = f"{fov[0]}_{fov[1]}_{z}_{channel}"
        wanted = [self.path / str(t) / f"{stem}{suffix}" for suffix in (".tiff", ".tif")]
        for path in wanted:
            if path.is_file():
                return path
        raise NoDataError.of(self.path, f"{t}/{wanted[0].name} is missing")

    def _stack(self, fov: Fov, t: int, index: dict[str, int]) -> tuple[Path, dict[str, int]]:
        """Return the OME-TIFF of the plane, and the plane's index in it."""
        files = self._index.stacks[fov]
        if self._index.n_times == 1:
            return next(iter(files.values())), index
        if t not in files:
            raise NoDataError.of(self.path, f"{t}/{fov[0]}_{fov[1]}.ome.tiff is missing")
        return files[t], index | {"T": 0}

    def _page(self, fov: Fov, t: int, z: int, channel: str) -> tuple[Path, int]:
        """Return the multi-page TIFF of the plane, and the plane's page in it."""
        path = self._index.pages[fov].get(t)
        if path is None:
            raise NoDataError.of(self.path, f"{t}/{fov[0]}_{fov[1]}_stack.tiff is missing")
        number = self._tables.get(path).pages.get((z, channel))
        if number is None:
            raise NoDataError.of(path, f"has no page for z={z}, channel {channel}")
        return path, number

    # ------------------------------------------------------------ description

    def _one_scene(self) -> SceneInfo:
        """Describe what all fovs have in common, from one file."""
        if self._scene is None:
            self._scene = self._describe_plane(self._first_readable())
        return self._scene

    def _first_readable(self) -> SceneInfo:
        index = self._index
        candidates = list(index.planes.values()) or [
            path
            for files in (*index.stacks.values(), *index.pages.values())
            for path in files.values()
        ]
        failure: ReadError | None = None
        for path in candidates[:MAX_TRIES]:
            try:
                return self._files.get(path).describe().scenes[0]
            except NotYetWrittenError as error:
                failure = failure or error
        raise failure or NotYetWrittenError.of(self.path, "has no picture yet; ask again")

    def _first_tables(self) -> list[PageTable]:
        paths = [path for files in self._index.pages.values() for path in files.values()]
        return [self._tables.get(path) for path in paths[:MAX_TRIES]]

    def _describe_plane(self, inner: SceneInfo) -> SceneInfo:
        index, sizes = self._index, inner.sizes
        names, n_times, n_z = index.channels, index.n_times, index.n_z
        if index.pages and not names:
            tables = self._first_tables()
            order = {name: n for table in tables for name, n in table.channel_order.items()}
            names = sorted(order, key=lambda name: (order[name], name))
            n_z = max(table.n_z for table in tables)
        is_stack = not names
        return SceneInfo(
            name="",
            sizes={
                "T": sizes.get("T", 1) if is_stack and n_times == 1 else n_times,
                "C": sizes.get("C", 1) if is_stack else len(names),
                "Z": sizes.get("Z", 1) if is_stack else n_z,
                **{axis: sizes[axis] for axis in "YXS" if axis in sizes},
            },
            dtype=inner.dtype,
            channels=inner.channels if is_stack else [ChannelInfo(name=name) for name in names],
            pixel_size_um={
                "x": self._sidecars.pixel_size_um or inner.pixel_size_um.get("x"),
                "y": self._sidecars.pixel_size_um or inner.pixel_size_um.get("y"),
                "z": self._sidecars.z_step_um or inner.pixel_size_um.get("z"),
            },
        )

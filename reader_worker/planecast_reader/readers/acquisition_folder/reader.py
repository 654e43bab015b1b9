"""A folder of an acquisition: each fov is a scene, its planes lie in many TIFF files."""

from collections import OrderedDict
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
from planecast_protocol.images import ChannelInfo, ImageInfo, Metadata, SceneInfo
from planecast_reader.reader import Allocate, Pixels, PlaneReader
from planecast_reader.readers import open_reader
from planecast_reader.readers.acquisition_folder.names import Fov, scan
from planecast_reader.readers.acquisition_folder.sidecars import PARAMETERS, read_sidecars
from planecast_reader.readers.indexing import check_scene, full_index

MAX_OPEN_FILES = 16
MAX_TRIES = 8
"""Files that are tried for the size of a plane, while the first may be half written."""


class AcquisitionFolderReader(PlaneReader):
    """One folder of single-plane TIFFs, or of OME-TIFFs with one fov each."""

    format: ClassVar[str] = "acquisition_folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._sidecars = read_sidecars(path)
        self._index = scan(path, self._sidecars.regions)
        self._fovs = self._index.fovs
        self._open: OrderedDict[Path, tuple[tuple[int, int], PlaneReader]] = OrderedDict()
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
        files = len(self._index.planes) + sum(len(files) for files in self._index.stacks.values())
        return ImageInfo(
            path="",
            format=self.format,
            reader=f"{files} TIFF files",
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
        if fov in self._index.stacks:
            path, inner = self._stack(fov, t, {"T": t, "Z": z, "C": c})
        else:
            path, inner = self._plane_file(fov, t, z, self._index.channels[c]), {}
        return self._reader(path).read_plane(0, inner, None, allocate)

    def read_metadata(self) -> Metadata:
        """Return the parameters of the acquisition, and the stage's position of each fov."""
        info = self.describe()
        positions = self._sidecars.positions_mm
        objective = self._sidecars.parameters.get("objective")
        return {
            "acquisition_date": self._sidecars.parameters.get("start_time"),
            "objective": objective if isinstance(objective, dict) else None,
            "scenes": [
                {
                    "name": scene.name,
                    "sizes": scene.sizes,
                    "pixel_size_um": scene.pixel_size_um,
                    "channels": [{"name": channel.name} for channel in scene.channels],
                    "position_mm": dict(zip("xy", positions[fov], strict=True))
                    if fov in positions
                    else None,
                }
                for fov, scene in zip(self._fovs, info.scenes, strict=True)
            ],
            "vendor": {"acquisition_parameters": self._sidecars.parameters},
        }

    def close(self) -> None:
        """Close every file."""
        while self._open:
            _, (_, reader) = self._open.popitem()
            reader.close()

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

    def _reader(self, path: Path) -> PlaneReader:
        """Return the open reader of one file; a file that changed is opened again."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            raise NoDataError.of(self.path, f"{path.parent.name}/{path.name} is gone") from None
        signature = (stat.st_size, stat.st_mtime_ns)
        found = self._open.pop(path, None)
        if found is not None and found[0] != signature:
            found[1].close()
            found = None
        if found is None:
            found = (signature, open_reader(path))
        self._open[path] = found
        while len(self._open) > MAX_OPEN_FILES:
            _, (_, oldest) = self._open.popitem(last=False)
            oldest.close()
        return found[1]

    # ------------------------------------------------------------ description

    def _one_scene(self) -> SceneInfo:
        """Describe what all fovs have in common, from one file."""
        if self._scene is None:
            self._scene = self._describe_plane(self._first_readable())
        return self._scene

    def _first_readable(self) -> SceneInfo:
        candidates = list(self._index.planes.values()) or [
            path for files in self._index.stacks.values() for path in files.values()
        ]
        failure: ReadError | None = None
        for path in candidates[:MAX_TRIES]:
            try:
                return self._reader(path).describe().scenes[0]
            except NotYetWrittenError as error:
                failure = failure or error
        raise failure or NotYetWrittenError.of(self.path, "has no picture yet; ask again")

    def _describe_plane(self, inner: SceneInfo) -> SceneInfo:
        names = self._index.channels
        is_stack = not names
        n_times, sizes = self._index.n_times, inner.sizes
        return SceneInfo(
            name="",
            sizes={
                "T": sizes.get("T", 1) if is_stack and n_times == 1 else n_times,
                "C": sizes.get("C", 1) if is_stack else len(names),
                "Z": sizes.get("Z", 1) if is_stack else self._index.n_z,
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

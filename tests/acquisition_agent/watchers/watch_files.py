"""Writes acquisitions as controllers do; every plane says in its pixels which one it is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import zarr

from planecast.demo.disk import tiff_bytes
from planecast.demo.identity import stamp
from planecast_protocol.axes import PlaneIndex

CHANNELS = ("BF", "DAPI")
CELL = 2


@dataclass(frozen=True)
class Shape:
    """What an acquisition holds."""

    fovs: tuple[str, ...] = ("A1:0", "A1:1")
    n_t: int = 2
    n_z: int = 2
    channels: tuple[str, ...] = CHANNELS
    size: int = 48

    def indices(self) -> Iterator[PlaneIndex]:
        """Yield every plane, in the order in which they are acquired."""
        ranges = (self.n_t, len(self.fovs), self.n_z, len(self.channels))
        for index in product(*map(range, ranges)):
            yield PlaneIndex(*index)

    @property
    def n_planes(self) -> int:
        return self.n_t * len(self.fovs) * self.n_z * len(self.channels)


def plane(shape: Shape, index: PlaneIndex) -> npt.NDArray[np.uint16]:
    """Return pixels, none of them 0, with the mark of `index`."""
    pixels = np.full((shape.size, shape.size), 500 + index.channel, np.uint16)
    stamp(pixels, index, len(shape.channels), CELL)
    return pixels


def write_settings(folder: Path, shape: Shape) -> None:
    """Write what Squid writes at the start."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {"Nz": shape.n_z, "Nt": shape.n_t, "dz(um)": 1.5, "pixel_size_um": 0.325}
    (folder / "acquisition parameters.json").write_text(json.dumps(parameters))
    rows = [f"{fov.replace(':', ',')},{n}.0,2.0,0" for n, fov in enumerate(shape.fovs)]
    (folder / "coordinates.csv").write_text(
        "\n".join(["region,fov,x (mm),y (mm),z (mm)", *rows]) + "\n"
    )
    names = "".join(f"- name: {name}\n  exposure_time: 10\n" for name in shape.channels)
    (folder / "acquisition.yaml").write_text(
        f"# Acquisition Parameters\n\nz_stack:\n  nz: {shape.n_z}\n  delta_z_mm: 0.0015\n"
        f"time_series:\n  nt: {shape.n_t}\n  delta_t_s: 0.0\nchannels:\n{names}"
    )


def plane_path(folder: Path, shape: Shape, index: PlaneIndex) -> Path:
    """Return the file of a plane in Squid's layout of one TIFF a plane."""
    fov = shape.fovs[index.fov].replace(":", "_")
    return folder / str(index.t) / f"{fov}_{index.z}_{shape.channels[index.channel]}.tiff"


def write_plane_file(folder: Path, shape: Shape, index: PlaneIndex) -> Path:
    """Write one plane, whole under its name."""
    path = plane_path(folder, shape, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiff_bytes(plane(shape, index)))
    return path


def write_plane_files(folder: Path, shape: Shape) -> None:
    """Write all planes."""
    for index in shape.indices():
        write_plane_file(folder, shape, index)


def ome_path(folder: Path, shape: Shape, fov: int) -> Path:
    return folder / "ome_tiff" / f"{shape.fovs[fov].replace(':', '_')}.ome.tiff"


def ome_xml(shape: Shape) -> bytes:
    """Describe a file that has one page a plane: channels fastest, then z, then t."""
    channels = "".join(
        f'<Channel ID="Channel:0:{n}" Name="{name}" SamplesPerPixel="1"/>'
        for n, name in enumerate(shape.channels)
    )
    data = "".join(
        f'<TiffData IFD="{n}" FirstT="{t}" FirstZ="{z}" FirstC="{c}" PlaneCount="1"/>'
        for n, (t, z, c) in enumerate(
            product(range(shape.n_t), range(shape.n_z), range(len(shape.channels)))
        )
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="{shape.size}" '
        f'SizeY="{shape.size}" SizeZ="{shape.n_z}" SizeC="{len(shape.channels)}" '
        f'SizeT="{shape.n_t}" PhysicalSizeX="0.325" PhysicalSizeY="0.325" PhysicalSizeZ="1.5">'
        f"{channels}{data}</Pixels></Image></OME>"
    ).encode()


class GrowingOme:
    """One OME-TIFF a fov, which grows page by page."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._folder, self._shape = folder, shape
        self._writers: dict[int, tifffile.TiffWriter] = {}
        (folder / "ome_tiff").mkdir(parents=True, exist_ok=True)

    def write(self, index: PlaneIndex) -> None:
        writer = self._writers.get(index.fov)
        more: dict[str, Any] = {}
        if writer is None:
            path = ome_path(self._folder, self._shape, index.fov)
            writer = self._writers[index.fov] = tifffile.TiffWriter(path)
            more["description"] = ome_xml(self._shape)
        pixels = plane(self._shape, index)
        writer.write(pixels, metadata=None, contiguous=False, photometric="minisblack", **more)
        writer._fh.flush()  # as a controller that wants its file to be readable

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class PreallocatedOme:
    """One OME-TIFF a fov, made of zeros and filled in through memory, as Squid does."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._folder, self._shape = folder, shape
        (folder / "ome_tiff").mkdir(parents=True, exist_ok=True)

    def write(self, index: PlaneIndex) -> None:
        shape = self._shape
        path = ome_path(self._folder, shape, index.fov)
        full = (shape.n_t, shape.n_z, len(shape.channels), shape.size, shape.size)
        if not path.exists():
            metadata = {"axes": "TZCYX", "Channel": {"Name": list(shape.channels)}}
            tifffile.imwrite(path, shape=full, dtype=np.uint16, metadata=metadata, ome=True)
        stack = tifffile.memmap(path, mode="r+").reshape(full)
        stack[index.t, index.z, index.channel] = plane(shape, index)
        stack.flush()

    def close(self) -> None:
        """Nothing stays open."""


class MultiPage:
    """One multi-page TIFF a fov and time point, opened anew for each page, as Squid does."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._folder, self._shape = folder, shape

    def write(self, index: PlaneIndex) -> None:
        shape = self._shape
        region, _, fov = shape.fovs[index.fov].rpartition(":")
        path = self._folder / str(index.t) / f"{region}_{fov}_stack.tiff"
        path.parent.mkdir(parents=True, exist_ok=True)
        described = {
            "z_level": index.z,
            "channel": shape.channels[index.channel],
            "channel_index": index.channel,
            "region_id": region,
            "fov": int(fov),
        }
        with tifffile.TiffWriter(path, append=True) as writer:
            writer.write(plane(shape, index), metadata=described, description=json.dumps(described))

    def close(self) -> None:
        """Nothing stays open."""


class ZarrStores:
    """One OME-Zarr a fov, several chunks a plane."""

    def __init__(
        self, folder: Path, shape: Shape, zarr_format: Any = 3, *, shards: bool = False
    ) -> None:
        self._shape = shape
        self._arrays = []
        for fov in shape.fovs:
            region, _, number = fov.rpartition(":")
            path = folder / "zarr" / region / f"fov_{number}.ome.zarr"
            group = zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
            units = {"z": "micrometer", "y": "micrometer", "x": "micrometer"}
            axes = [{"name": n} | ({"unit": units[n]} if n in units else {}) for n in "tczyx"]
            scale = [{"type": "scale", "scale": [1, 1, 1.5, 0.325, 0.325]}]
            attributes = {
                "multiscales": [
                    {
                        "axes": axes,
                        "datasets": [{"path": "0", "coordinateTransformations": scale}],
                    }
                ],
                "omero": {"channels": [{"label": name} for name in shape.channels]},
            }
            group.attrs.update({"ome": attributes} if zarr_format == 3 else attributes)
            half = shape.size // 2
            more = {"shards": (1, len(shape.channels), 1, shape.size, shape.size)} if shards else {}
            self._arrays.append(
                group.create_array(
                    "0",
                    shape=(shape.n_t, len(shape.channels), shape.n_z, shape.size, shape.size),
                    chunks=(1, 1, 1, half, half),
                    dtype="uint16",
                    **more,
                )
            )

    def write(self, index: PlaneIndex) -> None:
        pixels = plane(self._shape, index)
        self._arrays[index.fov][index.t, index.channel, index.z] = pixels

    def close(self) -> None:
        """Nothing stays open."""


class ShardedZarrStores(ZarrStores):
    """The same, with all channels in one file."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        super().__init__(folder, shape, shards=True)


class OldZarrStores(ZarrStores):
    """The same in version 2."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        super().__init__(folder, shape, zarr_format=2)


class PlaneFiles:
    """One TIFF a plane."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._folder, self._shape = folder, shape

    def write(self, index: PlaneIndex) -> None:
        write_plane_file(self._folder, self._shape, index)

    def close(self) -> None:
        """Nothing stays open."""


WRITERS = {
    "squid-tiff": PlaneFiles,
    "squid-ome-tiff": GrowingOme,
    "squid-ome-tiff preallocated": PreallocatedOme,
    "squid-multi-page-tiff": MultiPage,
    "squid-zarr": ZarrStores,
    "squid-zarr version 2": OldZarrStores,
    "squid-zarr shards": ShardedZarrStores,
}

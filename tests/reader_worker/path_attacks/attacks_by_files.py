"""Files in the root that name others outside."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from attack_site import INSIDE, SECRET, Site


def _ome(site: Site, name: str, other: str) -> str:
    """Write a file of two planes, the second of which is said to be in another file."""
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="32" SizeY="32" '
        'SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData FirstZ="0" IFD="0" PlaneCount="1"/>'
        f'<TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="{other}">urn:uuid:x</UUID>'
        "</TiffData></Pixels></Image></OME>"
    )
    pixels = np.full((32, 32), INSIDE, np.uint16)
    tifffile.imwrite(site.root / name, pixels, description=text, metadata=None)
    return f"data:{name}"


def _companion(site: Site) -> str:
    text = _ome(site, "part.ome.tif", "../out/secret.tif")
    with tifffile.TiffFile(site.root / text[5:]) as tiff:
        description = tiff.pages[0].description  # type: ignore[union-attr]
    (site.root / "set.companion.ome").write_text(description)
    return "data:set.companion.ome"


def _zarr(site: Site, name: str) -> Path:
    store = site.root / name
    (store / "0").mkdir(parents=True)
    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    multiscales = [
        {
            "version": "0.4",
            "axes": axes,
            "datasets": [{"path": "0", "coordinateTransformations": scale}],
        }
    ]
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    (store / ".zattrs").write_text(json.dumps({"multiscales": multiscales}))
    array = {"zarr_format": 2, "shape": [32, 32], "chunks": [32, 32], "dtype": "<u2"}
    array |= {"compressor": None, "fill_value": 0, "order": "C", "filters": None}
    array["dimension_separator"] = "/"
    (store / "0" / ".zarray").write_text(json.dumps(array))
    (store / "0" / "0").mkdir()
    return store


def _raw_secret(site: Site) -> Path:
    raw = site.folder / "out" / "raw"
    raw.write_bytes(np.full((32, 32), SECRET, np.uint16).tobytes())
    return raw


def _zarr_chunk(site: Site) -> str:
    (_zarr(site, "chunk.zarr") / "0" / "0" / "0").symlink_to(_raw_secret(site))
    return "data:chunk.zarr"


def _zarr_row(site: Site) -> str:
    row = _zarr(site, "row.zarr") / "0" / "0"
    row.rmdir()
    (site.folder / "out" / "row").mkdir()
    (site.folder / "out" / "row" / "0").write_bytes(_raw_secret(site).read_bytes())
    row.symlink_to(site.folder / "out" / "row")
    return "data:row.zarr"


def _zarr_path(site: Site) -> str:
    store = _zarr(site, "path.zarr")
    outside = site.folder / "out" / "array"
    (store / "0").rename(outside)
    (outside / "0" / "0").write_bytes(_raw_secret(site).read_bytes())
    attributes = (store / ".zattrs").read_text()
    (store / ".zattrs").write_text(attributes.replace('"path": "0"', '"path": "../../out/array"'))
    return "data:path.zarr"


def _acquisition(site: Site) -> str:
    folder = site.root / "acquisition"
    (folder / "0").mkdir(parents=True)
    (folder / "acquisition parameters.json").write_text('{"Nz": 2, "Nt": 1, "dz(um)": 1.0}')
    good = (site.root / "good.tif").read_bytes()
    (folder / "0" / "A1_0_0_BF.tiff").write_bytes(good)
    (folder / "0" / "A1_0_1_BF.tiff").symlink_to(site.secret)
    return "data:acquisition"


def _plate(site: Site) -> str:
    folder = site.root / "hcs"
    (folder / "TimePoint_1").mkdir(parents=True)
    (folder / "TimePoint_1" / "p_A01_s1_w1.tif").symlink_to(site.secret)
    (folder / "TimePoint_1" / "p_A01_s2_w1.tif").symlink_to(site.secret)
    return "data:hcs"


def _plate_folder(site: Site) -> str:
    folder = site.root / "hcs2"
    folder.mkdir()
    name = "p_A01_s1_w1.tif"
    (site.folder / "out" / "plate" / name).write_bytes(site.secret.read_bytes())
    (folder / "TimePoint_1").symlink_to(site.folder / "out" / "plate")
    return "data:hcs2"


def _ndtiff(site: Site) -> str:
    """Write an index whose one plane is in a file outside, at the offset of its pixels."""
    import struct

    folder = site.root / "ndtiff"
    folder.mkdir()
    with tifffile.TiffFile(site.secret) as tiff:
        offset = tiff.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    axes, name = b'{"z": 0}', b"../../out/secret.tif"
    entry = struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
    entry += struct.pack("<IIIIIIII", offset, 32, 32, 1, 0, offset, 0, 0)
    (folder / "NDTiff.index").write_bytes(entry)
    (folder / "NDTiffStack.tif").write_bytes((site.root / "good.tif").read_bytes())
    return "data:ndtiff"


def _ndtiff_link(site: Site) -> str:
    wire = _ndtiff_named(site, "ndtiff2", b"NDTiffStack_1.tif")
    (site.root / "ndtiff2" / "NDTiffStack_1.tif").symlink_to(site.secret)
    return wire


def _ndtiff_named(site: Site, folder_name: str, name: bytes) -> str:
    import struct

    folder = site.root / folder_name
    folder.mkdir()
    with tifffile.TiffFile(site.secret) as tiff:
        offset = tiff.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    axes = b'{"z": 0}'
    entry = struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
    entry += struct.pack("<IIIIIIII", offset, 32, 32, 1, 0, offset, 0, 0)
    (folder / "NDTiff.index").write_bytes(entry)
    return f"data:{folder_name}"


def _xlef(site: Site) -> str:
    (site.root / "p.xlef").write_text(
        '<LMSDataContainerHeader><Element Name="p"><Children>'
        '<Reference File="../out/secret.tif" UUID="1"/><Reference File="/etc/passwd" UUID="2"/>'
        "</Children></Element></LMSDataContainerHeader>"
    )
    return "data:p.xlef"


FORMATS: dict[str, Callable[[Site], str]] = {
    "OME-TIFF: parent": lambda site: _ome(site, "a.ome.tif", "../out/secret.tif"),
    "OME-TIFF: absolute": lambda site: _ome(site, "b.ome.tif", str(site.secret)),
    "OME-TIFF: link": lambda site: (
        site.link("c2.ome.tif", site.secret) and _ome(site, "c.ome.tif", "c2.ome.tif")
    ),
    "OME companion": _companion,
    "zarr: chunk is a link": _zarr_chunk,
    "zarr: folder of chunks is a link": _zarr_row,
    "zarr: path of the array": _zarr_path,
    "acquisition: plane is a link": _acquisition,
    "plate: file is a link": _plate,
    "plate: folder is a link": _plate_folder,
    "NDTiff: index names a file outside": _ndtiff,
    "NDTiff: file is a link": _ndtiff_link,
    "Leica: reference": _xlef,
}

"""The table of formats. A format is one module beside this one, and one line here.

Order matters where several know a file: the first wins, and folders are shown to each in turn.
"""

from planecast_reader.readers.format import Format, Library, Reader, begins_with, holds
from planecast_reader.readers.hcs_folder.places import is_plate

_HERE = "planecast_reader.readers"

TABLE: tuple[Format, ...] = (
    Format(
        name="tiff",
        title="TIFF, BigTIFF, OME-TIFF, ImageJ, Zeiss LSM, MetaMorph STK, Micro-Manager",
        readers=(
            Reader(
                "tifffile",
                f"{_HERE}.tiff.reader:TiffReader",
                (Library("tifffile", "BSD-3-Clause"), Library("imagecodecs", "BSD-3-Clause")),
            ),
        ),
        signatures=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        suffixes=(".tif", ".tiff", ".lsm", ".stk", ".btf", ".svs", ".companion.ome"),
        folder=holds("*.companion.ome"),
    ),
    Format(
        name="czi",
        title="Zeiss CZI",
        readers=(
            Reader(
                "pylibCZIrw",
                f"{_HERE}.czi.reader:CziReader",
                (Library("pylibCZIrw", "LGPL-3.0-or-later"),),
                (Library("aicspylibczi", "GPL-3.0-or-later", extra="czi-tiles"),),
            ),
            Reader(
                "aicspylibczi",
                f"{_HERE}.czi.aics_tiles_reader:AicsTilesReader",
                (
                    Library("pylibCZIrw", "LGPL-3.0-or-later"),
                    Library("aicspylibczi", "GPL-3.0-or-later", extra="czi-tiles"),
                ),
            ),
            Reader(
                "czifile",
                f"{_HERE}.czi.czifile_reader:CzifileReader",
                (Library("czifile", "BSD-3-Clause", extra="czifile", minimum="2026.6"),),
            ),
        ),
        signatures=(b"ZISRAWFILE",),
        suffixes=(".czi",),
    ),
    Format(
        name="omezarr",
        title="OME-Zarr 0.1 to 0.5, plates too, and plain zarr arrays",
        readers=(
            Reader(
                "zarr",
                f"{_HERE}.omezarr.reader:OmeZarrReader",
                (Library("zarr", "MIT", minimum="3"),),
            ),
        ),
        suffixes=(".zarr",),
        folder=holds("zarr.json", ".zgroup", ".zattrs", ".zarray", suffix=".zarr"),
    ),
    Format(
        name="nd2",
        title="Nikon ND2",
        readers=(
            Reader(
                "nd2",
                f"{_HERE}.nd2.reader:Nd2Reader",
                (Library("nd2", "BSD-3-Clause"),),
            ),
        ),
        signatures=(b"\xda\xce\xbe\n", b"\0\0\0\x0cjP  \r\n\x87\n"),
        suffixes=(".nd2",),
    ),
    Format(
        name="lif",
        title="Leica LIF, LOF, XLEF",
        readers=(
            Reader(
                "liffile",
                f"{_HERE}.lif.reader:LifReader",
                (Library("liffile", "BSD-3-Clause"),),
            ),
            Reader(
                "readlif",
                f"{_HERE}.lif.readlif_reader:ReadlifReader",
                (
                    Library("liffile", "BSD-3-Clause"),
                    Library("readlif", "GPL-3.0-only", extra="readlif"),
                ),
            ),
        ),
        signatures=(b"\x70\0\0\0",),
        suffixes=(".lif", ".lof", ".xlef", ".xlif", ".xlcf"),
    ),
    Format(
        name="dicom",
        title="DICOM, whole slides too",
        readers=(
            Reader(
                "pydicom",
                f"{_HERE}.dicom.reader:DicomReader",
                (
                    Library("pydicom", "MIT", minimum="3"),
                    Library("wsidicom", "Apache-2.0"),
                    Library("imagecodecs", "BSD-3-Clause"),
                ),
            ),
        ),
        signatures=(b"DICM",),
        signature_offset=128,
        suffixes=(".dcm", ".dicom"),
        folder=begins_with(b"DICM", 128),
    ),
    Format(
        name="oif",
        title="Olympus FluoView OIB, OIF",
        readers=(
            Reader(
                "oiffile",
                f"{_HERE}.oif.reader:OifReader",
                (Library("oiffile", "BSD-3-Clause"), Library("tifffile", "BSD-3-Clause")),
            ),
        ),
        signatures=(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
        suffixes=(".oib", ".oif"),
        folder=holds("*.oif"),
    ),
    Format(
        name="ndtiff",
        title="NDTiff folder of Micro-Manager and Pycro-Manager",
        readers=(Reader("index", f"{_HERE}.ndtiff.reader:NdTiffReader"),),
        folder=holds("NDTiff.index", "Full resolution/NDTiff.index"),
    ),
    Format(
        name="hcs_folder",
        title="Folder of a plate: Molecular Devices ImageXpress, Yokogawa CellVoyager",
        readers=(
            Reader(
                "tifffile",
                f"{_HERE}.hcs_folder.reader:HcsFolderReader",
                (Library("tifffile", "BSD-3-Clause"),),
            ),
        ),
        folder=is_plate,
    ),
    Format(
        name="acquisition_folder",
        title="Folder of an acquisition: one TIFF a plane, or one OME-TIFF a fov",
        readers=(
            Reader(
                "tifffile",
                f"{_HERE}.acquisition_folder.reader:AcquisitionFolderReader",
                (Library("tifffile", "BSD-3-Clause"),),
            ),
        ),
        # The last of the folders: it looks at every one, and says what it misses.
        folder=lambda _folder: True,
    ),
    Format(
        name="bioio",
        title="What the installed plug-ins of bioio read",
        readers=(
            Reader(
                "bioio",
                f"{_HERE}.bioio_fallback.reader:BioioReader",
                (Library("bioio", "BSD-3-Clause", extra=""),),
            ),
        ),
        is_fallback=True,
    ),
)

"""DICOM files that the tests write, with pydicom."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

MR = "1.2.840.10008.5.1.4.1.1.4"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


def noise(*shape: int, dtype: str = "uint16", top: int = 4000) -> np.ndarray:
    return np.random.default_rng(11).integers(0, top, shape).astype(dtype)


def rle(frame: np.ndarray) -> bytes:
    """Return a frame as DICOM's run lengths: a segment for each byte of each sample."""
    samples = frame.reshape(frame.shape[0] * frame.shape[1], -1)
    planes = []
    for sample in samples.T:
        raw = sample.astype(sample.dtype.newbyteorder(">")).view(np.uint8)
        planes += list(raw.reshape(len(sample), -1).T)
    segments = [imagecodecs.packbits_encode(np.ascontiguousarray(plane)) for plane in planes]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    starts = np.cumsum([64, *(len(segment) for segment in segments)])[:-1]
    head = np.zeros(16, "<u4")
    head[0] = len(segments)
    head[1 : 1 + len(starts)] = starts
    return head.tobytes() + b"".join(segments)


def jpeg2000(frame: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(frame, reversible=True, codecformat="J2K"))


def high_throughput(frame: np.ndarray) -> bytes:
    return bytes(imagecodecs.htj2k_encode(frame, reversible=True))


def lossless_jpeg(frame: np.ndarray) -> bytes:
    bits = 8 * frame.dtype.itemsize
    return bytes(imagecodecs.jpeg8_encode(frame, lossless=True, bitspersample=bits))


CODECS: dict[str, tuple[Any, Callable[[np.ndarray], bytes]]] = {
    "RLE": (RLELossless, rle),
    "JPEG-LS": (JPEGLSLossless, lambda frame: bytes(imagecodecs.jpegls_encode(frame))),
    "JPEG 2000": (JPEG2000Lossless, jpeg2000),
    "HTJ2K": (HTJ2KLossless, high_throughput),
    "lossless JPEG": (JPEGLosslessSV1, lossless_jpeg),
}
NATIVE = {
    "little": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
}


def data_set(frames: np.ndarray, syntax: Any, sop_class: str = MR) -> Dataset:
    """Return a data set for frames (f, y, x) or (f, y, x, 3), without its pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = syntax
    found = Dataset()
    found.file_meta = meta
    found.preamble = b"\0" * 128
    found.SOPClassUID = sop_class
    found.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    found.SeriesInstanceUID = "1.2.3"
    found.Modality = "MR"
    found.NumberOfFrames = str(len(frames))
    found.Rows, found.Columns = frames.shape[1:3]
    found.SamplesPerPixel = frames.shape[3] if frames.ndim == 4 else 1
    found.PhotometricInterpretation = "RGB" if frames.ndim == 4 else "MONOCHROME2"
    if frames.ndim == 4:
        found.PlanarConfiguration = 0
    found.BitsAllocated = found.BitsStored = 8 * frames.dtype.itemsize
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(frames.dtype.kind == "i")
    found.PixelSpacing = [0.0005, 0.00025]
    return found


def write(path: Path, found: Dataset, pixels: bytes, *, encapsulated: bool = False) -> None:
    found.PixelData = pixels + b"\0" * (len(pixels) % 2)
    if encapsulated:
        found["PixelData"].VR = "OB"
        found["PixelData"].is_undefined_length = True
    else:
        found["PixelData"].VR = "OW"
    found.save_as(path, enforce_file_format=True)


def write_native(path: Path, frames: np.ndarray, syntax: Any, **more: Any) -> None:
    found = data_set(frames, syntax)
    for keyword, value in more.items():
        setattr(found, keyword, value)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    write(path, found, frames.astype(frames.dtype.newbyteorder(order)).tobytes())


def write_compressed(path: Path, frames: np.ndarray, codec: str, *, has_table: bool = True) -> None:
    syntax, encode = CODECS[codec]
    streams = [encode(np.ascontiguousarray(frame)) for frame in frames]
    pixels = encapsulate(streams, has_bot=has_table)
    write(path, data_set(frames, syntax), pixels, encapsulated=True)


def write_slices(
    folder: Path, volume: np.ndarray, order: Sequence[int], step_mm: float = 0.002
) -> None:
    """Write slice n of (z, y, x) as the file of place order[n]; numbers say nothing of place."""
    folder.mkdir()
    for number, z in enumerate(order):
        found = data_set(volume[z : z + 1], ExplicitVRLittleEndian)
        del found.NumberOfFrames
        found.InstanceNumber = str(number)
        found.ImagePositionPatient = [0, 0, 5 + step_mm * z]
        found.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        write(folder / f"IM{number:04}", found, volume[z].astype("<u2").tobytes())


def write_slide(path: Path, picture: np.ndarray, tile: int, spacing_mm: float) -> None:
    """Write one level (y, x, 3), whose sides are multiples of `tile`, as a whole-slide image."""
    n_rows, n_columns = picture.shape[0] // tile, picture.shape[1] // tile
    tiles = picture.reshape(n_rows, tile, n_columns, tile, 3).swapaxes(1, 2)
    frames = np.ascontiguousarray(tiles.reshape(-1, tile, tile, 3))
    found = data_set(frames, ExplicitVRLittleEndian, SLIDE)
    found.Modality = "SM"
    found.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    found.FrameOfReferenceUID, found.StudyInstanceUID = "1.2.4", "1.2.5"
    found.ContainerIdentifier = "slide"
    found.TotalPixelMatrixRows, found.TotalPixelMatrixColumns = picture.shape[:2]
    found.TotalPixelMatrixFocalPlanes = found.NumberOfOpticalPaths = 1
    found.ImagedVolumeWidth = spacing_mm * picture.shape[1]
    found.ImagedVolumeHeight = spacing_mm * picture.shape[0]
    found.ImagedVolumeDepth = 1.0
    found.DimensionOrganizationType = "TILED_FULL"
    found.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    found.LossyImageCompression, found.BurnedInAnnotation = "00", "NO"
    found.SpecimenLabelInImage, found.FocusMethod = "NO", "AUTO"
    found.ExtendedDepthOfField = "NO"
    del found.PixelSpacing
    measures, shared, optics, origin = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [spacing_mm, spacing_mm]
    measures.SliceThickness = 1.0
    shared.PixelMeasuresSequence = DicomSequence([measures])
    found.SharedFunctionalGroupsSequence = DicomSequence([shared])
    optics.OpticalPathIdentifier = "1"
    optics.ObjectiveLensPower = 20.0
    found.OpticalPathSequence = DicomSequence([optics])
    origin.XOffsetInSlideCoordinateSystem = origin.YOffsetInSlideCoordinateSystem = 0.0
    found.TotalPixelMatrixOriginSequence = DicomSequence([origin])
    write(path, found, frames.tobytes())

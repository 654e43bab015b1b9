"""Planes of an open TIFF: found, checked to be whole, then read."""

import logging
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

import numpy as np
import tifffile

from planecast_protocol.errors import (
    CorruptFileError,
    NoDataError,
    NotYetWrittenError,
    PlanecastError,
    UnsupportedFormatError,
)
from planecast_reader.reader import Allocate, Pixels, allocate_in_memory
from planecast_reader.readers.indexing import check_plane_bytes
from planecast_reader.readers.rawbytes import read_into
from planecast_reader.readers.tiff import whole
from planecast_reader.readers.tiff.layout import SeriesLayout, series_layout
from planecast_reader.readers.tiff.pages import (
    Page,
    decode,
    decode_into,
    decode_window,
    is_flat,
    is_windowed,
    keyframe_of,
    raw_segments,
)
from planecast_reader.readers.tiff.sources import TiffSource

ERRORS_OF_PAGES = (tifffile.TiffFileError, struct.error, IndexError)
"""What tifffile raises where a directory makes no sense."""

# It logs what it then reads as zeros; this module looks for that itself and raises.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


class TiffPlanes:
    """A TIFF that is open twice: in tifffile, and as a plain file for pixels that need no codec."""

    def __init__(self, path: Path, source: TiffSource) -> None:
        self.path = path
        self._source = source
        self.file = FileIO(source.tiff_path)
        with ExitStack() as on_failure:
            on_failure.callback(self.file.close)
            self._directories = whole.check_beginning(source.tiff_path, self.file)
            try:
                self.tiff = tifffile.TiffFile(
                    source.tiff_path, omexml=source.xml, **source.tifffile_flags
                )
                on_failure.callback(self.tiff.close)
                self.series = list(self.tiff.series)
            except ERRORS_OF_PAGES as error:
                raise self._explain(error) from error
            if not self.series:
                raise NotYetWrittenError.of(path, "has no page yet; ask again")
            on_failure.pop_all()

    def close(self) -> None:
        """Close both."""
        self.file.close()
        self.tiff.close()

    def layout(self, series: tifffile.TiffPageSeries) -> SeriesLayout:
        """Describe how the planes of `series` lie in its pages."""
        try:
            return series_layout(series)
        except ValueError as error:
            raise UnsupportedFormatError.of(self.path, str(error)) from None

    def read_page(self, number: int, allocate: Allocate) -> Pixels:
        """Read page `number` of the file, whatever series it belongs to."""
        pages = self.tiff.pages
        if not 0 <= number < len(pages):
            raise NotYetWrittenError.of(
                self.path, f"has {len(pages)} pages so far, page {number} is not among them"
            )
        try:
            page = pages[number]
        except ERRORS_OF_PAGES as error:
            raise self._explain(error) from error
        shape, axes = keyframe_of(page).shape, keyframe_of(page).axes
        sizes = dict(zip(axes, shape, strict=True))
        if len(sizes) - ("S" in sizes) != 2:
            raise UnsupportedFormatError.of(
                self.path, f"page {number} is a volume ({axes}); choose a plane by its index"
            )
        layout = SeriesLayout((), tuple(axes), sizes, np.dtype(keyframe_of(page).dtype))
        return self._fill(page, layout, {}, allocate)

    def read(
        self,
        series: tifffile.TiffPageSeries,
        layout: SeriesLayout,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        """Read the plane at the full `index`."""
        page = self._page(series, layout, index)
        if page is not None:
            return self._fill(page, layout, index, allocate)
        return self._read_beyond_pages(series, layout, layout.page_number(index), allocate)

    def _page(
        self, series: tifffile.TiffPageSeries, layout: SeriesLayout, index: Mapping[str, int]
    ) -> Page | None:
        """Return the page of a plane; `None` if the series has one directory for all planes."""
        number = layout.page_number(index)
        page = None
        if number < len(series):
            try:
                page = series[number]  # which tifffile may read only now
            except ERRORS_OF_PAGES as error:
                raise self._explain(error) from error
        elif series.dataoffset is not None and layout.page_is_plane:
            return None
        if page is not None:
            return page
        where = ", ".join(f"{axis}={value}" for axis, value in index.items())
        if missing := self._source.missing_files():
            raise NoDataError.of(
                self.path, f"plane {where} is in a file that is missing ({missing[0]})"
            )
        raise NotYetWrittenError.of(
            self.path,
            f"announces {layout.n_pages} pages; the one of plane {where} is not there yet",
        )

    def read_window(
        self,
        series: tifffile.TiffPageSeries,
        layout: SeriesLayout,
        index: Mapping[str, int],
        window: tuple[slice, slice],
    ) -> Pixels:
        """Read rows and columns of a plane; only the strips or tiles that they touch."""
        page = self._page(series, layout, index)
        if page is None or not layout.page_is_plane or not is_windowed(page):
            return self.read(series, layout, index, allocate_in_memory)[window]
        rows, columns = window
        height, width = rows.stop - rows.start, columns.stop - columns.start
        keyframe = keyframe_of(page)
        pixel_bytes = layout.dtype.itemsize * keyframe.samplesperpixel
        check_plane_bytes(self.path, height * width * pixel_bytes)
        if page.parent is self.tiff:
            self._check_page(self._source.tiff_path, self.file, page)
            return decode_window(page, self.file, rows.start, columns.start, height, width)
        with self._other_file(page) as (path, file):
            self._check_page(path, file, page)
            return decode_window(page, file, rows.start, columns.start, height, width)

    def _read_beyond_pages(
        self,
        series: tifffile.TiffPageSeries,
        layout: SeriesLayout,
        number: int,
        allocate: Allocate,
    ) -> Pixels:
        """Read plane `number` of a stack that has one directory for all its planes (ImageJ)."""
        n_bytes = int(np.prod(layout.plane_shape)) * layout.dtype.itemsize
        check_plane_bytes(self.path, n_bytes)
        start = (series.dataoffset or 0) + number * n_bytes
        size = os.fstat(self.file.fileno()).st_size
        if start + n_bytes > size:
            raise NotYetWrittenError.of(
                self.path, f"{size} of {start + n_bytes} bytes are there, ask again for this plane"
            )
        out = allocate(layout.plane_shape, layout.dtype)
        segments = [(start, n_bytes)]
        _read_raw(self._source.tiff_path, self.file, segments, out, self.tiff.byteorder)
        return out

    def _fill(
        self, page: Page, layout: SeriesLayout, index: Mapping[str, int], allocate: Allocate
    ) -> Pixels:
        if page.parent is self.tiff:
            return self._fill_from(self._source.tiff_path, self.file, page, layout, index, allocate)
        with self._other_file(page) as (path, file):
            return self._fill_from(path, file, page, layout, index, allocate)

    def _fill_from(
        self,
        path: Path,
        file: FileIO,
        page: Page,
        layout: SeriesLayout,
        index: Mapping[str, int],
        allocate: Allocate,
    ) -> Pixels:
        keyframe = keyframe_of(page)
        check_plane_bytes(self.path, int(keyframe.nbytes))
        shape = layout.plane_shape
        if 0 in shape:
            raise CorruptFileError.of(self.path, f"has a page of {shape} pixels")
        self._check_page(path, file, page)
        if layout.page_is_plane:
            segments = raw_segments(page)
            if segments is not None:
                out = allocate(shape, layout.dtype)
                _read_raw(path, file, segments, out, page.parent.byteorder)
                return out
            if is_flat(page):
                out = allocate(shape, layout.dtype)
                decode_into(page, file, out)
                return out
        decoded = decode(page)
        if decoded.shape != keyframe.shape:
            raise CorruptFileError.of(self.path, f"page {page.index} could not be decoded")
        out = allocate(shape, layout.dtype)
        np.copyto(out, layout.plane_of(decoded, index), casting="equiv")
        return out

    def _check_page(self, path: Path, file: FileIO, page: Page) -> None:
        fd = file.fileno()
        size = os.fstat(fd).st_size
        if page.offset:
            layout = self._directories
            if file is not self.file:  # of another file of an OME-TIFF, which may differ
                layout = whole.Layout(page.parent.byteorder, big=page.parent.is_bigtiff)
            whole.check_directory(path, fd, size, layout, page.offset)
        whole.check_page(path, size, page)

    def _explain(self, error: Exception) -> PlanecastError:
        """Tell a directory that is half written from one that is damaged."""
        try:
            whole.check_chain(self._source.tiff_path, self.file, self._directories)
        except PlanecastError as found:
            return found
        return CorruptFileError.of(self.path, str(error))

    @contextmanager
    def _other_file(self, page: Page) -> Iterator[tuple[Path, FileIO]]:
        """Open the file of `page`, a plane of a multi-file OME-TIFF."""
        handle = page.parent.filehandle
        path = Path(handle.path)
        if not path.is_file():
            raise NoDataError.of(self.path, f"a plane is in {path.name}, which is missing")
        handle.open()
        try:
            with FileIO(path) as file:
                yield path, file
        finally:
            handle.close()


def _read_raw(
    path: Path, file: FileIO, segments: list[tuple[int, int]], out: Pixels, byteorder: str
) -> None:
    read_into(path, file, segments, out)
    if out.dtype.newbyteorder(">" if byteorder == ">" else "<") != out.dtype:
        out.byteswap(inplace=True)

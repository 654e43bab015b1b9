"""Zeiss CZI files with aicspylibczi for every tile that it can be trusted with.

The usual reader asks it for compressed tiles only: an uncompressed one is read faster straight
from the file. This one is for comparing, and for showing that isolation holds.
"""

from typing import ClassVar

from planecast_reader.readers.czi.reader import CziReader


class AicsTilesReader(CziReader):
    """One CZI file; its directory is checked as ever."""

    prefers_aics: ClassVar[bool] = True

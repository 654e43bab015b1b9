"""Planes with marks that are read back from the screen, and many names for few of them.

A thousand planes of 2048² take 8 GiB. Every registered plane is therefore a file of its own by
name, path and place in the worker's cache, but its pixels are those of one of a few pictures: a
hard link. Which picture a position has is known, and neighbours in time, z or field of view
never have the same: so the mark on the screen tells whether the right one is shown.
"""

import itertools
import os
from pathlib import Path

import numpy as np
import tifffile

from planecast.demo.identity import stamp
from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.axes import PlaneIndex

CHANNELS = ("BF", "DAPI", "GFP")
PICTURES = 11
"""Different ones a channel; a prime, so that no axis has the same twice running."""
CELL_PX = 32
"""A bit of a mark: 8 pixels on a screen that shows a quarter of the pixels."""
FOLDER_PLANES = 3000


def picture_number(position: Position, n_fovs: int, n_z: int) -> int:
    """Return which of the pictures a position has."""
    t, fov, z = position
    return ((t * n_fovs + fov) * n_z + z) % PICTURES


class Pictures:
    """The files that all others are links to."""

    def __init__(self, folder: Path, size: int) -> None:
        """Write them: square planes of 16 bit with the noise of a camera, uncompressed."""
        self.size = size
        self._folder = folder
        self._count = itertools.count()
        (folder / "pictures").mkdir()
        noise = np.random.default_rng(0).poisson(200, (size, size)).astype(np.uint16)
        cell = max(1, CELL_PX * size // 2048)
        for number, channel in itertools.product(range(PICTURES), range(len(CHANNELS))):
            plane = np.roll(noise, 31 * number + 7 * channel, axis=1)
            stamp(plane, PlaneIndex(number, 0, 0, channel), len(CHANNELS), cell)
            tifffile.imwrite(self._path(number, channel), plane)
        os.sync()

    def _path(self, number: int, channel: int) -> Path:
        return self._folder / "pictures" / f"{number}_{channel}.tiff"

    def new_folder(self) -> Path:
        """Return a new, empty folder."""
        folder = self._folder / f"planes{next(self._count)}"
        folder.mkdir()
        return folder

    def link(self, path: Path, number: int, channel: int) -> None:
        """Give a picture another name."""
        os.link(self._path(number, channel), path)

    def acquisition_folder(self, n_planes: int = FOLDER_PLANES) -> Path:
        """Return a folder as Squid writes it: 0/A1_0_2_BF.tiff, a time point a folder."""
        folder = self.new_folder()
        n_fovs, n_z, n_channels = 10, 10, len(CHANNELS)
        for t in range(max(1, n_planes // (n_fovs * n_z * n_channels))):
            (folder / str(t)).mkdir()
            for fov, z in itertools.product(range(n_fovs), range(n_z)):
                number = picture_number(Position(t, fov, z), n_fovs, n_z)
                for channel, name in enumerate(CHANNELS):
                    self.link(folder / f"{t}/A1_{fov}_{z}_{name}.tiff", number, channel)
        return folder

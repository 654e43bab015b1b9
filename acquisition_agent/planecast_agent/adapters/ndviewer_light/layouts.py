"""Where Squid really saves a plane that it announces as `0/A1_0_2_BF.tiff`.

0/A1_0_2_BF.tiff            as announced: one file a plane
ome_tiff/A1_0.ome.tiff      one preallocated file a fov, axes T, Z, C; nothing at the announced path
ome_tiff/A1.ome.tiff        one a region, a scene for each of its fovs
0/A1_0.ome.tiff             one a fov and time point, axes Z, C
0/A1_0_stack.tiff           one a fov and time point, a page a plane in order of saving

An acquisition has one of these layouts. Nothing here looks at the disk.
"""

import os
import re
from dataclasses import dataclass
from typing import Literal

from planecast_agent.adapters.place import Place, chosen

Layout = Literal["plane", "fov", "region", "time", "pages"]

_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9]+")
_FOV = re.compile(r"(?P<region>.+)_(?P<fov>\d+)")


@dataclass(frozen=True, slots=True)
class Announced:
    """A plane as the controller announced it."""

    t: int
    fov: int
    z: int
    channel: str
    channel_number: int
    path: str


def possible_places(plane: Announced) -> dict[Layout, Place]:
    """Return the file in which the plane is, for each layout that its name allows.

    For `pages` the page is not known before it is written. A name that is not Squid's allows
    one layout only: the plane is where it was announced.
    """
    places: dict[Layout, Place] = {"plane": Place(plane.path)}
    folder, name = os.path.split(plane.path)
    base = _fov_in(name, plane)
    if base is None:
        return places
    region, fov = base["region"], int(base["fov"])
    stacks = os.path.join(os.path.dirname(folder), "ome_tiff")  # noqa: PTH118, PTH120
    whole = {"T": plane.t, "Z": plane.z, "C": plane.channel_number}
    one_time = {"Z": plane.z, "C": plane.channel_number}
    places["fov"] = Place(f"{stacks}/{base[0]}.ome.tiff", index=chosen(whole))
    places["region"] = Place(f"{stacks}/{region}.ome.tiff", scene=fov, index=chosen(whole))
    places["time"] = Place(f"{folder}/{base[0]}.ome.tiff", index=chosen(one_time))
    places["pages"] = Place(f"{folder}/{base[0]}_stack.tiff")
    return places


def _fov_in(name: str, plane: Announced) -> "re.Match[str] | None":
    """Split off `_z_channel.suffix`, both of which are known; return what names the fov.

    Regions and channels may have "_" and numbers too, so the split that leaves the channel wins.
    """
    stem = name.rpartition(".")[0] or name
    wanted = _plain(plane.channel)
    # Looking ahead, because the "_" behind one number is the "_" before the next.
    for split in re.finditer(rf"_(?=0*{plane.z}_(.+))", stem):
        found = _FOV.fullmatch(stem[: split.start()])
        if found is not None and _plain(split[1]) == wanted:
            return found
    return None


def _plain(channel: str) -> str:
    """Return what is left of a channel's name in a file name, whatever replaced the rest."""
    return _OTHER_CHARACTERS.sub("_", channel).strip("_").lower()

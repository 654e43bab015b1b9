"""Layouts that are known by name. A new one is one entry here."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from planecast_agent.watchers import micro_manager_summary, squid_settings
from planecast_agent.watchers.description import Description
from planecast_agent.watchers.layouts.layout import Layout
from planecast_agent.watchers.layouts.ndtiff import NdTiff
from planecast_agent.watchers.layouts.plane_files import PlaneFiles
from planecast_agent.watchers.layouts.stack_places import PageAxis
from planecast_agent.watchers.layouts.tiff_stacks import TiffStacks
from planecast_agent.watchers.layouts.zarr_stores import ZarrStores
from planecast_agent.watchers.pattern import Pattern
from planecast_protocol.errors import PlanecastError


@dataclass(frozen=True, slots=True)
class Preset:
    """A layout, and how to begin with a folder of it."""

    name: str
    tells: str
    """One line for people."""
    patterns: tuple[str, ...]
    open: Callable[[Path], Layout]
    end_markers: tuple[str, ...] = ()
    """Files in the acquisition's folder that say it is finished."""

    def claims(self, relative: str) -> bool:
        """Tell by its path from the acquisition's folder on whether a file is of this layout."""
        return _layout_of_nowhere(self).claims(relative)


@functools.cache
def _layout_of_nowhere(preset: Preset) -> Layout:
    return preset.open(Path())


def _tiffs(*stems: str) -> tuple[str, ...]:
    return tuple(f"{stem}{suffix}" for stem in stems for suffix in (".tiff", ".tif"))


_SQUID_END = (".done",)
_SQUID_ZARR = ("zarr/{region}/fov_{fov}.ome.zarr", "zarr/{region}/*.zarr", "plate.ome.zarr")
_SQUID_OME = _tiffs("ome_tiff/{region}_{fov}.ome", "{t}/{region}_{fov}.ome")
_SQUID_PAGES = _tiffs("{t}/{region}_{fov}_stack")
_SQUID_PLANES = _tiffs("{t}/{region}_{fov}_{z}_{channel}")
_MM_PLANES = _tiffs("{region}/img_channel{channel}_position*_time{t}_z{z}")
_MM_POSITION = _tiffs("img_channel{channel}_position*_time{t}_z{z}")
_MM_STACKS = _tiffs("*_MMStack_*.ome", "*_MMStack*", "*/*_MMStack_*.ome")


def _channel_of_number(text: str, known: Description) -> str:
    """Return the name of Micro-Manager's channel 000."""
    number = int(text) if text.isdecimal() else -1
    return known.channels[number] if 0 <= number < len(known.channels) else f"Channel {text}"


def _summary_of_position(folder: Path) -> Description:
    return replace(micro_manager_summary.read_summary(folder), fovs=())


def _patterns(texts: tuple[str, ...]) -> list[Pattern]:
    return [Pattern(text) for text in texts]


PRESETS = (
    Preset(
        "ndtiff",
        "NDTiff folders of Micro-Manager and pycro-manager",
        ("NDTiff.index",),
        NdTiff,
    ),
    Preset(
        "squid-zarr",
        "Squid, one OME-Zarr a fov or a plate",
        _SQUID_ZARR,
        lambda folder: ZarrStores(folder, _patterns(_SQUID_ZARR), squid_settings.read_settings),
        _SQUID_END,
    ),
    Preset(
        "squid-ome-tiff",
        "Squid, one OME-TIFF a fov, preallocated or growing",
        _SQUID_OME,
        lambda folder: TiffStacks(folder, _patterns(_SQUID_OME), squid_settings.read_settings),
        _SQUID_END,
    ),
    Preset(
        "squid-multi-page-tiff",
        "Squid, one multi-page TIFF a fov and time point",
        _SQUID_PAGES,
        lambda folder: TiffStacks(folder, _patterns(_SQUID_PAGES), squid_settings.read_settings),
        _SQUID_END,
    ),
    Preset(
        "squid-tiff",
        "Squid, one TIFF a plane",
        _SQUID_PLANES,
        lambda folder: PlaneFiles(folder, _patterns(_SQUID_PLANES), squid_settings.read_settings),
        _SQUID_END,
    ),
    Preset(
        "micro-manager-files",
        "Micro-Manager, separate image files",
        _MM_PLANES,
        lambda folder: PlaneFiles(
            folder, _patterns(_MM_PLANES), micro_manager_summary.read_summary, _channel_of_number
        ),
    ),
    Preset(
        "micro-manager-position",
        "Micro-Manager, the folder of one position with separate image files",
        _MM_POSITION,
        lambda folder: PlaneFiles(
            folder, _patterns(_MM_POSITION), _summary_of_position, _channel_of_number
        ),
    ),
    Preset(
        "micro-manager-stacks",
        "Micro-Manager, image stack files (OME-TIFF)",
        _MM_STACKS,
        lambda folder: TiffStacks(folder, _patterns(_MM_STACKS)),
    ),
    Preset(
        "ome-zarr",
        "any OME-Zarr or zarr stores in a folder",
        ("*.zarr",),
        lambda folder: ZarrStores(folder, [Pattern("*.zarr")]),
    ),
    Preset(
        "ome-tiff",
        "any OME-TIFFs in a folder, one a position",
        _tiffs("*.ome"),
        lambda folder: TiffStacks(folder, _patterns(_tiffs("*.ome"))),
    ),
)
"""The first that claims a file has its folder."""


def preset_named(name: str) -> Preset:
    """Return a preset; raise `PlanecastError` with the names there are."""
    found = next((one for one in PRESETS if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in PRESETS)
        raise PlanecastError(f"no preset {name!r}; there are {names}")
    return found


def preset_of_pattern(text: str, axis: PageAxis | None) -> Preset:
    """Return a layout of a user's pattern. Raises `PatternError`.

    A name that says z or channel is one of a single plane; the pages of others are planes.
    """
    pattern = Pattern(text)

    def begin(folder: Path) -> Layout:
        if text.rstrip("*/").endswith(".zarr"):
            return ZarrStores(folder, [pattern])
        if pattern.is_of_single_planes and axis is None:
            return PlaneFiles(folder, [pattern])
        return TiffStacks(folder, [pattern], axis=axis)

    return Preset("pattern", "a pattern of your own", (text,), begin)

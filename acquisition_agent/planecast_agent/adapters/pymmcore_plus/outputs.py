"""Where the writers of pymmcore-plus put each frame.

    ome-writers (`output="x.ome.tiff"`)     x.ome.tiff, or x/x_p000.ome.tiff … for several fovs
    ome-writers (`output="x.ome.zarr"`)     the store; a group in it for each of several fovs
    OMETiffWriter, OMEZarrWriter            one file, or array in the store, for each position
    TensorStoreHandler                      one array of all axes
    ImageSequenceWriter                     one file a frame

The writers are recognised by their names and asked for their settings, so that none of them,
nor the libraries they need, is imported here.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from planecast_agent.adapters.place import Place, chosen
from planecast_agent.adapters.pymmcore_plus.sequence import Frame, Plan


class Output(ABC):
    """One writer of one sequence."""

    takes_cameras = False
    """Whether it keeps frames of several cameras apart."""

    @property
    def name(self) -> str:
        """The name of what it writes, without what says the format."""
        stem = os.path.basename(self.target)  # noqa: PTH119 - a string, as it is used
        return re.sub(r"(\.ome)?\.(tiff?|zarr)$", "", stem) or "sequence"

    @property
    @abstractmethod
    def target(self) -> str:
        """The file or folder that it was told to write."""

    @abstractmethod
    def place(self, frame: Frame, fov: int) -> Place | None:
        """Return where the frame is, or will be; `None` if it is not saved."""


def outputs_of(runner: Any, plan: Plan, sequence: Any, plane_shape: Sequence[int]) -> list[Output]:
    """Return those writers of a running `MDARunner` whose frames can be found.

    `plane_shape` is (y, x).
    """
    found: list[Output | None] = []
    # Public ways are announced by pymmcore-plus, and not there yet.
    sink = getattr(runner, "_sink", None)
    settings = getattr(sink, "_settings", None)
    if settings is not None:
        found.append(_of_settings(settings, plan))
    for handler in list(getattr(runner, "_handlers", ())):
        names = {kind.__name__ for kind in type(handler).__mro__}
        for name, make in _HANDLERS.items():
            if name in names:
                found.append(make(handler, sequence, plane_shape))
                break
    return [output for output in found if output is not None]


# ---------------------------------------------------------------- ome-writers


def _of_settings(settings: Any, plan: Plan) -> Output | None:
    kind = settings.format.name
    if kind == "ome-tiff":
        return OmeTiffStream(settings, plan)
    if kind == "ome-zarr":
        return OmeZarrStream(settings, plan)
    return None


class OmeTiffStream(Output):
    """One OME-TIFF a fov, whose pages are in the order of acquisition."""

    def __init__(self, settings: Any, plan: Plan) -> None:
        self._is_counted = plan.is_counted
        self._axes = [(dim.name.lower(), dim.count) for dim in settings.index_dimensions]
        path = os.path.abspath(settings.output_path)  # noqa: PTH100 - a string, as it is used
        self._target: str = path
        self._paths = [path]
        if not path.endswith(settings.format.suffix):
            stem = os.path.basename(path)  # noqa: PTH119
            numbers = range(len(settings.positions))
            self._paths = [f"{path}/{stem}_p{n:03d}{settings.format.suffix}" for n in numbers]

    @property
    def target(self) -> str:
        """The file, or the folder of the files."""
        return self._target

    def place(self, frame: Frame, fov: int) -> Place | None:
        """Return the page: one after another, as the axes turn."""
        if fov >= len(self._paths):
            return None
        page = frame.number if self._is_counted else 0
        for axis, length in [] if self._is_counted else self._axes:
            page = page * (length or 1) + frame.axes.get(axis, 0)
        return Place(self._paths[fov], page=page)


class OmeZarrStream(Output):
    """One OME-Zarr: an image, a set of images, or a plate."""

    takes_cameras = True

    def __init__(self, settings: Any, plan: Plan) -> None:
        self._is_counted = plan.is_counted
        self._axes = [dim.name for dim in settings.index_dimensions]
        root = os.path.abspath(os.path.expanduser(settings.output_path))  # noqa: PTH100, PTH111
        self._target: str = root
        positions = settings.positions
        if settings.plate is not None:
            self._paths = [f"{root}/{p.plate_row}/{p.plate_column}/{p.name}" for p in positions]
        elif len(positions) == 1:
            self._paths = [root]
        else:
            self._paths = [f"{root}/{_series_name(position)}" for position in positions]

    @property
    def target(self) -> str:
        """The store."""
        return self._target

    def place(self, frame: Frame, fov: int) -> Place | None:
        """Return the fov's image, and the index in it."""
        if fov >= len(self._paths):
            return None
        index = {"t": frame.number} if self._is_counted else {**frame.axes, "cam": frame.camera}
        letters = {axis.upper(): index.get(axis, 0) for axis in self._axes}
        return Place(self._paths[fov], index=chosen(letters))


def _series_name(position: Any) -> str:
    if position.grid_row is None or position.grid_column is None:
        return str(position.name)
    return f"{position.name}_{position.grid_row}_{position.grid_column}"


# ---------------------------------------------------------------- handlers


class PositionFiles(Output):
    """One file or array for each stage position, with the axes of the position."""

    def __init__(self, path_of: Callable[[str, bool], str], sequence: Any) -> None:
        """`path_of(key of the position, whether there are several)`."""
        self._path_of = path_of
        self._several = len(sequence.stage_positions) > 1

    @property
    def target(self) -> str:
        """As if there were one position."""
        return self._path_of("", False)

    def place(self, frame: Frame, fov: int) -> Place | None:  # noqa: ARG002 - of a position
        """Return the position's file, and the index in it."""
        key = frame.position or f"p{frame.axes.get('p', 0)}"
        index = {axis.upper(): n for axis, n in _axes(frame.axes).items() if axis != "p"}
        return Place(self._path_of(key, self._several), index=chosen(index))


class OneArray(Output):
    """One array with all axes of the sequence."""

    def __init__(self, path: str, letters: Mapping[str, str]) -> None:
        """`letters` maps useq's axes to those of the array."""
        self._path = path
        self._letters = letters

    @property
    def target(self) -> str:
        """The array."""
        return self._path

    def place(self, frame: Frame, fov: int) -> Place | None:  # noqa: ARG002 - all are in one
        """Return the index in the array."""
        if "frame" in self._letters:
            return Place(self._path, index=chosen({self._letters["frame"]: frame.number}))
        index = {self._letters[axis]: n for axis, n in _axes(frame.axes).items()}
        return Place(self._path, index=chosen(index))


class FrameFiles(Output):
    """One file a frame, named by a template of its index."""

    def __init__(self, folder: str, template: str, first_index: Mapping[str, int]) -> None:
        self._folder, self._template, self._first = folder, template, first_index

    @property
    def target(self) -> str:
        """The folder of the files."""
        return self._folder

    def place(self, frame: Frame, fov: int) -> Place | None:  # noqa: ARG002 - the index says it
        """Return the frame's file."""
        names = {**self._first, **_axes(frame.axes), "frame": frame.number}
        return Place(f"{self._folder}/{self._template.format(**names)}")


def _axes(index: Mapping[str, int]) -> dict[str, int]:
    """Return the index by plain letters: useq's axes print as names of an enumeration."""
    return {str(getattr(axis, "value", axis)): number for axis, number in index.items()}


def _of_ome_tiff_writer(handler: Any, sequence: Any, _shape: Sequence[int]) -> Output:
    name: str = os.path.abspath(handler._filename)  # noqa: PTH100, SLF001 - it has no public name

    def path_of(key: str, several: bool) -> str:
        suffix = ".ome.tif" if ".ome.tif" in name else ".tif"
        return name.replace(suffix, f"_{key}{suffix}") if several else name

    return PositionFiles(path_of, sequence)


def _of_ome_zarr_writer(handler: Any, sequence: Any, _shape: Sequence[int]) -> Output | None:
    store = handler.group.store
    folder = getattr(store, "path", None) or getattr(store, "root", None)
    if folder is None:
        return None
    root = os.path.abspath(folder)  # noqa: PTH100
    return PositionFiles(lambda key, _several: f"{root}/{key}" if key else root, sequence)


def _of_tensorstore_handler(handler: Any, sequence: Any, shape: Sequence[int]) -> Output | None:
    kvstore = handler.kvstore
    if not isinstance(kvstore, dict) or kvstore.get("driver") != "file":
        return None
    path = os.path.abspath(kvstore["path"])  # noqa: PTH100
    _sizes, _chunks, labels = handler.get_shape_chunks_labels(tuple(shape), sequence)
    named = handler.ts_driver == "zarr3"
    # Version 2 of zarr keeps no names of axes; the reader counts them.
    letters = {axis: axis.upper() if named else f"D{n}" for n, axis in enumerate(labels[:-2])}
    return OneArray(path, letters)


def _of_image_sequence_writer(handler: Any, sequence: Any, _shape: Sequence[int]) -> Output | None:
    folder = str(Path(handler._directory))  # noqa: SLF001 - it has no public name
    axes = _writer_axes(sequence)
    template = handler.fname_template(
        axes,
        prefix=handler._prefix,  # noqa: SLF001
        extension=handler._ext,  # noqa: SLF001
        delimiter=handler._delimiter,  # noqa: SLF001
        include_frame_count=handler._include_frame_count,  # noqa: SLF001
    )
    return FrameFiles(folder, template, dict.fromkeys(axes, 0))


def _writer_axes(sequence: Any) -> tuple[str, ...]:
    """Return the axes of the sequence and then of its positions' own, as the writer names files."""
    axes = [str(axis) for axis in sequence.used_axes]
    for position in sequence.stage_positions:
        if position.sequence is not None:
            axes += [str(axis) for axis in position.sequence.used_axes if axis not in axes]
    return tuple(axes)


_HANDLERS: dict[str, Callable[[Any, Any, Sequence[int]], Output | None]] = {
    "OMETiffWriter": _of_ome_tiff_writer,
    "OMEZarrWriter": _of_ome_zarr_writer,
    "TensorStoreHandler": _of_tensorstore_handler,
    "ImageSequenceWriter": _of_image_sequence_writer,
}

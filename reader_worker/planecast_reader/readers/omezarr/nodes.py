"""Groups and arrays of a zarr store on disk, by their JSON documents: looked at before zarr is.

zarr.json                      version 3: group or array, attributes within
.zgroup, .zarray + .zattrs     version 2
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planecast_protocol.errors import CorruptFileError, NotYetWrittenError

MAX_DOCUMENT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Node:
    """One group or array."""

    path: Path
    zarr_format: int
    attributes: dict[str, Any] = field(default_factory=dict)
    array: dict[str, Any] | None = None
    """The array's document; `None` for a group."""

    @property
    def ome(self) -> dict[str, Any]:
        """The attributes of OME-Zarr: 0.5 has them one step deeper."""
        found = self.attributes.get("ome")
        return found if isinstance(found, dict) else self.attributes

    def child(self, relative: Any) -> "Node | None":
        """Return the node at a path that a document gives; `None` if there is none.

        Raises `CorruptFileError` for a path that leads out of this node.
        """
        path = self.child_path(relative)
        return read_node(path) if path.is_dir() else None

    def child_path(self, relative: Any) -> Path:
        """Return where such a path leads; it need not be there."""
        text = str(relative)
        path = self.path / text
        outside = Path(text).is_absolute() or ".." in Path(text).parts
        if outside or not path.resolve().is_relative_to(self.path.resolve()):
            raise CorruptFileError.of(self.path, f"refers to {text!r}, outside of itself")
        return path


def read_node(path: Path) -> Node | None:
    """Return the node at the folder `path`; `None` if it has no document of zarr."""
    document = _read(path / "zarr.json")
    if document is not None:
        attributes = document.get("attributes")
        return Node(
            path,
            3,
            attributes if isinstance(attributes, dict) else {},
            document if document.get("node_type") == "array" else None,
        )
    attributes, array = _read(path / ".zattrs"), _read(path / ".zarray")
    if attributes is None and array is None and not (path / ".zgroup").is_file():
        return None
    return Node(path, 2, attributes or {}, array)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise CorruptFileError.of(path, "is too large for a document of zarr")
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise CorruptFileError.of(path, f"is no JSON: {error}") from None
    try:
        document = json.loads(text)
    except RecursionError:
        raise CorruptFileError.of(path, "is nested too deeply to be a document of zarr") from None
    except ValueError as error:
        if not text.rstrip().endswith("}"):
            raise NotYetWrittenError.of(path, "is not whole yet, or was cut; ask again") from None
        raise CorruptFileError.of(path, f"is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise CorruptFileError.of(path, "is no document of zarr: not a JSON object")
    return document

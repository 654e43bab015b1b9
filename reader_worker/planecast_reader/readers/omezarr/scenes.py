"""The images of a store: fields of a plate, series of bioformats2raw, an image, plain arrays."""

from dataclasses import dataclass, field
from typing import Any

from planecast_protocol.errors import NotYetWrittenError, UnsupportedFormatError
from planecast_protocol.limits import MAX_SCENES
from planecast_reader.readers.omezarr.image import ZarrImage
from planecast_reader.readers.omezarr.nodes import Node, read_node


@dataclass(slots=True)
class Found:
    """The images, in the order in which they are shown."""

    images: list[ZarrImage] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """What the documents announce and is not there."""


def find_images(root: Node) -> Found:
    """Return the images of the store.

    Raises `NotYetWrittenError` if it announces images and has none yet, `UnsupportedFormatError`
    if there is nothing in it that could be an image.
    """
    found = Found()
    if root.array is not None or isinstance(root.ome.get("multiscales"), list):
        found.images.append(ZarrImage(_name_of(root), root))
    elif isinstance(root.ome.get("plate"), dict):
        _add_plate(found, root, root.ome["plate"])
    elif isinstance(root.ome.get("well"), dict):
        parts = root.path.resolve().parts[-2:]
        _add_well(found, root, "".join(parts))
    elif "bioformats2raw.layout" in root.ome:
        _add_series(found, root)
    else:
        _add_children(found, root)
    if not found.images:
        raise NotYetWrittenError.of(
            root.path, f"announces {len(found.absent)} images, none of them is there yet"
        )
    return found


def _name_of(root: Node) -> str:
    return root.path.resolve().name


def _add_plate(found: Found, root: Node, plate: dict[str, Any]) -> None:
    for well in _maps(plate.get("wells")):
        path = str(well.get("path"))
        node = root.child(path)
        if node is None:
            found.absent.append(path)
            continue
        _add_well(found, node, "".join(path.split("/")), f"{path}/")


def _add_well(found: Found, well: Node, name: str, prefix: str = "") -> None:
    description = well.ome.get("well")
    images = description.get("images") if isinstance(description, dict) else None
    for image in _maps(images):
        path = str(image.get("path"))
        node = well.child(path)
        if node is None:
            found.absent.append(f"{prefix}{path}")
        else:
            _add(found, ZarrImage(f"{name}:{path}", node, name))


def _add_series(found: Found, root: Node) -> None:
    """Follow OME/.zattrs, or count 0, 1, 2 … where it has no list."""
    ome = root.child("OME")
    series = ome.ome.get("series") if ome is not None else None
    if not isinstance(series, list):
        series = []
        while (root.path / str(len(series))).is_dir() and len(series) < MAX_SCENES:
            series.append(str(len(series)))
    for path in series:
        node = root.child(path)
        if node is None:
            found.absent.append(str(path))
        else:
            _add(found, ZarrImage(str(path), node))


def _add_children(found: Found, root: Node) -> None:
    """Take the arrays and images right below a group that says nothing of its own."""
    places = [path for path in root.path.iterdir() if path.is_dir() and not path.is_symlink()]
    for path in sorted(places, key=lambda path: (len(path.name), path.name)):
        node = read_node(path)
        if node is None:
            continue
        is_image = node.array is not None and len(node.array.get("shape") or []) >= 2
        if is_image or isinstance(node.ome.get("multiscales"), list):
            _add(found, ZarrImage(path.name, node))
    if not found.images:
        raise UnsupportedFormatError.of(root.path, "is a zarr group without images or arrays")


def _add(found: Found, image: ZarrImage) -> None:
    if len(found.images) >= MAX_SCENES:
        raise UnsupportedFormatError.of(image.node.path, f"has more than {MAX_SCENES} images")
    found.images.append(image)


def _maps(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

"""`planecast info`."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from planecast.cli.batch import Batch
from planecast.cli.files import Files, Found, Paths, Recursive, WorkerAddress, files_of
from planecast.cli.tables import print_json
from planecast_protocol.images import ImageInfo, SceneInfo

if TYPE_CHECKING:
    from collections.abc import Callable


def command(
    paths: Paths,
    recursive: Recursive = False,
    worker: WorkerAddress = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Everything, metadata included; a list for several files."),
    ] = False,
) -> None:
    """Tell what image files hold.

    Example: planecast info mosaic.czi

    Example: planecast info --json -r /data/july
    """
    with files_of(paths, worker, recursive=recursive) as files:
        batch = Batch(files, "reading")
        if json:
            all_facts = [facts for _, facts in batch.run(_facts_reader(files))]
            print_json(all_facts[0] if files.is_one else all_facts)
        else:
            for found, image in batch.run(_info_reader(files)):
                _print(found, image)
        batch.finish()


def _info_reader(files: Files) -> "Callable[[Found], ImageInfo]":
    def read(found: Found) -> ImageInfo:
        with files.open(found) as image:
            return image.info

    return read


def _facts_reader(files: Files) -> "Callable[[Found], dict[str, Any]]":
    def read(found: Found) -> dict[str, Any]:
        with files.open(found) as image:
            return {
                **msgspec.to_builtins(image.info),
                "path": str(found.path),
                "metadata": image.metadata.as_dict(),
            }

    return read


def _print(found: Found, image: ImageInfo) -> None:
    print(f"{found.path}: {image.format}, {image.size_bytes:,} bytes, read by {image.reader}")
    for number, scene in enumerate(image.scenes):
        print(f"scene {number}: {_describe(scene)}")
    for warning in image.warnings:
        print(f"warning: {warning}")


def _describe(scene: SceneInfo) -> str:
    import numpy as np

    sizes = " ".join(f"{axis}={length}" for axis, length in scene.sizes.items())
    parts = [scene.name, f"{sizes} {np.dtype(scene.dtype).name}"]
    parts.append("channels " + ", ".join(channel.name for channel in scene.channels))
    pixel = [f"{axis} {um:g}" for axis, um in scene.pixel_size_um.items() if um is not None]
    parts.append(f"pixel size {', '.join(pixel)} µm" if pixel else "pixel size unknown")
    if scene.tiles:
        parts.append(f"{len(scene.tiles)} tiles")
    if len(scene.levels) > 1:
        parts.append(f"{len(scene.levels)} levels")
    return "; ".join(parts)

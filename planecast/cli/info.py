"""`planecast info`."""

import json as json_text
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from planecast.cli.files import TIMEOUT_S, worker_for
from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.reader_messages import OpenImage, ReadMetadata


def command(
    path: Annotated[Path, typer.Argument(help="A file or folder of any known format.")],
    worker: Annotated[str | None, typer.Option(help="Address of a reader worker.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, metadata included.")] = False,
) -> None:
    """Tell what an image file holds.

    Example: planecast info mosaic.czi

    Example: planecast info --json mosaic.czi
    """
    with worker_for(path, worker) as (client, wire_path):
        image = client.request(OpenImage(request=0, path=wire_path), TIMEOUT_S)
        if json:
            metadata = client.request(ReadMetadata(request=0, path=wire_path), TIMEOUT_S)
            facts = {**msgspec.to_builtins(image), "path": str(path), "metadata": metadata}
            print(json_text.dumps(facts, indent=2, ensure_ascii=False))
            return
    assert isinstance(image, ImageInfo)
    print(f"{path}: {image.format}, {image.size_bytes:,} bytes, read by {image.reader}")
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

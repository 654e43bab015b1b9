"""`planecast thumbnail`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from planecast.cli.batch import Batch
from planecast.cli.files import Found, Paths, Recursive, WorkerAddress, files_of
from planecast.cli.places import Index, parse_places, single_places
from planecast.cli.programs import needs
from planecast.cli.tables import print_json


class Projection(StrEnum):
    """What is shown of a z-stack."""

    MIDDLE = "middle"
    MAX = "max"
    MEAN = "mean"
    NONE = "none"


def command(
    paths: Paths,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="NAME.png for one file, or a folder.")
    ] = Path(),
    *,
    recursive: Recursive = False,
    size: Annotated[int, typer.Option(min=1, max=8192, help="Longer side in pixels.")] = 256,
    projection: Annotated[
        Projection, typer.Option(help="Over z; none: the plane at -i Z=.")
    ] = Projection.MIDDLE,
    scene: Annotated[int, typer.Option(min=0, help="Number of the scene.")] = 0,
    channel: Annotated[
        list[str] | None, typer.Option(help="Name or number; may be repeated. If left out, all.")
    ] = None,
    index: Index = None,
    worker: WorkerAddress = None,
    json: Annotated[bool, typer.Option("--json", help="Tell what was written as JSON.")] = False,
) -> None:
    """Write a small picture of each file, as PNG.

    Channels are stretched and added up in their colours.

    Example: planecast thumbnail mosaic.czi -o mosaic.png

    Example: planecast thumbnail -r /data/july --projection max -o thumbnails
    """
    with needs("reader"):
        from planecast.cli import output
        from planecast_reader.headless.selection import select

    places: dict[str, Any] = {**single_places(parse_places(index, ()))}
    channels = (
        None if channel is None else [int(one) if one.isdecimal() else one for one in channel]
    )
    with files_of(paths, worker, recursive=recursive) as files:
        output.check_targets(out, files, output.Kind.PNG)

        def draw(found: Found) -> dict[str, Any]:
            path = output.target(out, found, output.Kind.PNG, is_one=files.is_one)
            with files.open(found) as image:
                select(image.info, scene, places)  # an axis that is none is told as such
                picture = image.thumbnail(
                    size,
                    projection=projection.value,
                    scene=scene,
                    channels=channels,
                    **places,
                )
            output.write_picture(path, picture)
            return {"path": str(found.path), "out": str(path), "shape": list(picture.shape)}

        batch = Batch(files, "drawing")
        written = []
        for _, facts in batch.run(draw):
            written.append(facts)
            if not json:
                print(facts["out"])
        if json:
            print_json(written[0] if files.is_one else written)
        batch.finish()

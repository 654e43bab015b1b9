"""`planecast read`."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planecast.cli.batch import Batch, tracked
from planecast.cli.files import Found, Paths, Recursive, WorkerAddress, files_of
from planecast.cli.places import Index, parse_places, parse_region
from planecast.cli.programs import needs
from planecast.cli.tables import print_json

if TYPE_CHECKING:
    from planecast.cli.output import Content
    from planecast_reader.headless.image import Image
    from planecast_reader.headless.selection import Place
    from planecast_reader.headless.stacks import Region


def command(
    paths: Paths,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="NAME.npy, .tif, .ome.tif or .png; or a folder."),
    ],
    *,
    recursive: Recursive = False,
    as_: Annotated[
        str | None,
        typer.Option("--as", help="npy, tif, ome.tif or png, where --out is a folder."),
    ] = None,
    scene: Annotated[int, typer.Option(min=0, help="Number of the scene.")] = 0,
    index: Index = None,
    region: Annotated[
        str | None, typer.Option(metavar="X,Y,WIDTH,HEIGHT", help="Part of each plane, in pixels.")
    ] = None,
    level: Annotated[int, typer.Option(min=0, help="Level of the pyramid; 0 is full size.")] = 0,
    tile: Annotated[int | None, typer.Option(min=0, help="One tile of a mosaic.")] = None,
    worker: WorkerAddress = None,
    json: Annotated[bool, typer.Option("--json", help="Tell what was written as JSON.")] = False,
) -> None:
    """Read pixels and write them as npy, TIFF, OME-TIFF or PNG.

    Axes that are not chosen with -i are read whole; for PNG, which holds one plane, at 0.

    Example: planecast read mosaic.czi -o dapi.ome.tif -i T=0 -i C=DAPI

    Example: planecast read slide.svs -o overview.png --level 2

    Example: planecast read -r /data/july --as npy -o arrays -i Z=2:8
    """
    with needs("reader"):
        from planecast.cli import output

    asked = output.kind_of(out) if as_ is None else output.kind_of(Path(f"x.{as_}"))
    if asked is None:
        raise typer.BadParameter("give NAME.npy, .tif, .ome.tif or .png", param_hint="--out/--as")
    kind = asked
    corner = parse_region(region)
    with files_of(paths, worker, recursive=recursive) as files:
        output.check_targets(out, files, kind)

        def convert(found: Found) -> dict[str, Any]:
            path = output.target(out, found, kind, is_one=files.is_one)
            with files.open(found) as image:
                places = _places(image, scene, index, one_plane=kind is output.Kind.PNG)
                content = _content(image, scene, places, corner, level, tile, bar=files.is_one)
                output.write(path, kind, content)
            return {"path": str(found.path), "out": str(path), "shape": list(content.shape)}

        batch = Batch(files, "converting")
        written = []
        for _, facts in batch.run(convert):
            written.append(facts)
            if not json:
                print(facts["out"])
        if json:
            print_json(written[0] if files.is_one else written)
        batch.finish()


def _places(
    image: "Image", scene: int, texts: list[str] | None, *, one_plane: bool
) -> "dict[str, Place]":
    from planecast_reader.headless.selection import index_axes, scene_of, select

    facts = scene_of(image.info, scene)
    places = parse_places(texts, [channel.name for channel in facts.channels])
    select(image.info, scene, places)  # an axis that is none is told as such
    if one_plane:
        return {**dict.fromkeys(index_axes(facts.sizes), 0), **places}
    return places


def _content(
    image: "Image",
    scene: int,
    places: "dict[str, Place]",
    region: "Region | None",
    level: int,
    tile: int | None,
    *,
    bar: bool,
) -> "Content":
    from planecast.cli.output import Content
    from planecast_protocol.errors import PlanecastError
    from planecast_reader.headless.selection import CHANNEL_AXES, axis_among, scene_of

    planes, stack = image.iter_planes(scene, region=region, level=level, tile=tile, **places)
    n_planes = stack.selection.n_planes
    if bar:
        planes = tracked(planes, n_planes, "reading")
    first = next(planes)
    facts = scene_of(image.info, scene)
    axis = axis_among(facts.sizes, CHANNEL_AXES)
    chosen = range(1) if axis is None else stack.selection.places[axis]
    if len(stack.axes) != len(stack.selection.kept) + first.ndim:
        raise PlanecastError(
            f"{image.info.path}: planes of shape {first.shape} are not {facts.sizes}"
        )
    shrunk = facts.levels[level].downsampling if 0 < level < len(facts.levels) else 1.0
    um = {name: size for name, size in facts.pixel_size_um.items() if size is not None}
    return Content(
        planes=itertools.chain([first], planes),
        axes=stack.axes,
        shape=(*stack.selection.shape, *first.shape),
        dtype=stack.dtype(),
        channels=tuple(facts.channels[n].name for n in chosen if n < len(facts.channels)),
        pixel_size_um=tuple(
            (name, size if name == "z" else size * shrunk) for name, size in um.items()
        ),
    )

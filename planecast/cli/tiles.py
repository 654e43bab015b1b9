"""`planecast tiles`."""

from typing import Annotated, Any

import msgspec
import typer

from planecast.cli.batch import Batch
from planecast.cli.files import Found, Paths, Recursive, WorkerAddress, files_of
from planecast.cli.tables import CsvTables, Out, print_json


def command(
    paths: Paths,
    recursive: Recursive = False,
    scene: Annotated[int | None, typer.Option(min=0, help="One scene; if left out, all.")] = None,
    out: Out = None,
    worker: WorkerAddress = None,
    json: Annotated[bool, typer.Option("--json", help="A list as JSON instead of CSV.")] = False,
) -> None:
    """Print where the tiles of mosaics lie, in pixels and on the stage, as CSV.

    Example: planecast tiles mosaic.czi

    Example: planecast tiles --json -o tiles.json *.czi
    """
    with files_of(paths, worker, recursive=recursive) as files:
        from planecast_reader.headless.mosaic_tiles import Tile

        def read(found: Found) -> list[dict[str, Any]]:
            with files.open(found) as image:
                scenes = range(len(image.scenes)) if scene is None else [scene]
                tiles = [tile for one in scenes for tile in image.tiles(one)]
            return [msgspec.structs.asdict(tile) for tile in tiles]

        batch = Batch(files, "reading")
        read_tiles = list(batch.run(read))
        if json:
            by_file = {str(found.path): tiles for found, tiles in read_tiles}
            print_json(read_tiles[0][1] if files.is_one else by_file, out)
        elif read_tiles:
            csv_tables = CsvTables(with_file=not files.is_one)
            for found, tiles in read_tiles:
                columns = {name: [t[name] for t in tiles] for name in Tile.__struct_fields__}
                csv_tables.add(found.path, columns)
            csv_tables.write(out)
        batch.finish()

"""`planecast planetable`."""

from typing import Annotated, Any

import typer

from planecast.cli.batch import Batch
from planecast.cli.files import Found, Paths, Recursive, WorkerAddress, files_of
from planecast.cli.tables import CsvTables, Out, print_json


def command(
    paths: Paths,
    recursive: Recursive = False,
    scene: Annotated[int | None, typer.Option(min=0, help="One scene; if left out, all.")] = None,
    norm_time: Annotated[
        bool, typer.Option("--norm-time", help="Times relative to the first, in seconds.")
    ] = False,
    out: Out = None,
    worker: WorkerAddress = None,
    json: Annotated[bool, typer.Option("--json", help="Columns as JSON instead of CSV.")] = False,
) -> None:
    """Print time and stage position of each sub-block, as CSV.

    Example: planecast planetable --norm-time mosaic.czi > planes.csv
    """
    with files_of(paths, worker, recursive=recursive) as files:

        def read(found: Found) -> dict[str, list[Any]]:
            with files.open(found) as image:
                return image.planetable_columns(norm_time=norm_time, scene=scene)

        batch = Batch(files, "reading")
        read_tables = list(batch.run(read))
        if json:
            by_file = {str(found.path): columns for found, columns in read_tables}
            print_json(read_tables[0][1] if files.is_one else by_file, out)
        elif read_tables:
            csv_tables = CsvTables(with_file=not files.is_one)
            for found, columns in read_tables:
                csv_tables.add(found.path, columns)
            csv_tables.write(out)
        batch.finish()

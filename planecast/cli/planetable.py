"""`planecast planetable`."""

import csv
import json as json_text
import sys
from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.files import TIMEOUT_S, worker_for
from planecast_protocol.reader_messages import ReadPlanetable


def command(
    path: Annotated[Path, typer.Argument(help="A file whose format has sub-blocks, such as CZI.")],
    scene: Annotated[int | None, typer.Option(min=0, help="One scene; if left out, all.")] = None,
    norm_time: Annotated[
        bool, typer.Option("--norm-time", help="Times relative to the first, in seconds.")
    ] = False,
    worker: Annotated[str | None, typer.Option(help="Address of a reader worker.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Columns as JSON instead of CSV.")] = False,
) -> None:
    """Print time and stage position of each sub-block.

    Example: planecast planetable --norm-time mosaic.czi > planes.csv
    """
    with worker_for(path, worker) as (client, wire_path):
        question = ReadPlanetable(request=0, path=wire_path, scene=scene, norm_time=norm_time)
        table = client.request(question, TIMEOUT_S)
    assert isinstance(table, dict)
    if json:
        print(json_text.dumps(table))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))

"""`planecast view`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import OptionValue, arguments_of, needs


class Canvas(StrEnum):
    """Who paints."""

    AUTO = "auto"
    VISPY = "vispy"
    RASTER = "raster"


def command(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH | tcp://HOST:PORT | ipc:///PATH]",
            help="A file or folder, or the address of an agent; nothing: this user's agent.",
        ),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    worker: Annotated[str | None, typer.Option(help="Address of the reader worker.")] = None,
    acquisition: Annotated[str | None, typer.Option(help="An acquisition's id, or latest.")] = None,
    canvas: Annotated[Canvas | None, typer.Option(help="vispy needs a real graphics card.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what happened, as JSON.")] = None,
    screenshots: Annotated[Path | None, typer.Option(help="Folder for pictures.")] = None,
    exit_when_done: Annotated[
        bool, typer.Option("--exit-when-done", help="Close when the acquisition is all shown.")
    ] = False,
) -> None:
    """Show a file, a folder or a running acquisition.

    Example: planecast view mosaic.czi

    Example: planecast view tcp://127.0.0.1:5810
    """
    with needs("viewer"):
        from planecast_viewer.start import load

        start = load()

    if target is not None and target.startswith(("tcp://", "ipc://")):
        agent, target = target, None
    options: dict[str, OptionValue] = {
        "--agent": agent,
        "--worker": worker,
        "--acquisition": acquisition,
        "--canvas": canvas.value if canvas else None,
        "--report": report,
        "--screenshots": screenshots,
        "--exit-when-done": exit_when_done,
    }
    # "--" lets a file's name begin with a dash.
    words = ["--", target] if target is not None else []
    raise typer.Exit(start(arguments_of(options) + words))

"""`planecast agent`."""

from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import OptionValue, arguments_of


def command(
    address: Annotated[
        str | None, typer.Option(help="ipc:///path or tcp://127.0.0.1:PORT to listen at.")
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Folder of the journal.")] = None,
    spool_dir: Annotated[
        Path | None, typer.Option(help="Folder of the controllers' spools.")
    ] = None,
    worker: Annotated[
        str | None, typer.Option(help="Address of the reader worker, told to viewers.")
    ] = None,
) -> None:
    """Remember what is acquired, and tell viewers.

    Runs until SIGTERM or Ctrl-C.

    Example: planecast agent --address tcp://127.0.0.1:5810
    """
    from planecast_agent.__main__ import main

    options: dict[str, OptionValue] = {
        "--address": address,
        "--state-dir": state_dir,
        "--spool-dir": spool_dir,
        "--worker": worker,
    }
    raise typer.Exit(main(arguments_of(options)))

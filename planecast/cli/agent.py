"""`planecast agent`."""

from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import OptionValue, arguments_of


def command(
    *,
    address: Annotated[
        list[str] | None,
        typer.Option(
            help="ipc:///path or tcp://127.0.0.1:PORT to listen at; and, besides, tcp://*:PORT "
            "for other machines, with keys."
        ),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the keys (planecast keys).")
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Folder of the journal.")] = None,
    spool_dir: Annotated[
        Path | None, typer.Option(help="Folder of the controllers' spools.")
    ] = None,
    worker: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of the reader worker, told to viewers; and, besides, tcp://*:PORT "
            "where it listens for other machines."
        ),
    ] = None,
    keep_days: Annotated[
        float | None,
        typer.Option(
            metavar="N", help="Forget acquisitions N days after their last event; else never."
        ),
    ] = None,
    commands: Annotated[
        bool | None,
        typer.Option("--commands/--no-commands", help="Let commands to controllers through."),
    ] = None,
    announce: Annotated[
        bool | None,
        typer.Option(
            "--announce/--no-announce", help="Say on the local network where this agent is."
        ),
    ] = None,
    watch: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Turn files that appear there into events; repeatable."),
    ] = None,
    watch_preset: Annotated[
        list[str] | None, typer.Option(help="Layouts to look for (planecast watch --list-presets).")
    ] = None,
    watch_pattern: Annotated[
        str | None, typer.Option(help="Names of the files, instead of a preset.")
    ] = None,
    watch_end_after_idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End when no file came for so long.")
    ] = None,
) -> None:
    """Remember what is acquired, and tell viewers.

    Runs until SIGTERM or Ctrl-C.

    Example: planecast agent --address tcp://127.0.0.1:5810

    Example: planecast agent --address tcp://*:5810 --worker tcp://*:5815 --announce
    """
    from planecast_agent.__main__ import main

    options: dict[str, OptionValue] = {
        "--address": address,
        "--keys": keys,
        "--state-dir": state_dir,
        "--spool-dir": spool_dir,
        "--worker": worker,
        "--keep-days": keep_days,
        "--commands": commands is True,
        "--no-commands": commands is False,
        "--announce": announce is True,
        "--no-announce": announce is False,
        "--watch": watch,
        "--watch-preset": watch_preset,
        "--watch-pattern": watch_pattern,
        "--watch-end-after-idle": watch_end_after_idle,
    }
    raise typer.Exit(main(arguments_of(options)))

"""`planecast acquisitions rescan`."""

from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import OptionValue, arguments_of


def command(
    acquisition: Annotated[str, typer.Argument(help="The acquisition's id.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where its files are.")],
    preset: Annotated[
        list[str] | None, typer.Option(help="Layouts to look for (planecast watch --list-presets).")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Names of the files, instead of a preset.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files, register nothing.")
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="Then end the acquisition as done.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Register files that a controller wrote and did not live to register.

    The acquisition must not have ended, and its controller must be gone.

    Example: planecast acquisitions rescan exp7-20260101T120000-0a1b2c3d /data/exp7 --dry-run
    """
    from planecast_agent.watchers.__main__ import main

    options: dict[str, OptionValue] = {
        "--rescan": acquisition,
        "--preset": preset,
        "--pattern": pattern,
        "--agent": agent,
        "--dry-run": dry_run,
        "--end": end,
        "--json": json,
    }
    raise typer.Exit(main([*arguments_of(options), "--", str(folder)]))

"""`planecast watch`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import OptionValue, arguments_of


class Existing(StrEnum):
    """What to do with acquisitions that are there at the start."""

    ALL = "all"
    RUNNING = "running"
    NONE = "none"


class PageAxis(StrEnum):
    """What the pages of a TIFF are."""

    T = "t"
    Z = "z"
    CHANNEL = "channel"


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="An acquisition's folder, or one that holds such."),
    ] = None,
    *,
    preset: Annotated[
        list[str] | None,
        typer.Option(help="A layout by name, may be repeated; all are tried if left out."),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(help="Names of files: '{t}/{well}_{fov}_{z}_{channel}.tif', 're:…'."),
    ] = None,
    pages: Annotated[
        PageAxis | None, typer.Option(help="What pages are, where a TIFF does not say.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
    subfolders: Annotated[
        bool | None,
        typer.Option(
            "--subfolders/--no-subfolders",
            help="DIR's folders are acquisitions of their own; found out if left out.",
        ),
    ] = None,
    existing: Annotated[
        Existing | None, typer.Option(help="Acquisitions that are there at the start.")
    ] = None,
    poll: Annotated[
        bool | None, typer.Option("--poll/--no-poll", help="As on network shares: look.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the acquisition.")] = None,
    channels: Annotated[str | None, typer.Option(help="A,B,C in the order to show.")] = None,
    fovs: Annotated[str | None, typer.Option(help="Labels, such as A1:0,A1:1.")] = None,
    num_z: Annotated[int | None, typer.Option(min=1, help="Planes of a z-stack.")] = None,
    num_t: Annotated[int | None, typer.Option(min=1, help="Time points.")] = None,
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH of a plane.")] = None,
    pixel_size_um: Annotated[float | None, typer.Option(help="Of a pixel.")] = None,
    z_step_um: Annotated[float | None, typer.Option(help="Of a z-stack.")] = None,
    settle: Annotated[
        float | None,
        typer.Option(help="Seconds without surprises before an undescribed acquisition starts."),
    ] = None,
    end_after_idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End when no file came for so long.")
    ] = None,
    end_marker: Annotated[
        list[str] | None, typer.Option(help="A file in DIR that says: finished.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what is there, register nothing.")
    ] = False,
    list_presets: Annotated[
        bool, typer.Option("--list-presets", help="List the layouts that are known.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print lines of JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print warnings only.")] = False,
) -> None:
    """Turn files that appear in a folder into events, for controllers that can't be changed.

    Runs until Ctrl-C, which ends its acquisitions as done.

    Example: planecast watch /data/squid --end-after-idle 600
    """
    from planecast_agent.watchers.__main__ import main

    options: dict[str, OptionValue] = {
        "--preset": preset,
        "--pattern": pattern,
        "--pages": pages,
        "--agent": agent,
        "--subfolders": subfolders is True,
        "--no-subfolders": subfolders is False,
        "--existing": existing,
        "--poll": poll is True,
        "--no-poll": poll is False,
        "--name": name,
        "--channels": channels,
        "--fovs": fovs,
        "--num-z": num_z,
        "--num-t": num_t,
        "--size": size,
        "--pixel-size-um": pixel_size_um,
        "--z-step-um": z_step_um,
        "--settle": settle,
        "--end-after-idle": end_after_idle,
        "--end-marker": end_marker,
        "--dry-run": dry_run,
        "--list-presets": list_presets,
        "--json": json,
        "--quiet": quiet,
    }
    words = arguments_of(options)
    raise typer.Exit(main(words if folder is None else [*words, "--", str(folder)]))

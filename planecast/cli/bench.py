"""`planecast bench`."""

import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import arguments_of
from planecast_protocol.errors import PlanecastError


class Benchmark(StrEnum):
    """What can be measured."""

    PLANES = "planes"
    EVENTS = "events"
    REMOTE = "remote"
    ABUSE = "abuse"
    VIEWER = "viewer"


def command(
    names: Annotated[
        list[Benchmark] | None, typer.Argument(help="What to measure; if left out, all.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PART",
            help="A part of `viewer`: open, save, register, stall, look or starts; repeatable.",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the figures as one JSON object.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File for the JSON object as well.")
    ] = None,
) -> None:
    """Measure this machine: planes against reading in process, events and viewer by the clock.

    `remote` is what keys cost, and what is seen over a slow link (as root). `abuse` is how late a
    viewer is while others send garbage, read too slowly or hold connections, and what it takes.

    Needs a checkout of the sources: the benchmarks are not part of the installed package.

    Example: planecast bench planes --quick --json
    """
    checkout = find_checkout()
    options = {"--quick": quick, "--json": json, "--out": out.absolute() if out else None}
    words = [name.value for name in names or []]
    for part in only or []:
        words += ["--only", part]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, *arguments_of(options)],
        cwd=checkout,
        check=False,
    )
    raise typer.Exit(1 if done.returncode else 0)


def find_checkout(package: Path = Path(__file__).parents[1]) -> Path:
    """Return the folder of the sources that `package` was imported from.

    Raises `PlanecastError` where it was installed without them.
    """
    checkout = package.parent
    if (checkout / "benchmarks" / "__main__.py").is_file():
        return checkout
    raise PlanecastError(
        f"the benchmarks are in the sources, which are not beside {package}; get them with git, "
        "and there run: ./run bench"
    )

"""`planecast reader`."""

from typing import Annotated

import typer

from planecast.cli.programs import OptionValue, arguments_of, needs


def command(
    address: Annotated[
        list[str] | None,
        typer.Option(
            help="unix:///path or tcp://127.0.0.1:PORT to listen at, tcp://*:PORT for other "
            "machines, with keys; may be repeated."
        ),
    ] = None,
    readers: Annotated[int | None, typer.Option(min=1, help="Reader processes.")] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(metavar="ALIAS=DIR", help="Serve only files beneath DIR; may be repeated."),
    ] = None,
    cache_mib: Annotated[int | None, typer.Option(min=0, help="Shared memory for planes.")] = None,
    memory_mib: Annotated[
        int | None, typer.Option(min=0, help="Limit of each reader process beyond that; 0: none.")
    ] = None,
    read_timeout_s: Annotated[
        float | None, typer.Option(min=0.1, help="Time for a plane, besides that for its bytes.")
    ] = None,
) -> None:
    """Read image files for viewers and scripts.

    The formats' libraries run in processes of their own: a file that crashes one of them is an
    error message, nothing more. Runs until SIGTERM or Ctrl-C.

    Example: planecast reader --root data=/data --readers 4

    Example: planecast reader --root data=/data --address tcp://*:5815
    """
    with needs("reader"):
        from planecast_reader.__main__ import main

    options: dict[str, OptionValue] = {
        "--address": address,
        "--readers": readers,
        "--root": root,
        "--cache-mib": cache_mib,
        "--memory-mib": memory_mib,
        "--read-timeout-s": read_timeout_s,
    }
    raise typer.Exit(main(arguments_of(options)))

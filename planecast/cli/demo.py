"""`planecast demo`."""

from pathlib import Path
from typing import Annotated

import typer

from planecast.cli.programs import needs
from planecast.cli.view import Canvas
from planecast.demo.options import DemoOptions


def command(
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files; if left out, a temporary one.")
    ] = None,
    planes: Annotated[
        int,
        typer.Option(
            min=0, help="Planes to acquire; 0: until the window is closed (headless: 200)."
        ),
    ] = 0,
    rate: Annotated[float, typer.Option(min=0.1, help="Planes per second.")] = DemoOptions.rate,
    size: Annotated[
        int, typer.Option(min=64, max=8192, help="Height and width of a plane in pixels.")
    ] = DemoOptions.size,
    channels: Annotated[str, typer.Option(help="Names, with commas between.")] = ",".join(
        DemoOptions.channels
    ),
    open_: Annotated[
        Path | None,
        typer.Option("--open", help="Show this file afterwards.", exists=True),
    ] = None,
    canvas: Annotated[Canvas, typer.Option(help="vispy needs a real graphics card.")] = Canvas.AUTO,
    headless: Annotated[bool, typer.Option("--headless", help="On a virtual display.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the files.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Show a simulated microscope at work.

    Starts what a real one would: controller, agent, reader worker and viewer.

    Example: planecast demo

    Example: planecast demo --headless --planes 300 --out demo-out --json
    """
    names = tuple(name.strip() for name in channels.split(",") if name.strip())
    if not names:
        raise typer.BadParameter("give at least one", param_hint="--channels")
    with needs("all"):
        from planecast.demo.run import run_demo

    options = DemoOptions(
        out=out,
        planes=planes,
        rate=rate,
        size=size,
        channels=names,
        headless=headless,
        canvas=canvas.value,
        open=open_,
        keep=keep,
        json=json,
    )
    raise typer.Exit(run_demo(options))

"""The command line: one module a verb, and `main`, which tells failures in one line.

The modules of verbs import what they need when they run, so that `planecast --help` is quick.
"""

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from planecast.cli import (
    acquisitions,
    agent,
    bench,
    command,
    config,
    demo,
    doctor,
    formats,
    info,
    keys,
    planetable,
    read,
    reader,
    state,
    status,
    thumbnail,
    tiles,
    view,
    watch,
)
from planecast_protocol.errors import PlanecastError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("demo")(demo.command)
app.command("view")(view.command)
app.command("agent")(agent.command)
app.command("reader")(reader.command)
app.add_typer(acquisitions.app, name="acquisitions")
app.command("state")(state.command)
app.command("doctor")(doctor.command)
app.command("status")(status.command)
app.command("command")(command.command)
app.command("info")(info.command)
app.command("read")(read.command)
app.command("thumbnail")(thumbnail.command)
app.command("tiles")(tiles.command)
app.command("planetable")(planetable.command)
app.add_typer(keys.app, name="keys")
app.command("formats")(formats.command)
app.add_typer(config.app, name="config")
app.command("bench")(bench.command)
app.command("watch")(watch.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(importlib.metadata.version("planecast"))
        raise typer.Exit


def _use_settings(file: Path | None) -> None:
    """Name the file of settings to this process, and to those that it starts."""
    if file is not None:
        os.environ["PLANECAST_CONFIG"] = str(file.absolute())


@app.callback()
def planecast(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings to use, instead of the user's.",
            callback=_use_settings,
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from; with any command.")
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", metavar="DIR", help="Folder of the keys for other machines; with any command."
        ),
    ] = None,
) -> None:
    """Live viewer for microscope acquisitions."""


def main() -> NoReturn:
    """Run the command line. Exit code: 0, 1 (it failed) or 2 (usage)."""
    words = sys.argv[1:]
    debug = "--debug" in words  # taken out here, so that it may stand behind a verb too
    words = _take_keys([word for word in words if word != "--debug"])
    try:
        app(words, prog_name="planecast")
    except PlanecastError as error:
        if debug:
            raise
        _fail(error.message)
    except Exception as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error} (planecast --debug … shows where)")
    sys.exit(0)


def _take_keys(words: list[str]) -> list[str]:
    """Take `--keys DIR` out, wherever it stands, for this program and those that it starts."""
    for place, word in enumerate(words):
        name, equals, folder = word.partition("=")
        if word == "--":
            break
        if name != "--keys" or (not equals and place + 1 == len(words)):
            continue
        folder = folder if equals else words[place + 1]
        os.environ["PLANECAST_KEYS"] = str(Path(folder).absolute())
        return words[:place] + words[place + (1 if equals else 2) :]
    return words


def _fail(sentence: str) -> NoReturn:
    print(f"planecast: {sentence}", file=sys.stderr)
    sys.exit(1)

"""The command line: one module a verb, and `main`, which tells failures in one line.

The modules of verbs import what they need when they run, so that `planecast --help` is quick.
"""

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from planecast_protocol.errors import PlanecastError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

VERBS = (
    "demo", "view", "agent", "agents", "reader", "acquisitions", "state", "doctor", "status",
    "command", "info", "read", "thumbnail", "tiles", "planetable", "keys", "formats", "config",
    "bench", "watch",
)  # fmt: skip
"""Each is a module here with a `command`, or with an `app` of its own verbs."""


def _load(verbs: Sequence[str]) -> None:
    for verb in verbs:
        module = importlib.import_module(f"planecast.cli.{verb}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(module.command)


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
        # The other verbs would take a fifth of a second, which somebody waits for a window.
        _load(words[:1] if words and words[0] in VERBS else VERBS)
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

"""`planecast config`: the settings of this machine, and whether a file of them is right."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planecast.cli.tables import print_json
from planecast_protocol.errors import PlanecastError

if TYPE_CHECKING:
    from planecast_protocol.configuration.showing import Shown

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show the settings, and where each comes from; check a file of settings.\n\n"
    "Example: planecast config show",
)


@app.command("show")
def show(
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Show every setting, its value, and where the value comes from.

    A flag counts before an environment variable, that before the file, that before what is built
    in. The file is the one that PLANECAST_CONFIG or planecast --config names, else the user's,
    else the machine's.

    Example: planecast config show --json
    """
    import msgspec

    from planecast_protocol.configuration.places import configuration_file, possible_files
    from planecast_protocol.configuration.showing import shown_settings

    file = configuration_file()
    shown = shown_settings(_defaults())
    if json:
        files = [str(one) for one in possible_files()]
        facts = {"file": str(file) if file else None, "looked_for": files}
        print_json({**facts, "settings": msgspec.to_builtins(shown)})
        return
    if file is None:
        print("no file; looked for " + ", ".join(str(one) for one in possible_files()))
    else:
        print(file)
    for one in shown:
        print(_line(one))


@app.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(help="The file; if left out, the one that counts here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Check a file of settings; each trouble is told with its line and key.

    Exit code 1 if there is any.

    Example: planecast config check planecast.toml
    """
    from planecast_protocol.configuration.loading import check_file
    from planecast_protocol.configuration.places import configuration_file, possible_files

    file = file or configuration_file()
    if file is None:
        looked = ", ".join(str(one) for one in possible_files())
        raise PlanecastError(f"there is no file of settings; looked for {looked}")
    complaints = check_file(file)
    if json:
        troubles = [{"line": one.line, "key": one.key, "why": one.why} for one in complaints]
        print_json({"file": str(file), "ok": not complaints, "troubles": troubles})
    elif not complaints:
        print(f"{file}: right")
    else:
        for one in complaints:
            print(one, file=sys.stderr)
    raise typer.Exit(1 if complaints else 0)


def _defaults() -> dict[str, Callable[[], Any]]:
    """Return how to find out what counts where nobody said anything."""
    import platformdirs

    from planecast_agent.settings import default_spool_dir, default_state_dir
    from planecast_protocol.endpoints import (
        default_agent_address,
        default_worker_address,
        runtime_dir,
    )

    return {
        "folders.runtime": lambda: str(runtime_dir()),
        "folders.spool": lambda: str(default_spool_dir()),
        "folders.state": lambda: str(default_state_dir()),
        "folders.cache": lambda: platformdirs.user_cache_dir("planecast"),
        "folders.settings": lambda: platformdirs.user_config_dir("planecast"),
        "agent.address": default_agent_address,
        "reader.address": default_worker_address,
    }


def _line(one: "Shown") -> str:
    said = one.origin != "default"
    if one.value in (None, [], {}) and not said:
        text = f"({one.otherwise or 'none'})"
    else:
        text = _text(one.value)
    where = f"{one.origin}: {one.where}" if said else "default"
    return f"{one.key:24} {text:44} {where}"


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return os.pathsep.join(f"{alias}={folder}" for alias, folder in value.items())
        case list():
            return ", ".join(map(str, value))
    return str(value)

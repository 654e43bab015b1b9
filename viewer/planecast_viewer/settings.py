"""The command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import platformdirs

from planecast_protocol.configuration import configuration
from planecast_protocol.configuration.schema import Canvas
from planecast_protocol.endpoints import default_agent_address


def settings_file() -> Path:
    """Return the file that the viewer remembers things in.

    It is in the configured folder, else in the user's folder of settings.
    """
    named = configuration().folders.settings
    return (Path(named) if named else platformdirs.user_config_path("planecast")) / "viewer.ini"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the viewer was started."""

    target: str | None = None
    """File or folder to open; `None`: live from the agent."""
    agent: str = ""
    """Address of the agent; empty: this user's."""
    worker: str | None = None
    """Address of the reader worker; `None`: the agent's, this user's, or a private one."""
    acquisition: str | None = None
    """Acquisition to show; `None`: the newest, and each newer one when it starts."""
    canvas: Canvas = "auto"
    memory: Path | None = None
    """The file that recent files, the window's place and the like are remembered in."""
    report: Path | None = None
    screenshots: Path | None = None
    exit_when_done: bool = False


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Return the settings in a command line; exits with 2 if it can't be understood."""
    said = configuration().viewer
    parser = argparse.ArgumentParser(
        prog="planecast view",
        description="Show a running acquisition, or a file.",
        epilog="example: planecast view plate.czi",
    )
    parser.add_argument("target", nargs="?", help="file or folder; none: live from the agent")
    parser.add_argument("--agent", default="", help="tcp://HOST:PORT or ipc://PATH of the agent")
    parser.add_argument(
        "--worker", default=said.worker, help="unix://PATH or tcp://HOST:PORT of a reader worker"
    )
    parser.add_argument("--acquisition", default="latest", help="id of an acquisition, or latest")
    parser.add_argument("--canvas", choices=get_args(Canvas), default=said.canvas)
    parser.add_argument("--report", type=Path, help="write what was seen on the canvas as JSON")
    parser.add_argument("--screenshots", type=Path, help="folder for pictures of the window")
    parser.add_argument(
        "--exit-when-done", action="store_true", help="end when the acquisition has, and was shown"
    )
    given = parser.parse_args(arguments)
    # A program that looks at the viewer wants to find it as it always is.
    is_watched = given.report or given.screenshots or given.exit_when_done
    return Settings(
        target=given.target,
        agent=given.agent or default_agent_address(),
        worker=given.worker,
        acquisition=None if given.acquisition == "latest" else given.acquisition,
        canvas=given.canvas,
        memory=None if is_watched else settings_file(),
        report=given.report,
        screenshots=given.screenshots,
        exit_when_done=given.exit_when_done,
    )

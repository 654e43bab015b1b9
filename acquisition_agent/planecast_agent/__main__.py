"""`python -m planecast_agent`: runs the agent until it is told to end."""

import argparse
import logging
import math
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from planecast_agent.agent import Agent, run_agent
from planecast_agent.announcement import Announcement, check_announceable
from planecast_agent.roles import EVERYTHING, NO_COMMANDS
from planecast_agent.settings import AgentSettings, default_spool_dir, default_state_dir
from planecast_agent.watchers.child import WatcherChild, add_watch_options, watch_commands
from planecast_protocol.configuration import configuration
from planecast_protocol.endpoints import default_agent_address, leaves_machine
from planecast_protocol.errors import PlanecastError
from planecast_protocol.keys.folder import KeyFolder, default_key_folder


def main(arguments: list[str] | None = None) -> int:
    """Run; return 0 after SIGTERM or SIGINT, 1 with a sentence on stderr if it can't start."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    os.umask(0o077)
    try:
        settings, watched = _parse(arguments)
        if settings.announce:
            check_announceable(settings.remote)
        with ExitStack() as children:
            run_agent(
                settings, on_ready=lambda agent: _announce(agent, settings, watched, children)
            )
    except (PlanecastError, OSError) as trouble:
        print(f"planecast agent: {trouble}", file=sys.stderr)
        return 1
    return 0


def _announce(
    agent: Agent, settings: AgentSettings, watched: list[list[str]], children: ExitStack
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    for words in watched:
        place = ["--agent", settings.address, "--spool-dir", str(settings.spool_dir)]
        children.callback(WatcherChild([*place, *words]).close)
    if settings.announce:
        children.callback(Announcement(settings.remote, KeyFolder(settings.keys)).close)
    print("ready", *filter(None, (settings.address, settings.remote)), flush=True)


def _parse(arguments: list[str] | None) -> tuple[AgentSettings, list[list[str]]]:
    said = configuration().agent
    parser = argparse.ArgumentParser(
        prog="python -m planecast_agent",
        description="Keeps what controllers publish, and serves it to viewers.",
    )
    parser.add_argument(
        "--address",
        action="append",
        help="ipc:///absolute/path or tcp://127.0.0.1:PORT (default: this user's); and, besides, "
        "tcp://*:PORT or tcp://HOST:PORT for other machines, with keys",
    )
    parser.add_argument(
        "--keys", type=Path, default=default_key_folder(), help="folder of the keys"
    )
    parser.add_argument("--state-dir", type=Path, default=default_state_dir())
    parser.add_argument(
        "--spool-dir", type=Path, default=default_spool_dir(), help="where controllers spool"
    )
    parser.add_argument(
        "--worker",
        action="append",
        help="address of the reader worker, told to subscribers; and, besides, tcp://*:PORT where "
        "it listens for other machines (*: under the name by which they reach this one)",
    )
    parser.add_argument(
        "--keep-days",
        type=_days,
        default=said.keep_days,
        metavar="N",
        help="forget acquisitions N days after their last event (default: never)",
    )
    parser.add_argument(
        "--commands",
        action=argparse.BooleanOptionalAction,
        default=said.commands,
        help="let commands to controllers through; without, state and events go on",
    )
    parser.add_argument(
        "--announce",
        action=argparse.BooleanOptionalAction,
        default=said.announce,
        help="say on the local network where this agent listens for other machines",
    )
    add_watch_options(parser)
    given = parser.parse_args(arguments)
    address, remote = _split(given.address or said.listen, "--address", parser)
    worker, remote_worker = _split(given.worker or said.worker, "--worker", parser)
    settings = AgentSettings(
        address=address or default_agent_address(),
        remote=remote,
        keys=given.keys.absolute(),
        state_dir=given.state_dir.absolute(),
        spool_dir=given.spool_dir.absolute(),
        worker=worker,
        remote_worker=remote_worker,
        withheld=frozenset() if given.commands else frozenset({"command"}),
        roles=EVERYTHING if given.commands else NO_COMMANDS,
        keep_days=given.keep_days,
        announce=given.announce,
    )
    return settings, watch_commands(given)


def _split(
    addresses: list[str] | None, option: str, parser: argparse.ArgumentParser
) -> tuple[str, str]:
    """Return the address for this machine and that for others; empty where none is given."""
    local = [one for one in addresses or () if not leaves_machine(one)]
    remote = [one for one in addresses or () if leaves_machine(one)]
    if len(local) > 1 or len(remote) > 1:
        parser.error(f"{option}: one for this machine, and one for other machines, at most")
    return "".join(local), "".join(remote)


def _days(text: str) -> float:
    days = float(text)
    if not days > 0 or not math.isfinite(days):
        raise argparse.ArgumentTypeError(f"{text}: give a positive number of days")
    return days


if __name__ == "__main__":
    sys.exit(main())

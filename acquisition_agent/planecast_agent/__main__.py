"""`python -m planecast_agent`: runs the agent until it is told to end."""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from planecast_agent.agent import Agent, run_agent
from planecast_agent.settings import AgentSettings, default_spool_dir, default_state_dir
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import PlanecastError


def main(arguments: list[str] | None = None) -> int:
    """Run; return 0 after SIGTERM or SIGINT, 1 with a sentence on stderr if it can't start."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    os.umask(0o077)
    try:
        settings = _parse(arguments)
        run_agent(settings, on_ready=lambda agent: _announce(agent, settings))
    except (PlanecastError, OSError) as trouble:
        print(f"planecast agent: {trouble}", file=sys.stderr)
        return 1
    return 0


def _announce(agent: Agent, settings: AgentSettings) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    print(f"ready {settings.address}", flush=True)


def _parse(arguments: list[str] | None) -> AgentSettings:
    parser = argparse.ArgumentParser(
        prog="python -m planecast_agent",
        description="Keeps what controllers publish, and serves it to viewers.",
    )
    parser.add_argument(
        "--address", help="ipc:///absolute/path or tcp://127.0.0.1:PORT (default: this user's)"
    )
    parser.add_argument("--state-dir", type=Path, default=default_state_dir())
    parser.add_argument(
        "--spool-dir", type=Path, default=default_spool_dir(), help="where controllers spool"
    )
    parser.add_argument(
        "--worker", default="", help="address of the reader worker, told to subscribers"
    )
    given = parser.parse_args(arguments)
    return AgentSettings(
        address=given.address or default_agent_address(),
        state_dir=given.state_dir.absolute(),
        spool_dir=given.spool_dir.absolute(),
        worker=given.worker,
    )


if __name__ == "__main__":
    sys.exit(main())

"""`python -m planecast_agent.watchers DIR`: watches until it is told to end."""

import logging
import os
import signal
import sys
import threading

from planecast_agent.settings import default_spool_dir
from planecast_agent.watchers.command import Command, parse, print_dry_run, print_presets
from planecast_agent.watchers.program import AgentPlace, make_watcher
from planecast_agent.watchers.report import Report
from planecast_agent.watchers.rescan import print_rescan
from planecast_agent.watchers.watcher import Watcher
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import PlanecastError

NICENESS = 5
"""Of a watcher beside an agent, which comes first."""


def main(arguments: list[str] | None = None) -> int:
    """Run; return 0, or 1 with a sentence on stderr if it can't.

    Ctrl-C ends the acquisitions as done. SIGTERM leaves them open: a service that is started
    again goes on with them.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    try:
        command = parse(arguments)
        if command.list_presets:
            print_presets(as_json=command.as_json)
            return 0
        if command.rescan is not None:
            return print_rescan(
                command.rescan,
                command.watch,
                _place(command),
                dry_run=command.dry_run,
                end=command.end,
                as_json=command.as_json,
            )
        if command.dry_run:
            return print_dry_run(command.watch, as_json=command.as_json)
        _watch(command)
    except (PlanecastError, OSError) as trouble:
        print(f"planecast watch: {trouble}", file=sys.stderr)
        return 1
    return 0


def _watch(command: Command) -> None:
    report = Report(as_json=command.as_json, quiet=command.quiet)
    watcher = make_watcher(command.watch, _place(command), report)
    try:
        signal.signal(signal.SIGTERM, lambda *_: watcher.leave())
        if command.while_stdin:
            # Ctrl-C in the agent's terminal is meant for the agent, which then ends us.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if hasattr(os, "nice"):
                os.nice(NICENESS)
            threading.Thread(target=_end_with_stdin, args=(watcher,), daemon=True).start()
        else:
            signal.signal(signal.SIGINT, lambda *_: watcher.stop())
        watcher.run()
    finally:
        watcher.close()


def _place(command: Command) -> AgentPlace:
    return AgentPlace(
        address=command.agent or default_agent_address(),
        spool_dir=command.spool_dir or default_spool_dir(),
    )


def _end_with_stdin(watcher: Watcher) -> None:
    """End as done at a byte from whoever started us; leave everything open when it is gone."""
    # Not `sys.stdin`: its lock would be held when the interpreter ends.
    if os.read(0, 1):
        watcher.stop()
    else:
        watcher.leave()


if __name__ == "__main__":
    sys.exit(main())

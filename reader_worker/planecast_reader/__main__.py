"""Run a reader worker: `python -m planecast_reader`."""

import argparse
import logging
import sys
from pathlib import Path

from planecast_protocol.configuration import configuration, configured_roots, known_roots
from planecast_protocol.endpoints import default_worker_address
from planecast_protocol.errors import PlanecastError
from planecast_reader.arena.shared_memory import affordable_bytes
from planecast_reader.front.server import FrontSettings, default_readers, serve


def parse(arguments: list[str]) -> FrontSettings:
    """Return the settings that the command line asks for."""
    said = configuration().reader
    parser = argparse.ArgumentParser(prog="planecast reader", description=__doc__)
    parser.add_argument(
        "--address",
        action="append",
        help="unix:///path or tcp://127.0.0.1:PORT; and tcp://*:PORT or tcp://HOST:PORT for other "
        "machines, with keys; may be given several times",
    )
    parser.add_argument(
        "--readers", type=int, default=said.processes or default_readers(), help="reader processes"
    )
    parser.add_argument(
        "--root",
        action="append",
        metavar="ALIAS=DIR",
        help="serve files beneath DIR as ALIAS:relative/path; default: those that are configured, "
        "else everything, as local:",
    )
    parser.add_argument(
        "--cache-mib", type=int, default=said.cache_mib, help="shared memory for planes, in MiB"
    )
    parser.add_argument(
        "--memory-mib",
        type=int,
        default=said.memory_mib,
        help="limit of each reader process beyond that, in MiB; 0: none",
    )
    parser.add_argument("--read-timeout-s", type=float, default=said.read_timeout_s)
    parser.add_argument("--private-fd", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.readers < 1:
        parser.error("--readers: at least 1")
    roots = {}
    for root in given.root or []:
        alias, equals, folder = root.partition("=")
        if not equals or not Path(folder).is_dir():
            parser.error(f"--root {root}: write ALIAS=DIR, where DIR is a folder")
        roots[alias] = Path(folder).resolve()
    private = given.private_fd is not None
    addresses = tuple(given.address or (() if private else said.listen))
    if not private and not addresses:
        addresses = (default_worker_address(),)
    return FrontSettings(
        addresses=addresses,
        readers=given.readers,
        # A private worker reads what its own user may read.
        roots=roots or (known_roots() if private else configured_roots()),
        arena_bytes=affordable_bytes() if given.cache_mib is None else given.cache_mib << 20,
        reader_memory_bytes=given.memory_mib << 20,
        read_timeout_s=given.read_timeout_s,
        private_fd=given.private_fd,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s reader %(levelname)s %(message)s")
    try:
        settings = parse(sys.argv[1:] if arguments is None else arguments)
        serve(settings, lambda: print("ready", *settings.addresses, flush=True))
    except PlanecastError as error:
        print(f"planecast reader: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

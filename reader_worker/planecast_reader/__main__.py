"""Run a reader worker: `python -m planecast_reader`."""

import argparse
import logging
import sys
from pathlib import Path

from planecast_protocol.endpoints import default_worker_address
from planecast_protocol.errors import PlanecastError
from planecast_protocol.paths import local_roots
from planecast_reader.arena.shared_memory import affordable_bytes
from planecast_reader.front.server import FrontSettings, default_readers, serve


def parse(arguments: list[str]) -> FrontSettings:
    """Return the settings that the command line asks for."""
    parser = argparse.ArgumentParser(prog="planecast reader", description=__doc__)
    parser.add_argument(
        "--address",
        action="append",
        help="unix:///path or tcp://127.0.0.1:PORT; may be given several times",
    )
    parser.add_argument("--readers", type=int, default=default_readers(), help="reader processes")
    parser.add_argument(
        "--root",
        action="append",
        metavar="ALIAS=DIR",
        help="serve files beneath DIR as ALIAS:relative/path; default: everything, as local:",
    )
    parser.add_argument("--cache-mib", type=int, help="shared memory for planes, in MiB")
    parser.add_argument("--read-timeout-s", type=float, default=10.0)
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
    addresses = tuple(given.address or ())
    if given.private_fd is None and not addresses:
        addresses = (default_worker_address(),)
    return FrontSettings(
        addresses=addresses,
        readers=given.readers,
        roots=roots or local_roots(),
        arena_bytes=affordable_bytes() if given.cache_mib is None else given.cache_mib << 20,
        read_timeout_s=given.read_timeout_s,
        private_fd=given.private_fd,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s reader %(levelname)s %(message)s")
    settings = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        serve(settings, lambda: print("ready", *settings.addresses, flush=True))
    except PlanecastError as error:
        print(f"planecast reader: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

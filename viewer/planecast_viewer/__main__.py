"""`python -m planecast_viewer`."""

import logging
import sys

from planecast_protocol.errors import PlanecastError
from planecast_viewer.app import run
from planecast_viewer.settings import parse

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(run(parse()))
    except PlanecastError as error:
        sys.exit(f"planecast view: {error}")

"""`python -m planecast_viewer`."""

import logging
import sys

from planecast_protocol.errors import PlanecastError
from planecast_viewer.start import load

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(load()(None))
    except PlanecastError as error:
        sys.exit(f"planecast view: {error}")

"""Open a file and read what it has; run as a program, for a native library may crash on it.

Prints one JSON list: "ok", or the name of the error, for each step.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader


def attempt(steps: list[str], action: Callable[[], object]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001  which one is what the test asks
        steps.append(type(error).__name__)
    else:
        steps.append("ok")


def read_everything(path: Path) -> None:
    reader = open_reader(path)
    for number, scene in enumerate(reader.describe().scenes):
        reader.read_plane(number, {}, None, allocate_in_memory)
        if scene.tiles:
            reader.read_tile(number, scene.tiles[-1].tile, {}, allocate_in_memory)
    reader.read_metadata()
    reader.close()


if __name__ == "__main__":
    found: list[str] = []
    attempt(found, lambda: read_everything(Path(sys.argv[1])))
    print(json.dumps(found))

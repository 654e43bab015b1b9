"""Opens files, and reads what they have, in a process apart: a native library may crash on them.

As a program it prints a line of JSON for each: "ok", or the name of the error.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path

from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import open_reader

MEMORY_BYTES = 4 << 30
TIME_LIMIT_S = 60


def open_apart(*paths: Path) -> list[str]:
    """Return how each file ended, in bounded time and memory; fail if the process dies."""
    done = subprocess.run(
        [sys.executable, __file__, *paths],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
        preexec_fn=_limit_memory,
    )
    found: list[str] = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (
        f"the process ended with {done.returncode} at {paths[len(found)].name}: {done.stderr}"
    )
    return found


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _outcome(path: Path) -> str:
    try:
        _read_everything(path)
    except Exception as error:  # noqa: BLE001  which one is what the test asks
        return type(error).__name__
    return "ok"


def _read_everything(path: Path) -> None:
    reader = open_reader(path)
    for number, scene in enumerate(reader.describe().scenes):
        reader.read_plane(number, {}, None, allocate_in_memory)
        if scene.tiles:
            reader.read_tile(number, scene.tiles[-1].tile, {}, allocate_in_memory)
    reader.read_metadata()
    reader.close()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(_outcome(Path(argument))), flush=True)

"""Several client processes of one worker, against as many that read the file themselves."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.planes import rig

PLANES = 40


def clients(path: Path, name: str, counts: tuple[int, ...] = (1, 4)) -> rig.Figures:
    """Have processes read the same planes, each in an order of its own; compare how long it takes.

    The time is that of the slowest process, from the word to begin.
    """
    figures: rig.Figures = {}
    for count in counts:
        with rig.worker() as address:
            ours = _slowest_ms(count, path, address)
        alone = _slowest_ms(count, path, "")
        figures[f"clients_{count}_ratio_{name}"] = round(ours / alone, 3)
    return figures


def _slowest_ms(count: int, path: Path, address: str) -> float:
    command = [sys.executable, "-m", "benchmarks.planes.client_program", str(path), address]
    checkout = Path(__file__).parents[2]
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, str(seed)],
                    cwd=checkout,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for seed in range(count)
        ]
        _hear(programs)
        for program in programs:
            assert program.stdin is not None
            program.stdin.write("go\n")
            program.stdin.flush()
        return max(_hear(programs))


def _hear(programs: "list[subprocess.Popen[str]]") -> list[float]:
    heard: list[float] = []
    for program in programs:
        assert program.stdout is not None
        heard.append(float(program.stdout.readline()))
    return heard

"""A microscope's control program, simulated: a process of its own that behaves as real ones do.

It announces each plane before the file exists, and writes the files later, from several
threads, in pieces or by renaming. On SIGTERM and Ctrl-C the acquisition ends as aborted.

    python -m planecast.demo.controller --out DIR --agent ADDRESS --planes 600 --rate 10
"""

import argparse
import json
import math
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from planecast.demo.disk import (
    tiff_bytes,
    write_by_rename,
    write_coordinates,
    write_in_pieces,
    write_parameters,
)
from planecast.demo.identity import stamp
from planecast.demo.plan import Plan
from planecast.demo.specimen import Specimen
from planecast_agent.acquisition import Acquisition
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.errors import PlanecastError

PIXEL_SIZE_UM = 0.325
Z_STEP_UM = 1.5
WRITERS = 4
BACKLOG = 64
"""Planes announced but not on disk yet; then the camera waits for the disk."""
DELAY_S = (0.01, 0.08)
RENAMED_SHARE = 0.2
"""Of the files that appear by renaming."""
DELIVERY_TIMEOUT_S = 10.0
COLORS = {"BF": "#808080", "DAPI": "#3f6cff", "GFP": "#2fe04b"}


class Controller:
    """Acquires one plan. `run` belongs to one thread; `stop` may be called from any."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._specimen = Specimen(plan.size, plan.size, plan.num_z, seed=plan.seed)
        self._random = random.Random(plan.seed)  # noqa: S311
        self._stopped = threading.Event()
        self._room = threading.BoundedSemaphore(BACKLOG)
        self._trouble: BaseException | None = None
        """The first file that could not be written."""
        self.registered = 0

    def stop(self) -> None:
        """End after the planes that are announced; the acquisition ends as aborted."""
        self._stopped.set()

    def run(self) -> dict[str, object]:
        """Acquire; return what was done, JSON-able.

        Raises `OSError` if a file could not be written; the acquisition is then aborted.
        """
        plan = self._plan
        plan.out.mkdir(parents=True, exist_ok=True)
        write_parameters(plan.out, self._parameters())
        with self._start() as acquisition:
            with ThreadPoolExecutor(WRITERS, thread_name_prefix="disk") as writers:
                self._acquire(acquisition, writers)
            if self._trouble is not None:
                raise self._trouble
            stopped = self._stopped.is_set()
            if stopped:
                acquisition.end("aborted", "stopped by its user")
            else:
                acquisition.end()
            delivered = acquisition.wait_delivered(DELIVERY_TIMEOUT_S)
        return {
            "registered": self.registered,
            "status": "aborted" if stopped else "done",
            "delivered": delivered,
            "out": str(plan.out.absolute()),
        }

    def _start(self) -> Acquisition:
        plan = self._plan
        per_time_point = len(plan.fov_places) * plan.num_z * len(plan.channels)
        return Acquisition.start(
            plan.out.name or "demo",
            list(plan.channels),
            plan.num_z,
            plan.size,
            plan.size,
            [f"{well}:{fov}" for well, fov in plan.fov_places],
            num_t=-(-plan.planes // per_time_point) or None,
            dtype="uint16",
            pixel_size_um=PIXEL_SIZE_UM,
            z_step_um=Z_STEP_UM,
            time_interval_s=per_time_point / plan.rate,
            channel_colors=[COLORS.get(channel) for channel in plan.channels],
            agent=plan.agent,
        )

    def _acquire(self, acquisition: Acquisition, writers: ThreadPoolExecutor) -> None:
        parent, due = os.getppid(), time.monotonic()
        for index in self._plan.indices():
            # One that runs until it is stopped must not outlive those who would stop it.
            if not self._plan.planes and os.getppid() != parent:
                self.stop()
            if self._stopped.wait(max(0.0, due - time.monotonic())) or self._trouble is not None:
                return
            due += 1 / self._plan.rate
            path = self._plan.path(index)
            if not path.parent.exists():
                self._new_time_point(path.parent)
            acquisition.register_image(
                index.t, index.fov, index.z, self._plan.channels[index.channel], path
            )
            self.registered += 1
            delay_s = self._random.uniform(*DELAY_S)
            renamed = self._random.random() < RENAMED_SHARE
            write = write_by_rename if renamed else write_in_pieces
            self._room.acquire()
            writers.submit(self._save, index, path, delay_s, write).add_done_callback(self._saved)

    def _save(
        self, index: PlaneIndex, path: Path, delay_s: float, write: Callable[[Path, bytes], None]
    ) -> None:
        plane = self._specimen.photograph(index, self._plan.channels[index.channel])
        stamp(plane, index, len(self._plan.channels), self._plan.cell)
        time.sleep(delay_s)
        write(path, tiff_bytes(plane))

    def _saved(self, saving: "Future[Any]") -> None:
        self._trouble = self._trouble or saving.exception()
        self._room.release()

    def _parameters(self) -> dict[str, object]:
        plan = self._plan
        return {
            "dz(um)": Z_STEP_UM,
            "Nz": plan.num_z,
            "Nt": plan.planes,
            "pixel_size_um": PIXEL_SIZE_UM,
            "objective": {"name": "20x", "magnification": 20.0, "NA": 0.8},
            "channels": list(plan.channels),
        }

    def _new_time_point(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        step_mm = self._plan.size * PIXEL_SIZE_UM * 0.9e-3
        side = math.isqrt(self._plan.fovs - 1) + 1
        rows = [
            (well, fov, z, step_mm * (fov % side), step_mm * (fov // side), z * Z_STEP_UM)
            for well, fov in self._plan.fov_places
            for z in range(self._plan.num_z)
        ]
        write_coordinates(folder, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one acquisition and print a line of JSON about it; return the exit code."""
    controller = Controller(_parse(arguments))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: controller.stop())
    try:
        done = controller.run()
    except (PlanecastError, OSError) as error:
        print(f"controller: {error}", file=sys.stderr)
        return 1
    print(json.dumps(done), flush=True)
    return 0


def _parse(arguments: Sequence[str] | None) -> Plan:
    parser = argparse.ArgumentParser(
        prog="planecast.demo.controller", description=(__doc__ or "").partition("\n")[0]
    )
    standard = Plan(out=Path())
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the files")
    parser.add_argument("--agent", help="its address; this user's agent, if left out")
    parser.add_argument("--planes", type=int, default=0, help="0: until it is stopped")
    parser.add_argument("--rate", type=float, default=standard.rate, help="planes per second")
    parser.add_argument("--wells", type=_names, default=standard.wells, help="A1,A2,…")
    parser.add_argument("--fovs", type=int, default=standard.fovs, help="per well")
    parser.add_argument("--nz", type=int, default=standard.num_z, dest="num_z")
    parser.add_argument("--channels", type=_names, default=standard.channels, help="BF,DAPI,GFP")
    parser.add_argument("--size", type=int, default=standard.size, help="pixels a side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cell", type=int, default=standard.cell, help="pixels per bit of a mark")
    parser.add_argument("--max-mb", type=int, default=standard.max_mb, help="ends when written")
    parser.add_argument("--layout", choices=("tiff",), default="tiff", help="one file a plane")
    given = vars(parser.parse_args(arguments))
    del given["layout"]
    for name in ("rate", "fovs", "num_z", "size", "cell", "max_mb"):
        if given[name] <= 0:
            parser.error(f"--{name.replace('_', '-')} must be more than 0")
    return Plan(**given)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


if __name__ == "__main__":
    sys.exit(main())

"""What is seen of a microscope from another desk, over a slow link: scrubbing, and a pulled cable.

`measure` is part of `planecast bench remote`. It needs root, for network namespaces.
"""

import contextlib
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.slow_link.machines import Machines, two_machines, why_not
from benchmarks.slow_link.sites import DeskSite, ScopeSite
from benchmarks.viewing.pictures import Pictures
from benchmarks.viewing.site import Microscope, WatchedViewer, cell_px, microscope
from planecast.demo.display import virtual_display
from planecast_agent.subscriber.known_planes import Position

MBIT_PER_S = 100.0
DELAY_MS = 10.0
"""One way."""
SIZE = 2048
WINDOW = (1100, 830)
PLANES_PER_S = 2.0
PULLED_S = 20.0

Figures = dict[str, object]


class Visit:
    """Both machines and all their programs; the viewer has the whole screen of the desk."""

    def __init__(
        self, machines: Machines, scope: ScopeSite, pictures: Pictures, viewer: WatchedViewer
    ) -> None:
        self.machines, self.scope, self.pictures, self.viewer = machines, scope, pictures, viewer

    def acquire(self, microscope: Microscope, positions: list[Position]) -> None:
        """Register positions at a steady pace."""
        microscope.register_paced(positions, PLANES_PER_S)


@contextlib.contextmanager
def visit(size: int, mbit_per_s: float = MBIT_PER_S) -> Iterator[Visit]:
    """Yield a visit over such a link."""
    with contextlib.ExitStack() as stack:
        display = stack.enter_context(virtual_display())
        there, here = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=name, dir="/tmp")))
            for name in ("pcs", "pcd")
        )
        machines = stack.enter_context(two_machines(there, mbit_per_s, DELAY_MS))
        desk = DeskSite(here, machines, display)
        scope = ScopeSite(there, machines, desk.public_key)
        desk.trust(scope.public_key)
        stack.enter_context(_controllers_know(scope))
        pictures = Pictures(there, size)
        stack.callback(scope.close)
        scope.start()
        viewer = WatchedViewer(desk, WINDOW, cell_px(size))
        stack.callback(viewer.close)
        yield Visit(machines, scope, pictures, viewer)


@contextlib.contextmanager
def _controllers_know(scope: ScopeSite) -> Iterator[None]:
    """Let this process, which is the controller, name files beneath the scope's roots."""
    before = os.environ.get("PLANECAST_ROOTS")
    os.environ["PLANECAST_ROOTS"] = scope.roots
    try:
        yield
    finally:
        del os.environ["PLANECAST_ROOTS"]
        if before is not None:
            os.environ["PLANECAST_ROOTS"] = before


def measure(*, quick: bool = False) -> Figures:
    """Return the figures; one that says why, where there are none."""
    reason = why_not()
    if reason:
        return {"slow_link": reason}
    with visit(SIZE) as one:
        figures: Figures = {"slow_link": f"{MBIT_PER_S:g} Mbit/s, {2 * DELAY_MS:g} ms, userspace"}
        figures |= scrub(one, n_planes=24 if quick else 60)
        figures |= pull_the_cable(one, PULLED_S)
        counts = one.viewer.do("counts")
        figures |= {"planes_seen": counts["planes"], "wrong_planes": counts["wrong"]}
    return figures


def scrub(one: Visit, n_planes: int) -> Figures:
    """Step to planes that were never shown: first with rests, then as soon as one is seen."""
    viewer, cable = one.viewer, one.machines.cable
    with microscope(one.scope, one.pictures, n_z=3 * n_planes) as scope:
        for position in scope.prepare(1):
            scope.register(position)
        viewer.do("registered", n_planes=3 * n_planes)
        viewer.do("follow", on=False)
        viewer.do("sharp")
        places = list(range(3 * n_planes - 1))
        random.Random(1).shuffle(places)
        full_ms, rested_ms = [], []
        viewer.do("jumps", axis="z", values=places[:4], pause_ms=800)  # the link is found out
        before = cable.bytes_to_desk()
        for place in places[4 : 4 + n_planes // 2]:
            started = time.perf_counter()
            rested_ms += viewer.do("jumps", axis="z", values=[place], pause_ms=0)
            viewer.do("sharp")
            full_ms.append(1000 * (time.perf_counter() - started))
        whole_bytes = cable.bytes_to_desk() - before
        before = cable.bytes_to_desk()
        scrubbed = places[4 + n_planes // 2 : 4 + n_planes // 2 + n_planes]
        first_ms = viewer.do("jumps", axis="z", values=scrubbed, pause_ms=30)
        scrub_bytes = cable.bytes_to_desk() - before
        viewer.do("sharp")
        again = [places[4]]
        before = cable.bytes_to_desk()
        viewer.do("jumps", axis="z", values=again, pause_ms=0)
        viewer.do("sharp")
        again_bytes = cable.bytes_to_desk() - before
    return {
        "first_step_ms": spread(first_ms),
        "first_step_rested_ms": spread(rested_ms),
        "full_ms": spread(full_ms),
        "bytes_per_shown_plane": round(whole_bytes / len(full_ms)),
        "bytes_per_scrubbed_plane": round(scrub_bytes / len(first_ms)),
        "bytes_of_a_plane_seen_before": again_bytes,
        "plain_plane_bytes": SIZE * SIZE * 2,
    }


def pull_the_cable(one: Visit, pulled_s: float) -> Figures:
    """Acquire while the cable is out; look at every plane when it is back."""
    viewer, cable = one.viewer, one.machines.cable
    n_planes = int(PLANES_PER_S * (pulled_s + 4))
    with microscope(one.scope, one.pictures) as scope:
        positions = scope.prepare(n_planes)
        viewer.do("choose", acquisition=scope.acquisition.id)
        viewer.do("follow", on=True)
        acquiring = threading.Thread(target=one.acquire, args=(scope, positions))
        acquiring.start()
        viewer.do("registered", n_planes=4)
        cable.pull()
        time.sleep(pulled_s)
        cable.plug()
        plugged_at = time.perf_counter()
        acquiring.join()
    viewer.do("registered", n_planes=n_planes)
    known_s = time.perf_counter() - plugged_at
    viewer.do("newest")
    shown_s = time.perf_counter() - plugged_at
    viewer.do("follow", on=False)
    n_lost = viewer.do("browse", positions=[list(position) for position in positions])
    return {
        "cable_pulled_s": pulled_s,
        "all_known_again_s": round(known_s, 1),
        "newest_shown_again_s": round(shown_s, 1),
        "planes_acquired": n_planes,
        "lost": n_lost,
    }


def spread(values_ms: list[float | None]) -> dict[str, float]:
    """Return p50 and p95; a plane that never came counts as one that took for ever."""
    known = [float("inf") if value is None else value for value in values_ms]
    p50, p95 = np.percentile(known, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}

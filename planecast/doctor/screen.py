"""Display and OpenGL, looked at by a process of its own: Qt and drivers may end or hang it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from planecast.doctor.finding import Finding, Patient, bad, good, note

CHECK = "display"
TIMEOUT_S = 30.0


def look_at_screen(patient: Patient) -> Iterator[Finding]:
    """Open a connection to the display, and make an OpenGL context."""
    if "viewer" not in patient.roles:
        return
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if sys.platform == "linux" and not display and not os.environ.get("QT_QPA_PLATFORM"):
        yield Finding(
            check=CHECK,
            state=patient.serious("viewer"),
            text="this session has no display: planecast view can't show a window here",
            way_out="sit down at the machine, use ssh -X, or run the viewer elsewhere "
            "(planecast view tcp://HOST:PORT)",
        )
        return
    found = _probe()
    yield from [found] if isinstance(found, Finding) else _told(found)


def _probe() -> Finding | dict[str, Any]:
    where = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "the display"
    way_out = (
        f"is {where} a display that runs, and may this user use it? Try xdpyinfo; over ssh, "
        "log in with ssh -X; if it says 'platform plugin', ./run of a checkout installs Qt's "
        "system libraries (libxcb-cursor0 …)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "planecast_viewer.screen_probe"],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return bad(CHECK, f"{where} does not answer within {TIMEOUT_S:.0f} s", way_out)
    if done.returncode == 0:
        facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return facts
    said = [line for line in done.stderr.strip().splitlines() if line.strip()]
    why = said[0] if said else f"exit code {done.returncode}"
    crash = " (the process crashed)" if done.returncode < 0 else ""
    return bad(CHECK, f"no window can be shown at {where}: {why}{crash}", way_out)


def _told(facts: dict[str, Any]) -> Iterator[Finding]:
    sizes = ", ".join(facts["screens"]) or "no screen"
    yield good(CHECK, f"{facts['platform']}: {sizes}")
    if facts["renderer"] is None:
        yield note(
            "OpenGL",
            f"none: {facts['why']} 3D views need it; planes are painted without",
            "install the graphics card's driver (Mesa: libgl1, libegl1)",
        )
    elif facts["software"]:
        yield note(
            "OpenGL",
            f"{facts['renderer']}: drawn by the processor, so planes are painted without it, and "
            "3D views are slow",
            "with a graphics card: install its driver, and sit before the machine",
        )
    else:
        yield good("OpenGL", f"{facts['renderer']}. {facts['why']}")

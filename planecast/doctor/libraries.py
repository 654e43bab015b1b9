"""Libraries: which are there, whether their versions will do, and whether they can be loaded."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

from planecast.doctor.finding import Finding, Patient, Role, bad, good, note
from planecast.doctor.requirements import Requirement, requirements

CHECK = "libraries"
LOAD_TIMEOUT_S = 60.0
_NATIVE = {
    "agent": ("zmq", "msgspec", "sqlite3"),
    "reader": ("numpy", "imagecodecs", "tifffile"),
    "viewer": ("numpy", "PySide6.QtWidgets", "vispy"),
}
"""What a role loads first. One that is there may still lack a library of the system."""


def look_at_libraries(patient: Patient) -> Iterator[Finding]:
    """Look at all that the roles need."""
    yield good(
        CHECK,
        f"planecast {version('planecast')}, Python {platform.python_version()} on "
        f"{platform.system()} {platform.release()}",
    )
    yield from _look_at(patient, "agent", "")
    for role in ("reader", "viewer"):
        yield from _look_at(patient, role, role)
    yield from _look_at_curve()


def _look_at(patient: Patient, role: Role, extra: str) -> Iterator[Finding]:
    needed = [one for one in requirements() if one.extra == extra]
    missing = [one.name for one in needed if one.installed() is None]
    what = f"planecast[{extra}]" if extra else "planecast"
    if role not in patient.roles:
        yield note(CHECK, f"no {role} here: {what} is not installed", f"pip install '{what}'")
        return
    if missing:
        way_out = f"pip install '{what}'"
        yield bad(CHECK, f"for the {role} these are missing: {', '.join(missing)}", way_out)
        return
    wrong = [one for one in needed if not one.allows(one.installed() or "")]
    for one in wrong:
        yield bad(
            CHECK,
            f"{one.name} {one.installed()} is installed, {one.wanted} is needed",
            f"pip install --upgrade '{what}'",
        )
    yield _load(role, needed, what)


def _load(role: Role, needed: list[Requirement], what: str) -> Finding:
    """Load the native ones in a process of their own, which may crash."""
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    names = _NATIVE[role]
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *names],
            capture_output=True, text=True, check=False, timeout=LOAD_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return bad(
            CHECK,
            f"loading {', '.join(names)} takes more than {LOAD_TIMEOUT_S:.0f} s",
            "is the environment on a network share that hangs? Install it on a local disk",
        )
    if done.returncode == 0:
        versions = ", ".join(f"{one.name} {one.installed()}" for one in needed)
        return good(CHECK, f"{role}: {versions}")
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return bad(
        CHECK,
        f"the {role}'s libraries can't be loaded: {last}",
        f"pip install --force-reinstall '{what}'; for a missing lib….so install the system's "
        "package that has it (./run of a checkout does)",
    )


def _look_at_curve() -> Iterator[Finding]:
    import zmq

    if not zmq.has("curve"):
        yield bad(
            CHECK,
            "this pyzmq has no CURVE: other machines can't be let in",
            "install the wheel of pyzmq from PyPI",
        )

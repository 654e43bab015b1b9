"""The clock: shown to people and stored with planes, never used by logic."""

import ctypes
import sys
import time
from collections.abc import Iterator

from planecast.doctor.finding import Finding, Patient, bad, good, note

CHECK = "clock"
EARLIEST = 1_735_689_600.0
"""2025 began: planecast is younger than that."""
_TIME_ERROR = 5
"""What adjtimex(2) returns of a clock that nobody sets."""
_WAY_OUT = "have it set from the network: timedatectl set-ntp true (chrony, ntpd)"


def look_at_clock(_patient: Patient) -> Iterator[Finding]:
    """Look whether it can be right, and whether somebody sets it."""
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() < EARLIEST:
        yield bad(CHECK, f"it says {now}, which is in the past", _WAY_OUT)
    elif (synchronized := _is_synchronized()) is None:
        yield good(CHECK, now)
    elif synchronized:
        yield good(CHECK, f"{now}, set from the network")
    else:
        text = f"{now}; nobody sets it, so times of several machines may differ"
        yield note(CHECK, text, _WAY_OUT)


def _is_synchronized() -> bool | None:
    """Ask the kernel; `None` where it can't be asked."""
    if sys.platform != "linux":
        return None
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    state = adjtimex(ctypes.create_string_buffer(512))  # zeros: change nothing
    return None if state < 0 else state != _TIME_ERROR

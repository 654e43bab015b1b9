"""Limits that the system sets to a process."""

import sys
from collections.abc import Iterator

from planecast.doctor.finding import Finding, Patient, bad, good, note

CHECK = "limits"
FEW_FILES = 256
"""Agent and worker need a descriptor a client, and some dozens of their own."""
SOME_FILES = 1024


def look_at_limits(_patient: Patient) -> Iterator[Finding]:
    """Look at how many files a process may have open."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"a process may have {_said(soft)} files open"
    way_out = (
        f"ulimit -n {max(4096, SOME_FILES)} before the programs are started, LimitNOFILE=4096 in "
        f"a systemd unit (the hard limit is {_said(hard)})"
    )
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        yield bad(CHECK, f"{text}, too few for more than a few clients", way_out)
    elif soft != resource.RLIM_INFINITY and soft < SOME_FILES:
        yield note(CHECK, f"{text}, few for many clients", way_out)
    else:
        yield good(CHECK, text)


def _said(limit: int) -> str:
    return "any number of" if limit < 0 or limit > 1 << 40 else f"{limit:,}"

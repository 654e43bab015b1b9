"""The roots: names of folders that images lie in."""

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from planecast.doctor.finding import Finding, Patient, bad, good, note
from planecast_protocol.configuration import configuration

CHECK = "roots"


def look_at_roots(_patient: Patient) -> Iterator[Finding]:
    """Look at each root that is configured."""
    roots = {alias: Path(folder) for alias, folder in configuration().roots.items()}
    if not roots:
        yield note(
            CHECK,
            "none are configured: the reader worker serves all files that its user may read",
            "before others may ask it, list folders: [roots] in planecast.toml, or --root",
        )
    for alias, folder in roots.items():
        yield _look_at(alias, folder)
    for (one, inner), (other, outer) in combinations(roots.items(), 2):
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            yield note(CHECK, f"{one} and {other} overlap: files are named by the deeper one")


def _look_at(alias: str, folder: Path) -> Finding:
    where = f"{alias}: {folder}"
    way_out = f"mount or make it, or correct {alias} below [roots] (PLANECAST_ROOTS)"
    try:
        if not folder.is_dir():
            return bad(CHECK, f"{where} is no folder", way_out)
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as trouble:
        return bad(CHECK, f"{where} can't be read: {trouble.strerror}", way_out)
    return good(CHECK, where)

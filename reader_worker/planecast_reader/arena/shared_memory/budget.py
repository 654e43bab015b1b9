"""How much memory the arena may take: what is free, and what the control groups leave."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

DEFAULT_ARENA_BYTES = 2 << 30
_CGROUPS = Path("/sys/fs/cgroup")
_PROC = Path("/proc")


def affordable(wanted: int, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Return `wanted`, or less: a quarter of what is free, half of what the groups leave.

    Beyond a control group's limit the kernel kills instead of refusing.
    """
    budget = min(wanted, available_bytes(proc) // 4)
    left = _cgroup_bytes_left(proc, cgroups)
    return budget if left is None else min(budget, left // 2)


def available_bytes(proc: Path = _PROC) -> int:
    """Return the memory that is free for programs; a guess where the system does not tell."""
    with contextlib.suppress(OSError, ValueError), (proc / "meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * DEFAULT_ARENA_BYTES


def _cgroup_bytes_left(proc: Path, cgroups: Path) -> int | None:
    """Return what the tightest group leaves that this process is in; None without a limit."""
    left = [_left_in(group) for group in _groups(proc, cgroups)]
    return min((n for n in left if n is not None), default=None)


def _groups(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Yield this process's memory groups, inmost first; then the root, a container's own."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = cgroups / "memory" if controllers else cgroups
        group = root / path.lstrip("/")
        while group != root and root in group.parents:
            yield group
            group = group.parent
    yield from (cgroups, cgroups / "memory")


def _left_in(group: Path) -> int | None:
    """Return what a group's limit leaves, by version 2 and then 1; None without a limit.

    Its page cache counts as used, yet is given up when memory is asked for.
    """
    for limit_name, usage_name, cache_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError):
            limit = int((group / limit_name).read_text())  # "max" is no number: no limit
            used = int((group / usage_name).read_text())
            return max(0, limit - max(0, used - _statistic(group, cache_name)))
    return None


def _statistic(group: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0

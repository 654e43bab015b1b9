"""Shuts a reader process in: the files beneath the roots, and what Python and its libraries are.

A format may name other files: a companion, the parts of an image, chunks that are links. Its
library opens them by itself, by names. So the kernel is asked to refuse all others (Landlock,
Linux 5.13 and later), which no link and no race gets around. Elsewhere what Python opens is
looked at before.
"""

import ctypes
import errno
import logging
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

logger = logging.getLogger(__name__)

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_SYSTEM = (
    *("/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/lib", "/lib", "/lib64"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/proc/cpuinfo", "/proc/meminfo"),
    *("/proc/self/fd", "/proc/self/maps", "/proc/self/status", "/proc/self/statm"),
    *("/proc/self/stat", "/proc/self/cgroup", "/proc/sys/vm", "/sys/devices/system"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
)
"""What libraries read of a system: no secrets, and no images."""


def enclose(roots: Iterable[Path]) -> bool:
    """Let this process read nothing else from now on; return whether the kernel sees to it.

    Call it before any thread is started: threads that are there already stay free.
    """
    allowed = [*map(Path, roots), *_own_places()]
    try:
        _enclose_by_kernel(allowed)
    except OSError as trouble:
        logger.warning("no Landlock here (%s): a reader looks at names only", trouble)
        _enclose_by_name(allowed)
        return False
    return True


def _own_places() -> list[Path]:
    """Return where Python, its libraries and we are."""
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    # `python -m` puts the folder that it was started in first: anybody's home, perhaps.
    places |= {entry for entry in sys.path if entry and Path(entry) != Path.cwd()}
    places |= {str(Path(module).parent) for module in _files_of_modules()}
    places |= set(filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)))
    return [Path(place) for place in (*sorted(places), *_SYSTEM) if place not in ("/", "")]


def _files_of_modules() -> list[str]:
    """Return where our packages are: an editable installation has them beside one another."""
    modules = list(sys.modules.values())
    return [file for one in modules if (file := getattr(one, "__file__", None)) is not None]


def _enclose_by_kernel(allowed: list[Path]) -> None:
    """Shut this thread in, and those that it starts. Raises `OSError` without Landlock."""
    if sys.platform != "linux":
        raise OSError("not on Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = struct.pack("Q", _READ_FILE | _READ_DIR)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        for place in allowed:
            _allow(libc, ruleset, place)
        _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, place: Path) -> None:
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it is not there
    try:
        access = _READ_FILE | (_READ_DIR if place.is_dir() else 0)
        rule = struct.pack("=Qi", access, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _enclose_by_name(allowed: list[Path]) -> None:
    real = [os.path.realpath(place) for place in allowed]

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes):
            return  # a descriptor, which was opened before
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not any((path + os.sep).startswith(place.rstrip(os.sep) + os.sep) for place in real):
            raise PermissionError(errno.EACCES, "outside the roots", path)

    sys.addaudithook(look)

"""Opens what lies beneath a folder, and nothing else, whoever swaps folders for links meanwhile.

Links within the folder may be followed: where they lead to is found out first, and that path is
opened from the folder down without following any.
"""

import ctypes
import errno
import os
import stat
import struct
from pathlib import Path

from planecast_protocol.errors import NotAllowedError

_OPENAT2 = 437
"""Number of the system call, the same on all of Linux's machines but alpha."""
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
"""Opening for a look only: it neither waits for a FIFO nor wakes a device."""
_TRIES = 3
"""A folder that is being moved may be on another path than a moment ago."""

_has_openat2 = hasattr(os, "O_PATH")


def open_beneath(root: Path, relative: str, wire_path: str) -> int:
    """Return a descriptor, good for `os.fstat`, of what lies at `relative` beneath `root`.

    Raises `NotAllowedError` if that leads outside, and `OSError`.
    """
    for attempt in range(_TRIES):
        real_root = os.path.realpath(root)
        real = os.path.realpath(Path(real_root) / relative, strict=True)
        if os.path.commonpath([real_root, real]) != real_root:
            raise NotAllowedError(
                f"{wire_path}: a link leads outside the root {root}", path=wire_path
            )
        try:
            return _open_without_links(real_root, os.path.relpath(real, real_root))
        except OSError as trouble:
            # A link, where there was none a moment ago: somebody plays with us, or moves it.
            if trouble.errno not in (errno.ELOOP, errno.EXDEV, errno.EAGAIN, errno.ENOTDIR):
                raise
            if attempt + 1 == _TRIES:
                raise NotAllowedError(
                    f"{wire_path}: its folders change while it is opened", path=wire_path
                ) from None
    raise AssertionError


def check_hard_link(descriptor: int, path: Path, wire_path: str) -> None:
    """Raise `NotAllowedError` for a second name of a file that somebody else may have made.

    A hard link can't be told from the file. It is taken where only the file's own user (or root)
    could have put it: the folder belongs to one of them, and no other may write there.
    """
    found = os.fstat(descriptor)
    if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1 or not hasattr(os, "getuid"):
        return
    folder = Path(os.path.realpath(path)).parent.stat()
    others = stat.S_IMODE(folder.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
    if folder.st_uid not in (found.st_uid, 0) or others:
        raise NotAllowedError(
            f"{wire_path}: a hard link in a folder where others may put some; copy the file",
            path=wire_path,
        )


def _open_without_links(real_root: str, relative: str) -> int:
    root = os.open(real_root, _LOOK | getattr(os, "O_DIRECTORY", 0) | os.O_CLOEXEC)
    if relative == ".":
        return root
    try:
        if _has_openat2:
            try:
                return _openat2(root, relative)
            except OSError as trouble:
                if trouble.errno not in (errno.ENOSYS, errno.EPERM):
                    raise
        return _walk(root, relative)
    finally:
        os.close(root)


def _openat2(root: int, relative: str) -> int:
    """Have the kernel walk down (Linux 5.6 and later)."""
    how = struct.pack("QQQ", _LOOK | os.O_CLOEXEC, 0, _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS)
    libc = ctypes.CDLL(None, use_errno=True)
    number = libc.syscall(_OPENAT2, root, os.fsencode(relative), how, len(how))
    if number < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), relative)
    return int(number)


def _walk(root: int, relative: str) -> int:
    """Open one folder after the other, none of them by a link."""
    here = os.dup(root)
    *folders, last = Path(relative).parts
    try:
        for folder in folders:
            flags = _LOOK | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
            there = os.open(folder, flags, dir_fd=here)
            os.close(here)
            here = there
        found = os.open(last, _LOOK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
    if stat.S_ISLNK(os.fstat(found).st_mode):  # what O_PATH opens instead of failing
        os.close(found)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), relative)
    return found

"""How many files a program may have open: each connection is one, and so is the journal.

libzmq ends the process when a connection of this machine comes and none is left (EMFILE in its
listener for `ipc`), so strangers must never be able to use them up.
"""

import sys

WANTED = 8192
MAX_CONNECTIONS = 1024
_OWN = 128
"""Files that a program needs besides its connections."""


def allow_many_files() -> int:
    """Raise this process's limit, as far as the system lets it; return the limit."""
    if sys.platform == "win32":  # no such limit that would matter
        return WANTED
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return WANTED if soft == resource.RLIM_INFINITY else soft


def connections_of(n_sockets: int) -> int:
    """Return how many connections each of the sockets of a program may have.

    Half of what there is: libzmq takes some more before we see it.
    """
    return max(16, min(MAX_CONNECTIONS, (allow_many_files() - _OWN) // (2 * n_sockets)))

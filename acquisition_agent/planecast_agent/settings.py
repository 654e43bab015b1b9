"""Where the agent and the controllers keep their files, and which roots name the images."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from planecast_agent.roles import EVERYTHING, Role
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.errors import BadPathError
from planecast_protocol.paths import local_roots


def default_state_dir() -> Path:
    """Return the folder of this user's agent: its journal, its lock."""
    return platformdirs.user_state_path("planecast") / "agent"


def default_spool_dir() -> Path:
    """`PLANECAST_SPOOL_DIR`, else a folder that survives a reboot.

    Controllers write their spools here, and the agent of the same machine looks here for
    spools whose writer died.
    """
    named = os.environ.get("PLANECAST_SPOOL_DIR")
    return Path(named) if named else platformdirs.user_state_path("planecast") / "spool"


def roots_from_environment() -> dict[str, Path]:
    """Return the roots in `PLANECAST_ROOTS` (`data=/data:img=/img`), else the whole file system.

    Raises `BadPathError` for an entry that is not `alias=absolute folder`.
    """
    listed = os.environ.get("PLANECAST_ROOTS", "")
    roots = {}
    for entry in filter(None, listed.split(os.pathsep)):
        alias, equals, folder = entry.partition("=")
        if not equals or not alias or ":" in alias or not Path(folder).is_absolute():
            raise BadPathError(
                f"PLANECAST_ROOTS has {entry!r}; write alias=/absolute/folder, "
                f"several with {os.pathsep!r} between"
            )
        roots[alias] = Path(folder)
    return roots or local_roots()


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """What an agent is started with."""

    address: str = field(default_factory=default_agent_address)
    """`ipc://path` or `tcp://127.0.0.1:port`; other machines come through a forwarded port."""
    state_dir: Path = field(default_factory=default_state_dir)
    spool_dir: Path = field(default_factory=default_spool_dir)
    roles: Mapping[str, frozenset[Role]] = field(default_factory=lambda: dict(EVERYTHING))
    """User to what that user may do; `roles.LOCAL` is whoever comes without a key."""
    worker: str = ""
    """Where the reader worker that belongs to this agent listens; empty: not known."""
    keep_days: float | None = None
    """Forget acquisitions so long after their last event; `None`: never."""

"""Where the agent and the controllers keep their files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from planecast_agent.roles import EVERYTHING, Role
from planecast_protocol.configuration import configuration
from planecast_protocol.endpoints import default_agent_address


def default_state_dir() -> Path:
    """Return the folder of this user's agent: its journal, its lock."""
    named = configuration().folders.state
    return Path(named) if named else platformdirs.user_state_path("planecast") / "agent"


def default_spool_dir() -> Path:
    """Return the configured one, else a folder that survives a reboot.

    Controllers write their spools here, and the agent of the same machine looks here for
    spools whose writer died.
    """
    named = configuration().folders.spool
    return Path(named) if named else platformdirs.user_state_path("planecast") / "spool"


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

"""Where the agent and the controllers keep their files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from planecast_agent.roles import EVERYTHING
from planecast_protocol.configuration import configuration
from planecast_protocol.endpoints import default_agent_address
from planecast_protocol.keys.folder import default_key_folder
from planecast_protocol.keys.guests import Role


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
    """`ipc://path` or `tcp://127.0.0.1:port`, for this machine."""
    remote: str = ""
    """`tcp://host:port` for other machines, with keys; `*` is every network. Empty: for none."""
    keys: Path = field(default_factory=default_key_folder)
    """Folder of the keys."""
    state_dir: Path = field(default_factory=default_state_dir)
    spool_dir: Path = field(default_factory=default_spool_dir)
    roles: Mapping[str, frozenset[Role]] = field(default_factory=lambda: dict(EVERYTHING))
    """User to what that user may do; `roles.LOCAL` is whoever comes without a key."""
    worker: str = ""
    """Where the reader worker that belongs to this agent listens; empty: not known."""
    remote_worker: str = ""
    """Where it listens for other machines; the host `*` is the one by which they reach us."""
    withheld: frozenset[Role] = frozenset()
    """What no key may do, whatever the list of guests says."""
    announce: bool = False
    """Tell the local network of `remote`."""
    keep_days: float | None = None
    """Forget acquisitions so long after their last event; `None`: never."""

"""Every lasting setting: its key, its type, its environment variable and its flag.

What nobody said is `None`, where the program itself knows better than a constant.
"""

from typing import Annotated, Literal

import msgspec

from planecast_protocol.limits import READ_TIMEOUT_S

Canvas = Literal["auto", "vispy", "raster"]
SharedMemory = Literal["memfd", "posix", "none"]


def setting(variable: str, flags: str = "", otherwise: str = "") -> msgspec.Meta:
    """Say how else a field may be set. `otherwise`: what counts where nobody says anything."""
    return msgspec.Meta(extra={"variable": variable, "flags": flags, "otherwise": otherwise})


Folder = Annotated[str, msgspec.Meta(extra={"kind": "folder"})]
"""Absolute; `~` is the user's home."""
AgentPlace = Annotated[str, msgspec.Meta(extra={"kind": "agent"})]
WorkerPlace = Annotated[str, msgspec.Meta(extra={"kind": "worker"})]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Folders(Section, frozen=True, kw_only=True):
    """Where planecast keeps its own files."""

    runtime: Annotated[Folder | None, setting("PLANECAST_RUNTIME_DIR")] = None
    """Sockets and locks; of one user alone, mode 700."""
    spool: Annotated[Folder | None, setting("PLANECAST_SPOOL_DIR", "agent, watch --spool-dir")] = (
        None
    )
    """Spools of the controllers; on a disk that survives a reboot."""
    state: Annotated[Folder | None, setting("PLANECAST_STATE_DIR", "agent --state-dir")] = None
    """Journal of the agent."""
    cache: Annotated[Folder | None, setting("PLANECAST_CACHE_DIR")] = None
    """Thumbnails."""
    settings: Annotated[Folder | None, setting("PLANECAST_CONFIG_DIR")] = None
    """What the viewer remembers."""
    keys: Annotated[Folder | None, setting("PLANECAST_KEYS", "--keys")] = None
    """Keys for other machines; of one user alone, mode 700."""


class AgentSection(Section, frozen=True, kw_only=True):
    """The acquisition agent."""

    address: Annotated[
        AgentPlace | None, setting("PLANECAST_AGENT", "--agent; agent --address")
    ] = None
    """Where controllers and viewers of this machine find it, and where it listens."""
    listen: Annotated[
        list[AgentPlace], setting("PLANECAST_AGENT_LISTEN", "agent --address", "agent.address")
    ] = msgspec.field(default_factory=list)
    """Where it listens, if that is not `address`, or not only."""
    worker: Annotated[
        list[WorkerPlace], setting("PLANECAST_AGENT_WORKER", "agent --worker", "not told")
    ] = msgspec.field(default_factory=list)
    """Address of the reader worker that it tells viewers of."""
    keep_days: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e6)] | None,
        setting("PLANECAST_AGENT_KEEP_DAYS", "agent --keep-days", "never"),
    ] = None
    """Forget acquisitions so long after their last event."""
    commands: Annotated[bool, setting("PLANECAST_AGENT_COMMANDS", "agent --no-commands")] = True
    """Whether commands to controllers are let through."""
    announce: Annotated[bool, setting("PLANECAST_AGENT_ANNOUNCE", "agent --announce")] = False
    """Whether the local network is told where it listens for other machines."""


class Formats(Section, frozen=True, kw_only=True):
    """The reader of a format, where there are two."""

    czi: Annotated[str | None, setting("PLANECAST_READER_CZI", "", "pylibCZIrw")] = None
    lif: Annotated[str | None, setting("PLANECAST_READER_LIF", "", "liffile")] = None


class ReaderSection(Section, frozen=True, kw_only=True):
    """The reader worker."""

    address: Annotated[
        WorkerPlace | None, setting("PLANECAST_WORKER", "--worker; reader --address")
    ] = None
    """Where viewers and scripts of this machine find it, and where it listens."""
    listen: Annotated[
        list[WorkerPlace], setting("PLANECAST_READER_LISTEN", "reader --address", "reader.address")
    ] = msgspec.field(default_factory=list)
    """Where it listens, if that is not `address`, or not only."""
    processes: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1024)] | None,
        setting("PLANECAST_READER_PROCESSES", "reader --readers", "2 to 4, by the processors"),
    ] = None
    """How many files are read at once."""
    cache_mib: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=1 << 30)] | None,
        setting("PLANECAST_READER_CACHE_MIB", "reader --cache-mib", "2048, or what can be spared"),
    ] = None
    """Shared memory for planes; 0: none, and planes travel through sockets."""
    memory_mib: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=1 << 30)],
        setting("PLANECAST_READER_MEMORY_MIB", "reader --memory-mib"),
    ] = 4096
    """Limit of each reader process beyond the cache; 0: none."""
    read_timeout_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0.1, le=3600)],
        setting("PLANECAST_READER_READ_TIMEOUT_S", "reader --read-timeout-s"),
    ] = READ_TIMEOUT_S
    """For a plane, besides the time for its bytes."""
    shared_memory: Annotated[
        SharedMemory | None, setting("PLANECAST_SHARED_MEMORY", "", "by the system")
    ] = None
    """How planes are shared."""
    formats: Formats = msgspec.field(default_factory=Formats)


class ViewerSection(Section, frozen=True, kw_only=True):
    """The viewer."""

    canvas: Annotated[Canvas, setting("PLANECAST_VIEWER_CANVAS", "view --canvas")] = "auto"
    """vispy needs a real graphics card."""
    worker: Annotated[
        WorkerPlace | None,
        setting("PLANECAST_VIEWER_WORKER", "view --worker", "the agent's, reader.address, its own"),
    ] = None
    """Address of the reader worker, whatever the agent says."""


class WatchSection(Section, frozen=True, kw_only=True):
    """Folders that become acquisitions."""

    folders: Annotated[list[Folder], setting("PLANECAST_WATCH_FOLDERS", "agent --watch")] = (
        msgspec.field(default_factory=list)
    )
    """Watched by the agent."""
    presets: Annotated[list[str], setting("PLANECAST_WATCH_PRESETS", "agent --watch-preset")] = (
        msgspec.field(default_factory=list)
    )
    """Layouts to look for in them; all, if empty."""
    pattern: Annotated[
        str | None, setting("PLANECAST_WATCH_PATTERN", "agent --watch-pattern", "presets")
    ] = None
    """Names of their files, instead of presets."""
    end_after_idle_s: Annotated[
        Seconds | None,
        setting("PLANECAST_WATCH_END_AFTER_IDLE_S", "agent --watch-end-after-idle", "never"),
    ] = None
    """End an acquisition in them when no file came for so long."""
    poll: Annotated[bool, setting("PLANECAST_WATCH_POLL", "watch --poll")] = False
    """Look again and again, as on network shares. For all watchers."""
    settle_s: Annotated[Seconds, setting("PLANECAST_WATCH_SETTLE_S", "watch --settle")] = 2.0
    """Without surprises, before an acquisition that nothing describes starts. For all watchers."""


class Configuration(Section, frozen=True, kw_only=True):
    """The whole file."""

    roots: Annotated[
        dict[str, Folder],
        setting("PLANECAST_ROOTS", "reader --root", "all files of this machine, as local:"),
    ] = msgspec.field(default_factory=dict)
    """Alias to folder: how controllers name images, and what the reader worker serves."""
    folders: Folders = msgspec.field(default_factory=Folders)
    agent: AgentSection = msgspec.field(default_factory=AgentSection)
    reader: ReaderSection = msgspec.field(default_factory=ReaderSection)
    viewer: ViewerSection = msgspec.field(default_factory=ViewerSection)
    watch: WatchSection = msgspec.field(default_factory=WatchSection)

"""Shows a picture as tables."""

import time
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from planecast.status.picture import StatusPicture, WorkerPicture
from planecast_protocol.state_messages import PartState

_STYLES = {
    "live": "green",
    "running": "green",
    "idle": "green",
    "silent": "bold red",
    "absent": "bold red",
    "gone": "dim",
    "connecting": "yellow",
    "starting": "yellow",
    "busy": "cyan",
    "aborted": "yellow",
}


def console() -> Console:
    """Return where tables are shown; into a pipe they are written wide, and without colours."""
    made = Console()
    return made if made.is_terminal else Console(width=160)


def render(picture: StatusPicture) -> RenderableType:
    """Return all of it; what is silent comes last, where it is seen."""
    shown: list[RenderableType] = [_programs(picture)]
    if picture.acquisitions:
        shown.append(_acquisitions(picture))
    if picture.worker.status is not None:
        shown += [_cache(picture.worker), _readers(picture.worker)]
    if picture.silent:
        shown += [Text(sentence, style="bold red") for sentence in picture.silent]
    else:
        shown.append(Text("all answer", style="green"))
    return Group(*shown)


def _programs(picture: StatusPicture) -> Table:
    table = _table(
        f"planecast, {time.strftime('%H:%M:%S', time.localtime(picture.at))}",
        ("program", "state", "process", "up", "name or address", "lag"),
    )
    agent, worker = picture.agent, picture.worker
    beat = agent.beat if agent.life == "live" else None
    where = _process(beat.pid, beat.host) if beat else ""
    up = _span(beat.uptime_s) if beat else ""
    table.add_row("agent", _state(agent.life, agent.silent_s), where, up, agent.address, "")
    status = worker.status
    lag = "" if status is None else f"{status.queued} queued, {status.pending} not yet whole"
    up = _span(status.uptime_s) if status else ""
    table.add_row("worker", _state(worker.life, worker.silent_s), "", up, worker.address, lag)
    for state in picture.controllers:
        _add_part(table, state, "")
    for state in picture.viewers:
        shows = f" shows {state.part.shows}" if state.part.shows else ""
        lag = f"{state.part.behind:,} events behind" if state.part.behind else "none"
        _add_part(table, state, lag if state.life == "live" else "", shows)
    return table


def _add_part(table: Table, state: PartState, lag: str, more: str = "") -> None:
    part = state.part
    life = _state(state.life, state.silent_s)
    table.add_row(part.kind, life, _process(part.pid, part.host), "", part.name + more, lag)


def _acquisitions(picture: StatusPicture) -> Table:
    columns = ("acquisition", "state", "controller", "planes", "planes/s", "size")
    table = _table("", columns, right=(3, 4, 5))
    for one in picture.acquisitions:
        summary = one.summary
        table.add_row(
            summary.acquisition,
            _state(summary.state),
            _state(summary.controller),
            f"{summary.planes:,}",
            "" if one.planes_per_s is None else f"{one.planes_per_s:g}",
            _size(summary.n_bytes),
        )
    return table


def _cache(worker: WorkerPicture) -> Table:
    status = worker.status
    assert status is not None
    table = _table("", ("cache", "of", "planes/s", "read", "from cache", "leased", "clients"))
    served = status.reads + status.cache_hits
    share = f" ({status.cache_hits / served:.0%})" if served else ""
    table.add_row(
        _size(status.arena_used_bytes),
        _size(status.arena_bytes),
        "" if worker.planes_per_s is None else f"{worker.planes_per_s:g}",
        f"{status.reads:,}",
        f"{status.cache_hits:,}{share}",
        f"{status.leased_slots:,}",
        f"{status.clients - 1:,}",  # one of them is us
    )
    return table


def _readers(worker: WorkerPicture) -> Table:
    status = worker.status
    assert status is not None
    replaced = f", {status.readers_replaced} replaced so far" if status.readers_replaced else ""
    table = _table(f"reader processes{replaced}", ("process", "state", "reads", "at", "for"))
    for one in worker.readers:
        busy = f"{one.busy_s:.1f} s" if one.state == "busy" else ""
        table.add_row(str(one.pid), _state(one.state), f"{one.reads:,}", one.path, busy)
    for path in status.quarantined:
        table.add_row("", Text("left alone", style="yellow"), "", path, "")
    return table


def _table(title: str, columns: Iterable[str], right: tuple[int, ...] = ()) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for number, name in enumerate(columns):
        justify = "right" if number in right else "left"
        table.add_column(name, justify=justify, header_style="dim", overflow="fold")  # type: ignore[arg-type]  # a Literal
    return table


def _state(name: str, silent_s: float = 0.0) -> Text:
    said = f"{name} for {silent_s:.0f} s" if name == "silent" else name
    return Text(said, style=_STYLES.get(name, ""))


def _process(pid: int, host: str) -> str:
    return f"{pid} on {host}" if pid else ""


def _span(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {int(seconds) % 60} s"


def _size(n_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"

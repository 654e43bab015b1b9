"""`planecast acquisitions`: what an agent remembers, and how it is made to forget."""

import re
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from planecast.cli import acquisitions_export, acquisitions_rescan
from planecast.cli.tables import print_json
from planecast_protocol.errors import PlanecastError

if TYPE_CHECKING:
    from planecast_protocol.agent_messages import AcquisitionSummary
    from planecast_protocol.retention_messages import AcquisitionDetails

app = typer.Typer(rich_markup_mode=None)
app.command("export")(acquisitions_export.command)
app.command("rescan")(acquisitions_rescan.command)

Agent = Annotated[str | None, typer.Option(help="Address of the agent.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Which = Annotated[str, typer.Argument(help="An id, a name (its newest) or: latest.")]

_AGE_S = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


@app.callback(invoke_without_command=True)
def acquisitions(context: typer.Context, agent: Agent = None, json: AsJson = False) -> None:
    """List, show, export and forget the acquisitions of an agent.

    Example: planecast acquisitions --json
    """
    if context.invoked_subcommand is None:
        _list(agent, as_json=json)


@app.command("list")
def list_all(agent: Agent = None, json: AsJson = False) -> None:
    """List the acquisitions of an agent, oldest first.

    Example: planecast acquisitions list --json
    """
    _list(agent, as_json=json)


def _list(agent: str | None, *, as_json: bool) -> None:
    import msgspec

    from planecast_agent.subscriber.journal_client import JournalClient

    with JournalClient(agent) as journal:
        listed = journal.list()
    if as_json:
        print_json(msgspec.to_builtins(listed))
        return
    for one in listed:
        print(
            f"{_local(one.started_at)}  {one.state:7}  {_controller(one):6}  "
            f"{one.planes:9,} planes  {_size(one.n_bytes):>8}  {one.name}  {one.acquisition}"
        )


@app.command()
def show(acquisition: Which = "latest", agent: Agent = None, json: AsJson = False) -> None:
    """Show all about one acquisition: its axes, how far it is, and what was wrong.

    Example: planecast acquisitions show exp7
    """
    import msgspec

    from planecast_agent.subscriber.journal_client import JournalClient

    with JournalClient(agent) as journal:
        details = journal.describe(journal.find(acquisition).acquisition)
    if json:
        facts = msgspec.to_builtins(details)
        for mechanics in ("k", "v", "request"):
            facts.pop(mechanics, None)
        print_json(facts)
        return
    for name, text in _lines(details):
        print(f"{name:14}{text}")


@app.command()
def forget(
    acquisitions: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Ids of acquisitions.")
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="All whose last event is older: 12h, 30d, 8w."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Those too whose controller is running.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be forgotten.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    agent: Agent = None,
    json: AsJson = False,
) -> None:
    """Delete acquisitions from the agent's journal. Image files are not touched.

    Example: planecast acquisitions forget --older-than 30d --yes
    """
    from planecast_agent.subscriber.journal_client import JournalClient

    if bool(acquisitions) == bool(older_than):
        raise typer.BadParameter("give ids, or --older-than AGE", param_hint="ID...")
    age_s = _parse_age(older_than) if older_than else None
    failures: list[str] = []
    forgotten: list[dict[str, str | int]] = []
    with JournalClient(agent) as journal:
        chosen = _choose(journal.list(), acquisitions or [], age_s, force=force)
        if not dry_run and chosen and not yes:
            _confirm(chosen)
        for one in chosen:
            try:
                n_bytes = 0 if dry_run else journal.forget(one.acquisition, force=force)
            except PlanecastError as trouble:
                failures.append(trouble.message)
                continue
            forgotten.append({"acquisition": one.acquisition, "n_bytes": n_bytes or one.n_bytes})
    _tell(forgotten, failures, dry_run=dry_run, as_json=json)


def _tell(
    forgotten: list[dict[str, str | int]], failures: list[str], *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        print_json({"forgotten": forgotten, "dry_run": dry_run, "failures": failures})
    else:
        for fact in forgotten:
            print(f"{'would forget' if dry_run else 'forgot'} {fact['acquisition']}")
    for failure in failures:
        print(f"planecast: {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _choose(
    listed: "list[AcquisitionSummary]", ids: list[str], age_s: float | None, *, force: bool
) -> "list[AcquisitionSummary]":
    """Return what is to be forgotten; raise `AcquisitionError` for an id that is not there."""
    from planecast_protocol.errors import AcquisitionError

    known = {one.acquisition: one for one in listed}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise AcquisitionError(
            f"no acquisition {', '.join(unknown)}; ids are in: planecast acquisitions list"
        )
    if age_s is None:
        return [known[name] for name in dict.fromkeys(ids)]
    before = time.time() - age_s
    old = [one for one in listed if 0 < one.stored_at < before]
    return [one for one in old if force or one.state != "running" or one.controller == "gone"]


def _confirm(chosen: "list[AcquisitionSummary]") -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: add --yes", param_hint="--yes")
    for one in chosen:
        print(f"{_local(one.started_at)}  {one.planes:9,} planes  {one.acquisition}")
    typer.confirm(f"Forget {len(chosen)} acquisitions?", abort=True)


def _parse_age(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not an age: 12h, 30d, 8w", param_hint="--older-than")
    return float(found[1]) * _AGE_S[found[2]]


# ---------------------------------------------------------------- as people read it


def _lines(details: "AcquisitionDetails") -> list[tuple[str, str]]:
    start, summary = details.start, details.summary
    n_t = "open end" if start.num_t is None else str(start.num_t)
    per_t = len(start.fov_labels) * start.num_z * len(start.channels)
    expected = "" if start.num_t is None else f" of {start.num_t * per_t:,}"
    lines = [
        ("name", start.name),
        ("id", start.acquisition),
        ("state", f"{summary.state}, controller {summary.controller}"),
        ("started", _local(start.started_at)),
    ]
    if details.ended_at is not None:
        why = f": {details.end_reason}" if details.end_reason else ""
        lines.append(("ended", _local(details.ended_at) + why))
    lines += [
        ("registered", f"{summary.planes:,} planes{expected}"),
        ("axes", f"t {n_t}, fov {len(start.fov_labels)}, z {start.num_z}"),
        ("channels", ", ".join(start.channels)),
        ("fovs", _shorten(start.fov_labels)),
        ("planes", f"{start.height} x {start.width} {start.dtype or ''}".strip()),
        ("size", f"{_size(summary.n_bytes)} in the journal, {summary.head:,} events"),
    ]
    if details.late:
        lines.append(("late", f"{details.late:,} planes came after the end"))
    if details.spool:
        lines.append(("spool", details.spool))
    if details.n_dead_letters:
        lines.append(("kept aside", f"{details.n_dead_letters:,} events could not be used"))
        lines += [("", f"event {letter.seq}: {letter.why}") for letter in details.dead_letters]
    return lines


def _controller(one: "AcquisitionSummary") -> str:
    return one.controller if one.state == "running" else ""


def _shorten(labels: list[str]) -> str:
    if len(labels) <= 6:
        return ", ".join(labels)
    return f"{', '.join(labels[:3])} … {labels[-1]} ({len(labels)})"


def _local(wall_time: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_time))


def _size(n_bytes: int) -> str:
    size = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"

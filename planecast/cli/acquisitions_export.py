"""`planecast acquisitions export`: a row for each plane of an acquisition."""

import csv
import json as json_text
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from planecast.cli.batch import tracked
from planecast.cli.tables import Out
from planecast_protocol.errors import MissingLibraryError

if TYPE_CHECKING:
    from planecast_protocol.agent_messages import AcquisitionSummary
    from planecast_protocol.columns import Columns
    from planecast_protocol.event_messages import StartAcquisition

Row = dict[str, Any]
_COLUMNS = (
    *("t", "fov", "fov_label", "z", "channel", "channel_name", "path", "scene", "page", "index"),
    *("size_bytes", "mtime_ns", "registered_at"),
)
ROWS_AT_ONCE = 65_536


class Format(StrEnum):
    """How the rows are written."""

    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    parquet = "parquet"


def command(
    acquisition: Annotated[
        str, typer.Argument(help="An id, a name (its newest) or: latest.")
    ] = "latest",
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", "-f", help="csv, json, jsonl or parquet.")
    ] = Format.csv,
    out: Out = None,
    agent: Annotated[str | None, typer.Option(help="Address of the agent.")] = None,
) -> None:
    """Write a row for each plane: where it is, and when it was registered.

    A plane that was registered again has the row of the last time.

    Example: planecast acquisitions export exp7 --format csv --out exp7.csv
    """
    from planecast_agent.subscriber.journal_client import JournalClient

    if format is Format.parquet and out is None:
        raise typer.BadParameter("parquet needs --out FILE", param_hint="--out")
    with JournalClient(agent) as journal:
        summary = journal.find(acquisition)
        start = journal.describe(summary.acquisition).start
        total = -(-summary.head // 8192)
        chunks = tracked(journal.chunks(summary.acquisition), total, summary.name)
        payloads = [payload for _chunk, payload in chunks]
    rows = _rows(start, payloads)
    match format:
        case Format.csv:
            _write_csv(rows, out)
        case Format.jsonl:
            _write_jsonl(rows, out)
        case Format.json:
            _write_json(summary, rows, out)
        case Format.parquet:
            assert out is not None
            _write_parquet(rows, out)


# ---------------------------------------------------------------- rows


def _rows(start: "StartAcquisition", payloads: list[bytes]) -> Iterator[Row]:
    """Yield the rows in the order of their last registration."""
    from planecast_protocol.columns import unpack

    newest: dict[int, int] = {}
    """Plane to its last row, counted over all chunks."""
    n_rows = 0
    for payload in payloads:
        columns = unpack(payload)
        newest.update(
            zip(_cells(start, columns), range(n_rows, n_rows + columns.planes), strict=True)
        )
        n_rows += columns.planes
    n_rows = 0
    for payload in payloads:
        columns = unpack(payload)
        rows = zip(_cells(start, columns), _rows_of(start, columns), strict=True)
        for number, (cell, row) in enumerate(rows, start=n_rows):
            if newest[cell] == number:
                yield row
        n_rows += columns.planes


def _cells(start: "StartAcquisition", columns: "Columns") -> Iterator[int]:
    """Yield a number for each row, the same for the same plane."""
    from planecast_protocol.columns import read_integers

    n_fovs, n_z, n_channels = len(start.fov_labels), start.num_z, len(start.channels)
    for t, fov, z, channel in zip(*read_integers(columns)[:4], strict=True):
        yield ((t * n_fovs + fov) * n_z + z) * n_channels + channel


def _rows_of(start: "StartAcquisition", columns: "Columns") -> Iterator[Row]:
    from planecast_protocol.columns import read_column, read_integers

    if not columns.planes:
        return
    table = zip(
        *read_integers(columns),
        columns.paths.split("\0"),
        read_column("d", columns.registered_at),
        read_column("q", columns.sizes),
        read_column("q", columns.mtimes),
        strict=True,
    )
    for number, row in enumerate(table):
        t, fov, z, channel, scene, page, *axes, path, registered_at, size, mtime = row
        given = {letter: n for letter, n in zip("TZC", axes, strict=True) if n >= 0}
        index = columns.odd_indices.get(number, given)
        yield {
            "t": t,
            "fov": fov,
            "fov_label": start.fov_labels[fov],
            "z": z,
            "channel": channel,
            "channel_name": start.channels[channel],
            "path": path,
            "scene": scene,
            "page": None if page < 0 else page,
            "index": json_text.dumps(index) if index else None,
            "size_bytes": None if size < 0 else size,
            "mtime_ns": None if mtime < 0 else mtime,
            "registered_at": datetime.fromtimestamp(registered_at, UTC).isoformat(),
        }


# ---------------------------------------------------------------- formats


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    """Open the file, or standard output; a file that could not be written whole is not left."""
    if out is None:
        yield sys.stdout
        return
    unfinished = out.with_name(out.name + ".part")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            yield file
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_csv(rows: Iterator[Row], out: Path | None) -> None:
    with _opened(out) as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_jsonl(rows: Iterator[Row], out: Path | None) -> None:
    with _opened(out) as file:
        for row in rows:
            file.write(json_text.dumps(row, ensure_ascii=False) + "\n")


def _write_json(summary: "AcquisitionSummary", rows: Iterator[Row], out: Path | None) -> None:
    import msgspec

    facts = json_text.dumps(msgspec.to_builtins(summary), ensure_ascii=False)
    with _opened(out) as file:
        file.write(f'{{"acquisition": {facts},\n"planes": [')
        for number, row in enumerate(rows):
            file.write((",\n" if number else "\n") + json_text.dumps(row, ensure_ascii=False))
        file.write("\n]}\n")


def _write_parquet(rows: Iterator[Row], out: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingLibraryError(
            "parquet needs pyarrow, which is not installed: pip install pyarrow"
        ) from None
    integers = ("t", "fov", "z", "channel", "scene", "page", "size_bytes", "mtime_ns")
    kinds = {name: pa.int64() if name in integers else pa.string() for name in _COLUMNS}
    unfinished = out.with_name(out.name + ".part")
    try:
        with parquet.ParquetWriter(unfinished, pa.schema(kinds.items())) as writer:
            while some := list(islice(rows, ROWS_AT_ONCE)):
                writer.write_table(pa.Table.from_pylist(some, schema=writer.schema))
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)

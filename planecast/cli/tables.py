"""Tables as CSV or JSON, on standard output or in a file."""

import csv
import json as json_text
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

Columns = Mapping[str, Sequence[Any]]

Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="File to write; if left out, it is printed.")
]


class CsvTables:
    """Tables of several files below one another, with the columns of all."""

    def __init__(self, *, with_file: bool) -> None:
        self._with_file = with_file
        self._names: list[str] = []
        self._rows: list[list[Any]] = []

    def add(self, path: Path, columns: Columns) -> None:
        """Add the rows of one file. Columns that others have and it lacks are empty."""
        self._names += [name for name in columns if name not in self._names]
        for row in zip(*columns.values(), strict=True):
            named = dict(zip(columns, row, strict=True))
            cells = [named.get(name) for name in self._names]
            self._rows.append([str(path), *cells] if self._with_file else cells)

    def write(self, out: Path | None) -> None:
        """Write a header and all rows."""
        if out is None:
            self._write(sys.stdout)
            return
        with out.open("w", newline="", encoding="utf-8") as file:
            self._write(file)

    def _write(self, file: Any) -> None:
        names = ["File", *self._names] if self._with_file else self._names
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in self._rows:
            writer.writerow(row + [None] * (len(names) - len(row)))


def print_json(facts: Any, out: Path | None = None, *, one_line: bool = False) -> None:
    """Print facts for programs, or write them into a file."""
    text = json_text.dumps(facts, indent=None if one_line else 2, ensure_ascii=False)
    if out is None:
        print(text, flush=True)
    else:
        out.write_text(text + "\n", encoding="utf-8")

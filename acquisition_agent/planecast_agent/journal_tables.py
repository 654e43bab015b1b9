"""The tables of the journal, and how a file is opened that an older agent has written."""

import sqlite3

_TABLES = """
create table if not exists meta(name text primary key, value text) without rowid;
create table if not exists publishers(id text primary key, last integer) without rowid;
create table if not exists acquisitions(
    number integer primary key, id text unique, owner text, name text, state text,
    head integer, planes integer, started_at real, n_channels integer, n_fovs integer,
    num_z integer);
create table if not exists events(
    acquisition integer, seq integer, body blob, primary key(acquisition, seq)) without rowid;
create table if not exists blocks(place integer primary key, bodies blob);
create table if not exists chunks(
    acquisition integer, first integer, body blob, primary key(acquisition, first)) without rowid;
create table if not exists dead_letters(publisher text, seq integer, why text, body blob);
create table if not exists forgotten(id text primary key, number integer) without rowid;
"""

_LATER_COLUMNS = {
    "acquisitions": (
        "n_bytes integer not null default 0",
        "late integer not null default 0",
        "ended_at real",
        "end_reason text not null default ''",
        "stored_at real not null default 0",
    ),
    "dead_letters": ("acquisition text not null default ''",),
}
"""Columns that tables of the first journals lack; new ones go to the end."""


def prepare(database: sqlite3.Connection) -> str:
    """Set the database up; return what its check found, `ok` where it is sound.

    Then the tables are there, else nothing was changed.
    """
    # Of a new file only, and before anything else is in it: pages of what is forgotten can be
    # given back to the disk a few at a time.
    database.execute("pragma auto_vacuum=incremental")
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=normal")
    database.execute("pragma wal_autocheckpoint=4000")
    found: str = database.execute("pragma quick_check(1)").fetchone()[0]
    if found == "ok":
        database.executescript(_TABLES)
        for table, columns in _LATER_COLUMNS.items():
            _add_columns(database, table, columns)
    return found


def _add_columns(database: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> None:
    there = {row[1] for row in database.execute(f"pragma table_info({table})")}
    for column in columns:
        if column.split()[0] not in there:
            database.execute(f"alter table {table} add column {column}")

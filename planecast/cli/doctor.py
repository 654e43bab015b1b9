"""`planecast doctor`."""

import sys
import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from planecast.cli.tables import print_json

if TYPE_CHECKING:
    from planecast.doctor.finding import Finding

_MARKS = {"good": ("ok", "\x1b[32m"), "note": ("note", "\x1b[33m"), "bad": ("BAD", "\x1b[1;31m")}


class For(StrEnum):
    """What a machine may be for."""

    AGENT = "agent"
    READER = "reader"
    VIEWER = "viewer"


def command(
    for_: Annotated[
        list[For] | None,
        typer.Option(
            "--for", help="What must work here; else what is installed is looked at. Repeatable."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A look by its name, such as folders or programs. Repeatable."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Look over this machine: what would keep planecast from working, and the way out.

    Exit code 1 if anything is bad; a note is none.

    Example: planecast doctor --for viewer
    """
    import msgspec

    from planecast.doctor.examination import LOOKS, examine, patient_of
    from planecast.doctor.finding import Role

    asked: frozenset[Role] = frozenset(one.value for one in for_ or ())
    if unknown := set(only or ()) - {name for name, _look in LOOKS}:
        names = ", ".join(name for name, _look in LOOKS)
        raise typer.BadParameter(f"{unknown.pop()}: it is one of {names}", param_hint="--only")
    patient = patient_of(asked)
    findings = []
    for one in examine(patient, frozenset(only or ())):
        findings.append(one)
        if not json:
            _print(one)
    n_bad = sum(one.state == "bad" for one in findings)
    if json:
        facts = {"ok": n_bad == 0, "for": sorted(patient.roles)}
        print_json({**facts, "findings": msgspec.to_builtins(findings)})
    else:
        print(f"{n_bad} bad" if n_bad else "nothing is bad")
    raise typer.Exit(1 if n_bad else 0)


def _print(one: "Finding") -> None:
    mark, color = _MARKS[one.state]
    if sys.stdout.isatty():
        mark = f"{color}{mark:4}\x1b[0m"
    print(f"{mark:4}  {one.check:14} {one.text}", flush=True)
    if one.way_out and one.state != "good":
        print(textwrap.indent(textwrap.fill(f"→ {one.way_out}", 96), " " * 21), flush=True)

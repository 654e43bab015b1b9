"""Run the benchmarks: `planecast bench [NAME …] [--only PART] [--quick] [--json] [--out FILE]`."""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.viewing import PARTS

BENCHMARKS = {
    "planes": "benchmarks.plane_path",
    "events": "benchmarks.events",
    "remote": "benchmarks.remote",
    "abuse": "benchmarks.abuse",
    "viewer": "benchmarks.viewer",
}
"""Name to module, whose `measure(quick=…)` returns figures by name."""
Figures = dict[str, object]


def main() -> int:
    """Run those that are asked for. One gives a flat JSON object, several one by name."""
    parser = argparse.ArgumentParser(prog="planecast bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, within 50 s each")
    parser.add_argument("--json", action="store_true", help="print a JSON object, not a table")
    parser.add_argument("--out", type=Path, help="a file for the JSON object as well")
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="a part of `viewer`; may be repeated"
    )
    given = parser.parse_args()
    names = given.names or list(BENCHMARKS)
    if given.only and names != ["viewer"]:
        parser.error("--only is for parts of `viewer`: planecast bench viewer --only stall")
    words = {"only": given.only} if given.only else {}
    try:
        figures = {name: _measure(name, quick=given.quick, **words) for name in names}
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("planecast"):
            raise
        print(
            f"planecast: the benchmarks need {missing.name}: pip install 'planecast[all,test]'",
            file=sys.stderr,
        )
        return 1
    text = json.dumps(figures[names[0]] if len(names) == 1 else figures, indent=2)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")
    print(text if given.json else _table(figures))
    return 0


def _measure(name: str, *, quick: bool, **words: Sequence[str]) -> Figures:
    figures: Figures = importlib.import_module(BENCHMARKS[name]).measure(quick=quick, **words)
    return figures


def _table(figures: dict[str, Figures]) -> str:
    lines: list[str] = []
    for name, values in figures.items():
        lines.append(name)
        for figure, value in values.items():
            shown = f"{value:>12g}" if isinstance(value, int | float) else f"{value!s:>12}"
            lines.append(f"  {figure:40} {shown}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

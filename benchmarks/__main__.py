"""Run the benchmarks: `python -m benchmarks [planes|events] [--quick] [--json]`."""

import argparse
import json
import sys

from benchmarks import events, plane_path

BENCHMARKS = {"planes": plane_path.measure, "events": events.measure}


def main() -> int:
    """Run those that are asked for; print one JSON object, or a table."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    results = {name: BENCHMARKS[name](quick=given.quick) for name in given.names or BENCHMARKS}
    if given.json:
        print(json.dumps(results, indent=2))
        return 0
    for name, figures in results.items():
        print(name)
        for figure, value in figures.items():
            print(f"  {figure:32} {value:>12g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

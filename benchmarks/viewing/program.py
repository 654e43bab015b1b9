"""The viewer as it is, with an instrument in it that takes commands.

    python -m benchmarks.viewing.program CELL_PX ARGUMENTS_OF_THE_VIEWER…

A command is a line of JSON on standard input, `{"do": NAME, …}`; each has one line of JSON as its
answer, when it is done.
"""

import sys

from planecast_viewer.start import load


def main(cell_px: str, *arguments: str) -> int:
    """Run the viewer until its window is closed."""
    run = load()
    from benchmarks.viewing.commands import WatchedViewer
    from planecast_viewer import app

    WatchedViewer.cell_px = int(cell_px)
    app.Viewer = WatchedViewer  # type: ignore[misc]  the one place where it is made
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

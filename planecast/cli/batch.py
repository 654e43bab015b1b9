"""Work on many files at once: in parallel, with a progress bar, and errors told at the end."""

import contextlib
import itertools
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import typer

from planecast.cli.files import Files, Found
from planecast_protocol.errors import PlanecastError

Outcome = TypeVar("Outcome")

AT_ONCE = 4
"""Files that are worked on at the same time: as many as a worker has readers, as a rule."""


class Batch:
    """Does the same to each file. Errors of single files don't stop the others."""

    def __init__(self, files: Files, label: str) -> None:
        self._files = files
        self._label = label
        self._failures: list[str] = []
        warnings.showwarning = _show_warning

    def run(self, work: Callable[[Found], Outcome]) -> Iterator[tuple[Found, Outcome]]:
        """Yield each file with what `work` returned, in order; `work` is called from threads.

        Where one file was named, its error is raised; else it is kept for `finish`.
        """
        waiting = iter(self._files.found)
        begun: deque[tuple[Found, Future[Outcome]]] = deque()
        with ThreadPoolExecutor(AT_ONCE) as threads, self._progress() as advance:
            try:
                while True:
                    for found in itertools.islice(waiting, 2 * AT_ONCE - len(begun)):
                        begun.append((found, threads.submit(work, found)))
                    if not begun:
                        return
                    found, outcome = begun.popleft()
                    done = self._outcome(found, outcome)
                    advance()
                    yield from done
            finally:
                for _, left in begun:
                    left.cancel()

    def finish(self) -> None:
        """Print the errors that there were, and exit with 1 if there were any."""
        for failure in self._failures:
            print(f"planecast: {failure}", file=sys.stderr)
        if self._failures:
            raise typer.Exit(1)

    def _outcome(self, found: Found, outcome: "Future[Outcome]") -> list[tuple[Found, Outcome]]:
        try:
            return [(found, outcome.result())]
        except PlanecastError as error:
            if self._files.is_one:
                raise
            named = str(found.path) in error.message
            self._failures.append(error.message if named else f"{found.path}: {error.message}")
        except OSError as error:
            if self._files.is_one:
                raise
            self._failures.append(f"{found.path}: {error}")
        return []

    @contextlib.contextmanager
    def _progress(self) -> Iterator[Callable[[], None]]:
        if len(self._files.found) < 2 or not sys.stderr.isatty():
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        ) as progress:
            task = progress.add_task(self._label, total=len(self._files.found))
            yield lambda: progress.advance(task)


def tracked(planes: Iterator[Any], total: int, label: str) -> Iterator[Any]:
    """Yield planes with a progress bar, on a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield from planes
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(planes, label, total, console=Console(stderr=True), transient=True)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, file, line  # of interest to programmers
    print(f"planecast: warning: {message}", file=sys.stderr)

"""Takes over the spools of controllers that ended or died.

Each is read into the journal, renamed to `.done` and kept: should the journal ever be lost,
the spools fill a new one.
"""

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from planecast_agent.ingest import Ingest
from planecast_agent.journal import Journal
from planecast_agent.spool_reader import SpoolBatch, SpoolReader, read_publisher, take_spool
from planecast_agent.spool_records import DAMAGED_SUFFIX, DONE_SUFFIX, SPOOL_SUFFIX
from planecast_protocol.errors import JournalFullError, SpoolDamagedError

logger = logging.getLogger(__name__)


class Adoption:
    """Looks after one folder of spools. Belongs to the agent's thread."""

    def __init__(self, folder: Path, journal: Journal, on_adopted: Callable[[str], None]) -> None:
        self._folder = folder
        self._journal = journal
        self._ingest = Ingest(journal)
        self._on_adopted = on_adopted
        self._dead: deque[Path] = deque()
        """Spools to be taken over, as of the last scan."""
        self._reader: SpoolReader | None = None
        self._batches: Iterator[SpoolBatch] = iter(())
        self._n_taken = 0
        self.held: set[str] = set()
        """Publishers whose spool is locked: their process lives."""
        self.alarm = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._look_for_damaged()

    @property
    def busy(self) -> bool:
        """Whether there is more to do right now."""
        return self._reader is not None or bool(self._dead)

    def take_back(self) -> None:
        """Read all spools again, those that are done too: the journal is new."""
        for path in self._folder.glob("*" + DONE_SUFFIX):
            # A controller that resumes its acquisition right now does the same.
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_suffix(SPOOL_SUFFIX))

    def scan(self) -> None:
        """See whose writer lives, and note the spools whose writer does not."""
        self.held = set()
        self._dead.clear()
        for path in sorted(self._folder.glob("*" + SPOOL_SUFFIX)):
            if self._reader is not None and path == self._reader.path:
                continue
            reader = self._take(path)
            if reader is not None:
                reader.close()
                self._dead.append(path)

    def step(self) -> dict[str, int]:
        """Take one batch of a dead writer's spool; return the heads that moved.

        Raises `JournalFullError`; the spool is then read again from its start, later.
        """
        if self._reader is None:
            self._open_next()
        reader = self._reader
        if reader is None:
            return {}
        try:
            batch = next(self._batches, None)
            if batch is not None:
                self._ingest.take(reader.publisher, batch.first, batch.bodies, batch.after)
                self._n_taken += len(batch.bodies)
                return self._journal.commit()
            self._finish(reader)
        except SpoolDamagedError as trouble:
            self._keep_damaged(reader.path, trouble)
        except OSError as trouble:
            logger.warning("%s: can't be read (%s); tried again later", reader.path, trouble)
        except JournalFullError:
            self._dead.clear()
            self.close()
            raise
        self.close()
        return {}

    def close(self) -> None:
        """Let go of the open spool. May be called twice."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _open_next(self) -> None:
        self._reader = self._take(self._dead.popleft()) if self._dead else None
        if self._reader is not None:
            self._batches = self._reader.batches()
            self._n_taken = 0

    def _take(self, path: Path) -> SpoolReader | None:
        """Open the spool if its writer is dead; else note that the writer lives."""
        try:
            reader = take_spool(path)
            publisher = read_publisher(path) if reader is None else None
        except SpoolDamagedError as trouble:
            self._keep_damaged(path, trouble)
            return None
        except OSError as trouble:
            logger.warning("%s: can't be opened (%s); tried again later", path, trouble)
            return None
        if publisher is not None:
            self.held.add(publisher)
        return reader

    def _finish(self, reader: SpoolReader) -> None:
        # Once it is called done nobody reads it again, so the journal must be on the disk.
        self._journal.settle()
        reader.path.rename(reader.path.with_suffix(DONE_SUFFIX))
        logger.info("%s: taken over, %d events", reader.path.name, self._n_taken)
        self._on_adopted(reader.publisher)

    def _keep_damaged(self, path: Path, trouble: SpoolDamagedError) -> None:
        path.rename(path.with_suffix(DAMAGED_SUFFIX))
        logger.error("%s", trouble)
        self._look_for_damaged()

    def _look_for_damaged(self) -> None:
        names = sorted(path.name for path in self._folder.glob("*" + DAMAGED_SUFFIX))
        self.alarm = f"damaged spools are kept in {self._folder}: {', '.join(names[:5])}"
        if not names:
            self.alarm = ""

"""Saves planes as OME-TIFF, by a process that may load file libraries."""

import sys
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QProcess, QTimer

from planecast_protocol.stack_order import StackOrder, StackProgress
from planecast_viewer.keep.job import Job, Outcome

WRITER = "planecast.stack_writer"
END_MS = 3000
"""A process that has not ended so long after it was asked to is killed."""


class StackJob(Job):
    """Starts the process, feeds it the order and listens. GUI thread only, never waiting."""

    def __init__(self, order: StackOrder, parent: QObject | None = None) -> None:
        super().__init__(f"Saving {Path(order.out).name}", parent)
        self._order = order
        self._cancelled = False
        self._last: StackProgress | None = None
        self._rest = b""
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._on_output)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._patience = QTimer(self, singleShot=True, interval=END_MS)
        self._patience.timeout.connect(self._process.kill)

    def start(self) -> None:
        """See `Job`."""
        self._process.start(sys.executable, ["-m", WRITER])
        self._process.write(msgspec.json.encode(self._order))
        self._process.closeWriteChannel()

    def cancel(self) -> None:
        """See `Job`."""
        self._cancelled = True
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.terminate()
            self._patience.start()

    def close(self) -> None:
        """See `Job`."""
        self.cancel()
        if not self._process.waitForFinished(END_MS):
            self._process.kill()
            self._process.waitForFinished(END_MS)

    # ------------------------------------------------------------ inside

    def _on_output(self) -> None:
        output = self._rest + self._process.readAllStandardOutput().data()
        *lines, self._rest = output.split(b"\n")
        for line in lines:
            try:
                self._last = msgspec.json.decode(line, type=StackProgress)
            except msgspec.MsgspecError:
                continue  # what a library prints
        if self._last is not None and self._last.total and not self._last.saved:
            self.progressed.emit(self._last.done, self._last.total)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.ended.emit("failed", f"{sys.executable}: {self._process.errorString()}")

    def _on_finished(self) -> None:
        self._patience.stop()
        self._on_output()
        self.ended.emit(*self._result())

    def _result(self) -> tuple[Outcome, str]:
        last, out = self._last, self._order.out
        if last is not None and last.saved:
            if not last.missing:
                return "done", f"saved {out}"
            n = last.missing
            return "done", (
                f"saved {out}; {n} of {last.total} planes {'is' if n == 1 else 'are'} missing "
                f"and zero in it: {last.why}"
            )
        if self._cancelled:
            return "cancelled", f"{self.title}: cancelled"
        if last is not None and last.why:
            return "failed", f"{out}: {last.why}"
        said = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
        return "failed", f"{out}: {said.splitlines()[-1] if said else 'the writer ended early'}"

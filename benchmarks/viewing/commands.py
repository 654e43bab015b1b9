"""What the watched viewer can be told to do."""

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from benchmarks.viewing.instrument import Heartbeat, Instrument
from benchmarks.viewing.moves import Browse, Drag, Jumps, Opening, Saving, Wait
from planecast_agent.subscriber.known_planes import Position
from planecast_viewer import app
from planecast_viewer.keep.choice import Choice
from planecast_viewer.mailbox import Mailbox

Answer = Callable[[Any], None]


class WatchedViewer(app.Viewer):
    """Takes commands once its window is shown."""

    cell_px = 0

    def start(self) -> None:
        """See `Viewer`."""
        super().start()
        self.commands = Commands(self)


class Commands:
    """Does what is asked for. GUI thread, but for the thread that reads the lines."""

    def __init__(self, viewer: app.Viewer) -> None:
        self._viewer = viewer
        self._instrument = Instrument(viewer, WatchedViewer.cell_px)
        self._heartbeat = Heartbeat(viewer.window)
        self._mailbox = Mailbox()
        self._mailbox.delivered.connect(self._on_lines)
        self._doing: list[object] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self._mailbox.post(line)

    def _on_lines(self, lines: list[str]) -> None:
        for line in lines:
            words = json.loads(line)
            getattr(self, f"do_{words.pop('do')}")(**words)

    def _answer(self, answer: Any) -> None:
        self._doing.clear()
        print(json.dumps(answer), flush=True)

    # ------------------------------------------------------------ commands

    def do_resize(self, width: int, height: int) -> None:
        """Give the window its size."""
        self._viewer.window.resize(width, height)
        self._answer(None)

    def do_rest(self) -> None:
        """Answer when the viewer has done what it does once its window is there."""
        rows = self._viewer.window.rows_ahead
        self._do(Wait(lambda: not rows.is_busy, self._answer))

    def do_close(self) -> None:
        """End the viewer, as with a click on its window's cross."""
        self._answer(None)
        self._viewer.window.close()

    def do_heartbeat(self, on: bool) -> None:
        """Begin to count gaps, or tell them."""
        self._answer(self._heartbeat.start() if on else self._heartbeat.stop())

    def do_log(self) -> None:
        """Tell what was on the screen since the last time that this was asked."""
        log, self._instrument.log = self._instrument.log, []
        self._answer(log)

    def do_where(self) -> None:
        """Tell t, fov and z of what is shown."""
        self._answer(list(self._viewer.session.shown))

    def do_counts(self) -> None:
        """Tell what was counted since the start."""
        instrument = self._instrument
        canvas = self._viewer.window.view.canvas.frontend_widget()
        looking = sorted(instrument.looking_ms) or [0.0]
        self._answer(
            {
                "planes": instrument.planes,
                "wrong": len(instrument.wrong),
                "wrong_examples": instrument.wrong[:5],
                "unread": instrument.unread,
                "looking_ms": round(looking[len(looking) // 2], 2),
                "looking_max_ms": round(looking[-1], 2),
                "canvas_px": [canvas.width(), canvas.height()],
                "canvas": type(self._viewer.window.view.canvas).__name__,
            }
        )

    def do_channels(self, visible: list[bool]) -> None:
        """Show and hide channels."""
        self._viewer.session.set_channel_visible(tuple(visible))
        self._answer(None)

    def do_follow(self, on: bool) -> None:
        """Follow the newest planes, or hold."""
        self._viewer.session.set_following(on)
        self._answer(None)

    def do_registered(self, n_planes: int) -> None:
        """Answer when the viewer knows of so many planes."""
        session = self._viewer.session

        def is_there() -> bool:
            return session.planes is not None and session.planes.n_planes >= n_planes

        self._do(Wait(is_there, self._answer))

    def do_sharp(self) -> None:
        """Answer when what is shown is there, in full."""
        viewer = self._viewer

        def is_sharp() -> bool:
            frame = viewer.presenter.frame
            there = frame is not None and frame.position == viewer.session.shown
            return frame is not None and there and frame.complete and not frame.is_draft

        self._do(Wait(is_sharp, self._answer))

    def do_newest(self) -> None:
        """Answer when the newest position is shown, in full."""
        viewer = self._viewer

        def is_newest() -> bool:
            frame, target = viewer.presenter.frame, viewer.session.follow_target()
            newest = frame is not None and frame.position == target
            return frame is not None and newest and frame.complete and not frame.is_draft

        self._do(Wait(is_newest, self._answer))

    def do_choose(self, acquisition: str) -> None:
        """Show an acquisition; answer when it is the one that is shown."""
        session = self._viewer.session
        self._viewer.targets.choose_acquisition(acquisition)

        def is_chosen() -> bool:
            return session.facts is not None and session.facts.identity == acquisition

        self._do(Wait(is_chosen, self._answer))

    def do_jumps(self, axis: str, values: list[int], pause_ms: int) -> None:
        """Move a slider to each of the values; tell how long each took to be on the screen."""
        self._do(Jumps(self._viewer, self._instrument, axis, values, pause_ms, self._answer))

    def do_drag(self, axis: str, values: list[int]) -> None:
        """Move a slider a hundred times a second; tell how long the last took."""
        self._do(Drag(self._viewer, self._instrument, axis, values, self._answer))

    def do_browse(self, positions: list[list[int]]) -> None:
        """Show one position after the other, each as soon as the one before is on the screen."""
        places = [Position(*position) for position in positions]
        self._do(Browse(self._viewer, self._instrument, places, self._answer))

    def do_open(self, path: str) -> None:
        """Open a file or folder; tell seconds to its first picture, and the gaps meanwhile."""
        self._heartbeat.start()

        def on_shown(seconds: float) -> None:
            self._answer({"s": seconds, **self._heartbeat.stop()})

        self._do(Opening(self._viewer, self._instrument, path, on_shown))

    def do_save(self, kind: str, path: str) -> None:
        """Save what is shown; tell the gaps until it is done."""
        keeping = self._viewer.keeping
        self._heartbeat.start()
        save = {
            "picture": lambda: keeping.save_picture(path),
            "planes": lambda: keeping.save_stack(Choice(along_z=True), path),
            "movie": lambda: keeping.save_movie("z", 10.0, path),
        }[kind]

        def on_saved(text: str) -> None:
            self._answer({"said": text, **self._heartbeat.stop()})

        self._do(Saving(self._viewer, save, on_saved))

    def _do(self, what: object) -> None:
        self._doing.append(what)

"""What keeps the GUI thread free: no idle work on sliders, no long walks, short slices."""

import gc
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

from planecast_viewer.short_slices import ask_for_short_slices
from planecast_viewer.steady_sliders import spare_slider

STARTED = """
import gc, sys
from planecast_viewer.start import load
run = load()
print(gc.isenabled())
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
app = QApplication([])
def look():
    print(gc.isenabled(), gc.get_freeze_count() > 50_000)
    app.closeAllWindows()
QTimer.singleShot(0, look)
sys.exit(run(["--canvas", "raster", "--agent", sys.argv[1]]))
"""


class Row:
    """A channel's row as ndv has it, which counts how often its slider is set."""

    def __init__(self) -> None:
        self.limits = (0.0, 1.0)
        self.sets = 0

    def frontend_widget(self) -> SimpleNamespace:
        return SimpleNamespace(clims=SimpleNamespace(value=lambda: self.limits))

    def set_clims(self, clims: tuple[float, float]) -> None:
        self.limits = clims
        self.sets += 1


def test_a_slider_is_left_alone_where_it_is_right_already():
    row = Row()
    spare_slider(row)
    spare_slider(row)
    for clims in ((0, 1), (10, 20), (10.0, 20.0), (10, 30)):
        row.set_clims(clims)
    assert (row.sets, row.limits) == (2, (10, 30))


def test_a_slider_that_a_person_moved_is_set_back():
    row = Row()
    spare_slider(row)
    row.set_clims((10, 20))
    row.limits = (12, 20)
    row.set_clims((10, 20))
    assert row.limits == (10, 20)


def test_what_is_there_at_the_start_is_never_walked_again(tmp_path):
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PLANECAST_RUNTIME_DIR": str(tmp_path),
        "PLANECAST_CONFIG_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", STARTED, f"ipc://{tmp_path / 'agent'}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "ready", "True", "True"]
    assert gc.isenabled()


def test_short_slices_change_no_priority():
    told = []

    def ask() -> None:
        before = os.getpriority(os.PRIO_PROCESS, 0)
        told.append((ask_for_short_slices(), os.getpriority(os.PRIO_PROCESS, 0) == before))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    ((asked, same),) = told
    assert isinstance(asked, bool)
    assert same

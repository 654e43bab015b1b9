"""The vispy canvas, on a virtual screen with software OpenGL."""

import pytest
from virtual_screen import run_on_screen, virtual_screen

PROGRAM = """
import json, sys
import numpy as np
from PySide6.QtCore import QElapsedTimer, QEventLoop
from PySide6.QtWidgets import QApplication
app = QApplication([])
from planecast_viewer.canvas import canvas_of, choose_canvas, install_canvas
from planecast_viewer.icons import install_offline_icons
facts = {"auto": choose_canvas("auto")}
install_offline_icons()
facts["installed"] = install_canvas("vispy")
import ndv
from ndv.models._lut_model import ClimsManual

def wait(condition):
    timer = QElapsedTimer()
    timer.start()
    while not condition():
        assert timer.elapsed() < 20_000, "nothing was drawn"
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)

def stripes(dtype, value):
    plane = np.zeros((40, 60), dtype)
    plane[:20] = value
    return plane

viewer = ndv.ArrayViewer(stripes("u2", 1000), default_lut={"clims": ClimsManual(min=0, max=1000)})
canvas = canvas_of(viewer)
shown = []
canvas.frame_shown.connect(shown.append)
viewer.widget().resize(500, 500)
viewer.show()

def colors():
    image = canvas.shown_image
    points = [canvas.world_to_canvas(p) for p in ((30.5, 5.5), (30.5, 35.5), (-2, 5))]
    return [list(image.pixelColor(int(x), int(y)).getRgb()[:3]) for x, y in points]

wait(lambda: shown and canvas.is_current and colors()[0] == [255, 255, 255])
facts["u2"] = colors()
for dtype, value in (("u4", 70_000), ("i4", -70_000), ("i2", -5), ("?", 1), ("f8", 1e6)):
    limits = sorted((0.0, float(value)))
    viewer.display_model.default_lut.clims = ClimsManual(min=limits[0], max=limits[1])
    viewer.data = stripes(dtype, value)
    ends = [[255, 255, 255], [0, 0, 0]]
    expected = ends if value > 0 else ends[::-1]
    wait(lambda: canvas.is_current and colors()[:2] == expected)
    facts[dtype] = colors()
facts["arguments"] = sorted({repr(argument) for argument in shown})
view = canvas.view
canvas.one_to_one()
facts["one_to_one"] = canvas.view.world_per_px
canvas.set_message("not written yet")
canvas.set_pixel_size(0.5)
facts["message"] = canvas.message
facts["overlay"] = canvas._overlay.isVisible()
canvas.set_ndim(3)
canvas.set_message(None)
facts["overlay_3d"] = canvas._overlay.isVisible()
canvas.close()
viewer.close()
print(json.dumps(facts))
"""


def test_vispy_shows_planes_of_any_dtype_with_message_and_scale_bar() -> None:
    with virtual_screen() as display:
        facts = run_on_screen(display, "-c", PROGRAM)
    white, black = [255] * 3, [0] * 3
    assert facts["auto"][0] == "raster"
    assert "processor" in facts["auto"][1]
    assert facts["installed"] == "vispy"
    for dtype in ("u2", "u4", "?", "f8"):
        assert facts[dtype] == [white, black, black], dtype
    for dtype in ("i4", "i2"):
        assert facts[dtype] == [black, white, black], dtype
    assert facts["arguments"] == ["None"]
    assert facts["one_to_one"] == pytest.approx(1, rel=1e-3)
    assert facts["message"] == "not written yet"
    assert facts["overlay"]
    assert not facts["overlay_3d"]

"""Icons come from the package, never from the web."""

import os
import signal
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QIcon, QImage
from superqt.iconify import QIconifyIcon

from planecast_viewer.icons import application_icon, install_offline_icons, offline

NDV_ICONS = (
    "bi:chevron-down",
    "bi:chevron-up",
    "bi:pause-fill",
    "bi:play-fill",
    "f7:view-2d",
    "f7:view-3d",
    "fluent:full-screen-maximize-24-filled",
    "foundation:graph-bar",
    "mdi:content-save",
    "mdi:math-log",
    "mdi:vector-rectangle",
)

COUNTING_PROGRAM = """
import socket
calls = []
real = socket.getaddrinfo
socket.getaddrinfo = lambda *a, **k: (calls.append(a), real(*a, **k))[1]
import numpy, ndv
from PySide6.QtWidgets import QApplication
app = QApplication([])
from planecast_viewer.canvas import canvas_of, install_canvas
from planecast_viewer.icons import install_offline_icons
install_offline_icons()
install_canvas("raster")
viewer = ndv.ArrayViewer(numpy.zeros((3, 2, 9, 9), "u2"), channel_axis=1)
canvas = canvas_of(viewer)
canvas.frame_shown.connect(lambda image: app.quit())
viewer.show()
app.exec()
canvas.close()
print(len(calls), flush=True)
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def installed() -> None:
    install_offline_icons()


def drawn(icon: QIcon, size: int = 32) -> QImage:
    return icon.pixmap(size, size).toImage()


def colors(image: QImage) -> set[tuple[int, ...]]:
    """Return the colours of all opaque pixels."""
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    found = (image.pixelColor(x, y) for x, y in points)
    return {color.getRgb()[:3] for color in found if color.alpha() == 255}


@pytest.fixture(scope="module")
def killed_window(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """Return what a process printed that killed itself when its window had shown a picture.

    And its temporary folder and its cache folder.
    """
    temporary, cache = tmp_path_factory.mktemp("tmp"), tmp_path_factory.mktemp("cache")
    folders = {"TMPDIR": str(temporary), "PLANECAST_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", COUNTING_PROGRAM],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **folders},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout, temporary, cache


def test_a_window_opens_without_asking_for_a_single_host(killed_window) -> None:
    printed, _temporary, _cache = killed_window
    assert printed.split() == ["0"]


def test_a_window_that_is_killed_leaves_no_icons_in_the_temporary_folder(killed_window) -> None:
    _printed, temporary, cache = killed_window
    assert not [one for one in temporary.iterdir() if "icon" in one.name]
    variants = list((cache / "icons").iterdir())
    assert variants
    assert all(one.suffix == ".svg" for one in variants)


@pytest.mark.parametrize("key", NDV_ICONS)
def test_every_icon_of_ndv_is_drawn(key: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        icon = QIconifyIcon(key)
    assert colors(drawn(icon)) == {(0, 0, 0)}


def test_every_icon_that_ndv_names_is_in_the_package() -> None:
    import ndv.views._qt._array_view as array_view
    import ndv.views._qt._save_button as save_button

    names = set()
    for module in (array_view, save_button):
        text = Path(module.__file__).read_text()
        names |= {key for key in NDV_ICONS if f'"{key}"' in text}
        quoted = {part for part in text.split('"') if part.count(":") == 1}
        prefixes = {key.split(":")[0] for key in NDV_ICONS}
        assert {part for part in quoted if part.split(":")[0] in prefixes} <= set(NDV_ICONS)
    assert names == set(NDV_ICONS)


def test_a_colour_is_drawn() -> None:
    icon = QIconifyIcon("bi:play-fill", color="#4580DD")
    assert colors(drawn(icon)) == {QColor("#4580DD").getRgb()[:3]}


def test_flip_and_turn_move_the_drawing() -> None:
    up = drawn(QIconifyIcon("bi:chevron-up"))
    assert drawn(QIconifyIcon("bi:chevron-up", flip="vertical")) != up
    assert drawn(QIconifyIcon("bi:chevron-up", rotate=2)) == drawn(
        QIconifyIcon("bi:chevron-up", rotate="180")
    )
    play = drawn(QIconifyIcon("bi:play-fill"))
    flipped = drawn(QIconifyIcon("bi:play-fill", flip="horizontal"))
    assert heavy_half(play) == "left"
    assert heavy_half(flipped) == "right"
    assert heavy_half(drawn(QIconifyIcon("bi:play-fill", rotate=180))) == "right"


def heavy_half(image: QImage) -> str:
    """Return the half of the drawing that holds more ink."""
    columns = [
        sum(image.pixelColor(x, y).alpha() for y in range(image.height()))
        for x in range(image.width())
    ]
    inked = [x for x, ink in enumerate(columns) if ink]
    middle = (inked[0] + inked[-1] + 1) // 2
    return "left" if sum(columns[:middle]) > sum(columns[middle:]) else "right"


def test_an_icon_that_is_not_in_the_package_is_a_warning_and_not_a_request() -> None:
    with pytest.warns(UserWarning, match="mdi:no-such-icon"):
        icon = QIconifyIcon("mdi:no-such-icon")
    assert not icon.isNull()


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/b", "bi:../x"])
def test_a_key_cannot_leave_the_folder(key: str) -> None:
    with pytest.raises(OSError, match="not part of planecast"):
        offline.svg_path(key)


@pytest.mark.parametrize("size", [16, 32, 256])
def test_the_application_icon_is_drawn_at_every_size(size: int) -> None:
    image = drawn(application_icon(), size)
    assert image.width() == size
    assert len(colors(image)) >= 4


def test_the_licences_name_every_icon_set() -> None:
    text = (offline.FOLDER / "LICENSES.txt").read_text()
    for prefix in {key.split(":")[0] for key in NDV_ICONS}:
        assert f"{prefix}:" in text


def test_the_wheel_holds_the_icons(tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    root = Path(__file__).parents[2]
    wheel = next(
        builder.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    )
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in offline.FOLDER.iterdir():
        if path.suffix in {".svg", ".txt"}:
            assert f"planecast_viewer/icons/{path.name}" in names

"""Icons from the package: superqt asks the web for them, which can freeze a start for minutes."""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import platformdirs
import superqt.iconify
from PySide6.QtGui import QIcon

from planecast_viewer import theme

FOLDER = Path(__file__).parent
APPLICATION_ICON = FOLDER / "planecast.svg"

QUARTER_TURN_DEGREES = 90


def install_offline_icons() -> None:
    """Make every `QIconifyIcon` take its SVG from this package. May be called twice.

    Call it before the first icon is made. An icon that is not in the package is drawn as a
    question mark, with a warning that names it.
    """
    for module in (superqt.iconify, *_pyconify_modules()):
        if hasattr(module, "svg_path"):
            module.svg_path = svg_path


def application_icon() -> QIcon:
    """Return the icon of the program and of its windows."""
    return QIcon(str(APPLICATION_ICON))


def svg_path(
    *key: str,
    color: str | None = None,
    flip: str | None = None,
    rotate: str | int | None = None,
    box: bool | None = None,  # noqa: ARG001
    dir: str | Path | None = None,  # noqa: A002, ARG001
) -> Path:
    """Return the file of an icon, as `pyconify.svg_path` does, and never fetch.

    A colour, a flip or a turn makes a variant, which is kept for the next runs; without a colour
    it has that of text. Raises `OSError` if the icon is not in the package.
    """
    stem = "_".join(key).replace(":", "_")
    source = FOLDER / f"{stem}.svg"
    if not re.fullmatch(r"[\w.-]+", stem) or not source.is_file():
        raise OSError(f"icon {':'.join(key)} is not part of planecast")
    text = source.read_text(encoding="utf-8").replace("currentColor", color or theme.text())
    text = _transformed(text, flip, rotate)
    tag = hashlib.sha256(text.encode()).hexdigest()[:12]
    variant = _variant_folder() / f"{stem}_{tag}.svg"
    if not variant.exists():
        _write_whole(variant, text)
    return variant


def _pyconify_modules() -> list[object]:
    names = ("pyconify", "pyconify.api")
    return [sys.modules[name] for name in names if name in sys.modules]


@cache
def _variant_folder() -> Path:
    """Return the user's folder for them: one of the process would stay behind after a SIGKILL."""
    named = os.environ.get("PLANECAST_CACHE_DIR")
    cache_folder = Path(named) if named else platformdirs.user_cache_path("planecast")
    folder = cache_folder / "icons"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # A home that can't be written to, as of a service.
        folder = Path(tempfile.mkdtemp(prefix="planecast-icons-"))
        atexit.register(_remove, folder)
    return folder


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _write_whole(path: Path, text: str) -> None:
    """Write a file that other viewers may be writing at this moment."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False
    ) as file:
        file.write(text)
    Path(file.name).replace(path)


def _transformed(svg: str, flip: str | None, rotate: str | int | None) -> str:
    """Return the SVG with its content flipped and turned about its middle."""
    box = re.search(r'viewBox="([-\d.]+) ([-\d.]+) ([-\d.]+) ([-\d.]+)"', svg)
    if box is None or not (flip or rotate):
        return svg
    left, top, width, height = (float(number) for number in box.groups())
    x, y = left + width / 2, top + height / 2
    steps = []
    if rotate:
        turn = int(rotate)
        degrees = turn * QUARTER_TURN_DEGREES if abs(turn) < 4 else turn
        steps.append(f"rotate({degrees} {x:g} {y:g})")
    if flip:
        sign_x = -1 if "horizontal" in flip else 1
        sign_y = -1 if "vertical" in flip else 1
        steps.append(f"translate({x:g} {y:g}) scale({sign_x} {sign_y}) translate({-x:g} {-y:g})")
    opened = re.sub(r"(<svg[^>]*>)", rf'\1<g transform="{" ".join(steps)}">', svg, count=1)
    return opened.replace("</svg>", "</g></svg>")

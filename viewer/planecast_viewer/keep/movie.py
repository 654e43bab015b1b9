"""Movies of what is shown: each picture composed as on the screen, encoded by ffmpeg."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from planecast_protocol.errors import PlanecastError
from planecast_viewer.canvas.compositing import Layer, Lut, compose
from planecast_viewer.canvas.overlay import paint_scale_bar
from planecast_viewer.canvas.view import View
from planecast_viewer.keep.encoder import encoder
from planecast_viewer.keep.job import Control
from planecast_viewer.keep.plane_stream import read_planes
from planecast_viewer.keep.whole_file import whole_file
from planecast_viewer.planes import Pixels, PixelSource, WantedPlane


@dataclass(frozen=True)
class MoviePicture:
    """One picture of a movie."""

    label: str
    """Written into the corner, such as `t 3`."""
    stacks: tuple[tuple[tuple[WantedPlane, ...], Lut], ...]
    """Of each visible channel the planes that are there: the brightest of them is shown."""


@dataclass(frozen=True)
class MoviePlan:
    """What a movie shows and how."""

    pictures: tuple[MoviePicture, ...]
    view: View
    """Of the pixels of the movie, not those of the screen."""
    width: int
    height: int
    rate_fps: float
    um_per_px: float | None
    """Of the movie's pixels; `None`: no scale bar."""


def write_movie(path: Path, plan: MoviePlan, source: PixelSource, control: Control) -> str:
    """Write a movie and return what to tell people. Not for the GUI thread.

    Planes that can't be read are left black, and counted. Raises `PlanecastError`,
    `CancelledError` or `OSError`.
    """
    failures: list[str] = []
    with (
        whole_file(path) as temporary,
        encoder(temporary, plan.width, plan.height, plan.rate_fps) as add,
    ):
        for number, picture in enumerate(_pictures(plan, source, control, failures), start=1):
            add(picture)
            control.progress(number, len(plan.pictures))
    told = f"saved {path}"
    return f"{told}; {len(failures)} planes are black: {failures[0]}" if failures else told


def _pictures(
    plan: MoviePlan, source: PixelSource, control: Control, failures: list[str]
) -> Iterator[npt.NDArray[np.uint32]]:
    """Yield the pictures as 0xffRRGGBB, shape (height, width)."""
    wanted = [
        plane for picture in plan.pictures for stack, _lut in picture.stacks for plane in stack
    ]
    answers = read_planes(source, wanted, control.cancelled)
    for picture in plan.pictures:
        layers = []
        for stack, lut in picture.stacks:
            brightest = _brightest(itertools.islice(answers, len(stack)), failures)
            if brightest is not None:
                layers.append(Layer(brightest, lut))
            del brightest
        pixels = compose(tuple(layers), plan.width, plan.height, plan.view)
        del layers
        _write_over(pixels, plan, picture.label)
        yield pixels


def _brightest(
    answers: Iterable[tuple[WantedPlane, Pixels | PlanecastError]], failures: list[str]
) -> npt.NDArray[Any] | None:
    brightest = None
    for _plane, answer in answers:
        if isinstance(answer, PlanecastError):
            failures.append(answer.message)
        elif brightest is None:
            brightest = answer.pixels
        elif brightest.shape == answer.pixels.shape:
            brightest = np.maximum(brightest, answer.pixels)
    return brightest


def _write_over(pixels: npt.NDArray[np.uint32], plan: MoviePlan, label: str) -> None:
    """Paint the label and the scale bar into the picture."""
    image = QImage(pixels.data, plan.width, plan.height, 4 * plan.width, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = QFont()
    font.setPixelSize(max(12, plan.height // 40))
    painter.setFont(font)
    if plan.um_per_px is not None:
        paint_scale_bar(painter, plan.um_per_px, plan.width, plan.height)
    painter.setPen(QColor(Qt.GlobalColor.white))
    painter.drawText(QPointF(12, 12 + painter.fontMetrics().ascent()), label)
    painter.end()

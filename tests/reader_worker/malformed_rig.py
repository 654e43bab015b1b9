"""Malformed files, made by a tool, and what a worker makes of each of them."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from readers_contract import REPOSITORY
from worker_rig import wire

from planecast_protocol.errors import PlanecastError
from planecast_protocol.images import ImageInfo
from planecast_protocol.metadata import ImageMetadata
from planecast_protocol.reader_messages import OpenImage, ReadMetadata, ReadPixels, ReadPlanetable
from planecast_reader.client import PixelAnswer, ReaderClient

PIXEL_AXES = "YXS"
MAX_SCENES = 4
CROP = 256
"""The maker cuts the TIFF that it operates on to so many pixels."""
CHANGED = ("bitflips", "random", "size_mismatch", "compression_says_jpeg")
"""Parts of the names of files whose very pixels, or what they mean, were changed: what should
come of them can't be known."""


def find_maker() -> Path | None:
    """Return the program that makes the files, which need not be there."""
    folder = os.environ.get("PLANECAST_TEST_TOOLS", REPOSITORY.parent / "shared" / "tools")
    path = Path(folder) / "make_malformed.py"
    return path if path.is_file() else None


@dataclass(frozen=True)
class Case:
    """One malformed file."""

    path: Path
    kind: str
    what: str

    @property
    def is_good(self) -> bool:
        """Whether only its name is odd."""
        return self.what.startswith("good file")

    @property
    def was_changed(self) -> bool:
        return any(part in self.path.name for part in CHANGED)


def make_cases(maker: Path, data: Path, folder: Path) -> list[Case]:
    subprocess.run(
        [sys.executable, maker, data, folder], check=True, capture_output=True, timeout=100
    )
    return [
        Case(folder / case["file"], case["kind"], case["what"])
        for case in json.loads((folder / "index.json").read_text())
    ]


@dataclass
class Outcome:
    """What came of one file: for each step "answered", or the name of an error."""

    case: Case
    steps: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    errors: list[PlanecastError] = field(default_factory=list)
    is_right: bool | None = None
    """Whether the first plane is the good file's; `None` where that can't be known."""

    @property
    def word(self) -> str:
        """The outcome in one word: that of the first plane, or of what failed before it."""
        word = self.steps.get("plane 0") or self.steps["open"]
        if word != "answered":
            return word
        return {True: "right", False: "WRONG", None: "pixels were changed"}[self.is_right]

    def fail(self, step: str, error: PlanecastError) -> None:
        self.steps[step] = type(error).__name__
        self.errors.append(error)


class Examiner:
    """Asks a worker for everything that one file has."""

    def __init__(self, client: ReaderClient, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    def examine(self, case: Case) -> tuple[Outcome, npt.NDArray[Any] | None]:
        """Return what came, and the pixels of the first plane if any did."""
        outcome = Outcome(case)
        try:
            path = wire(case.path)
        except PlanecastError as error:
            outcome.fail("open", error)
            return outcome, None
        image = self._ask(outcome, "open", OpenImage(request=0, path=path))
        if not isinstance(image, ImageInfo):
            return outcome, None
        pixels = None
        for number, scene in enumerate(image.scenes[:MAX_SCENES]):
            first = dict.fromkeys((axis for axis in scene.sizes if axis not in PIXEL_AXES), 0)
            last = {axis: max(scene.sizes[axis] - 1, 0) for axis in first}
            found = self._plane(outcome, f"plane {number}", path, number, first)
            self._plane(outcome, f"last plane {number}", path, number, last)
            pixels = found if number == 0 else pixels
        metadata = self._ask(outcome, "metadata", ReadMetadata(request=0, path=path))
        assert isinstance(metadata, ImageMetadata | None)
        if image.has_planetable:
            self._ask(outcome, "planetable", ReadPlanetable(request=0, path=path))
        return outcome, pixels

    def _plane(
        self, outcome: Outcome, step: str, path: str, scene: int, index: dict[str, int]
    ) -> npt.NDArray[Any] | None:
        request = ReadPixels(request=0, path=path, scene=scene, index=index, statistics=True)
        answer = self._ask(outcome, step, request)
        return answer.pixels if isinstance(answer, PixelAnswer) else None

    def _ask(self, outcome: Outcome, step: str, request: Any) -> Any:
        started = time.monotonic()
        try:
            answer = self._client.request(request, self._timeout_s)
        except PlanecastError as error:
            outcome.fail(step, error)
            return None
        finally:
            outcome.slowest_s = max(outcome.slowest_s, time.monotonic() - started)
        outcome.steps[step] = "answered"
        return answer


def table_of(outcomes: list[Outcome]) -> list[str]:
    """Return lines of text: folder of cases by outcome."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        counts.setdefault(outcome.case.kind, Counter())[outcome.word] += 1
    words = sorted({word for counter in counts.values() for word in counter})
    lines = ["kind".ljust(8) + "".join(f" {word:>22}" for word in words)]
    for kind, counter in counts.items():
        lines.append(kind.ljust(8) + "".join(f" {counter[word]:>22}" for word in words))
    return lines


def fingerprint(pixels: npt.NDArray[Any]) -> str:
    """Return a hash of shape and values, whatever their type: the maker changes some types."""
    values = pixels.astype(np.float64) if pixels.dtype.kind != "c" else pixels
    return hashlib.sha256(repr(pixels.shape).encode() + values.tobytes()).hexdigest()


def good_planes(examiner: Examiner, data: Path) -> set[str]:
    """Return fingerprints of the first planes of all good files, and of their corners."""
    found: set[str] = set()
    for entry in json.loads((data / "truth.json").read_text())["entries"]:
        _, pixels = examiner.examine(Case(data / entry["file"], "good", "good file"))
        if pixels is not None:
            corner = pixels[:CROP, :CROP]
            found |= {fingerprint(pixels), fingerprint(corner)}
            if corner.dtype.kind in "iu":  # the maker casts, so that negative values wrap
                found.add(fingerprint(corner.astype("u2")))
    return found

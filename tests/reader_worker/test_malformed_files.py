"""Malformed files through a real worker: right pixels, or one clear error of ours.

The table of outcomes is printed, and written into the folder PLANECAST_TEST_REPORTS if set.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from malformed_rig import (
    Case,
    Examiner,
    Outcome,
    find_maker,
    fingerprint,
    good_planes,
    make_cases,
    table_of,
)
from worker_rig import picture, plane_request, running_worker, status, write_stack

from planecast_protocol import errors
from planecast_protocol.errors import PlanecastError, QuarantinedError, ReaderTimeoutError
from planecast_protocol.paths import local_roots, to_wire_path
from planecast_reader.client import PixelAnswer, ReaderClient

READ_TIMEOUT_S = 2.0
LONGEST_S = 2 * 3 * READ_TIMEOUT_S + 10.0
"""Two attempts to open a file, and what a loaded machine adds."""
MAX_GROWTH_BYTES = 48 << 20
FOLDERS = ("czi", "dcm", "lif", "lsm", "names", "nd2", "ndtiff", "oib", "ome", "tif", "zarr")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Examined:
    """All cases, and how the worker was before and after."""

    outcomes: list[Outcome]
    good_read_after: list[bool]
    readers_replaced: int
    growth_bytes: int
    is_alive: bool

    def of(self, folder: str) -> list[Outcome]:
        return [one for one in self.outcomes if f"/malformed/{folder}/" in str(one.case.path)]


@pytest.fixture(scope="module")
def cases(readers_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    maker = find_maker()
    if maker is None:
        pytest.skip("no make_malformed.py in ../shared/tools; set PLANECAST_TEST_TOOLS")
    return make_cases(maker, readers_data, tmp_path_factory.mktemp("made") / "malformed")


@pytest.fixture(scope="module")
def examined(
    cases: list[Case], readers_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Examined:
    good = tmp_path_factory.mktemp("good") / "good.ome.tif"
    write_stack(good, len(cases) + 1)
    with running_worker("--read-timeout-s", str(READ_TIMEOUT_S)) as worker:
        client = ReaderClient(worker.address)
        examiner = Examiner(client, LONGEST_S + 20)
        right = good_planes(examiner, readers_data)
        front = psutil.Process(worker.process.pid)
        before = front.memory_info().rss
        replaced = status(client).readers_replaced
        outcomes, good_reads = [], []
        for number, case in enumerate(cases):
            outcome, pixels = examiner.examine(case)
            if pixels is not None:
                is_zeros = "30000 x 30000 zeros" in case.what and not pixels.any()
                is_known = is_zeros or fingerprint(pixels) in right
                outcome.is_right = True if is_known else None if case.was_changed else False
            del pixels
            outcomes.append(outcome)
            answer = client.request(plane_request(good, index={"Z": number}), LONGEST_S)
            assert isinstance(answer, PixelAnswer)
            good_reads.append(np.array_equal(answer.pixels, picture(number)))
        found = Examined(
            outcomes,
            good_reads,
            status(client).readers_replaced - replaced,
            front.memory_info().rss - before,
            worker.process.poll() is None,
        )
        client.close()
    report(found)
    return found


def report(examined: Examined) -> None:
    slowest_s = max(one.slowest_s for one in examined.outcomes)
    summary = (
        f"{len(examined.outcomes)} files, readers replaced: {examined.readers_replaced}, growth of "
        f"the front: {examined.growth_bytes >> 20} MiB, slowest answer: {slowest_s:.1f} s"
    )
    lines = [*table_of(examined.outcomes), summary]
    print("\n" + "\n".join(lines))
    folder = os.environ.get("PLANECAST_TEST_REPORTS")
    if folder:
        details = [
            {
                "file": "/".join(one.case.path.parts[-2:]).encode(errors="replace").decode(),
                "what": one.case.what,
                "steps": one.steps,
                "slowest_s": round(one.slowest_s, 2),
                "errors": [error.message[:400] for error in one.errors[:1]],
            }
            for one in examined.outcomes
        ]
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(details, indent=1, ensure_ascii=True)
        (Path(folder) / "malformed.json").write_text(text)
        (Path(folder) / "malformed.txt").write_text("\n".join(lines) + "\n")


def test_the_front_lives_and_its_memory_stays_flat(examined: Examined):
    assert examined.is_alive
    assert examined.growth_bytes < MAX_GROWTH_BYTES


def test_the_next_good_read_is_always_right(examined: Examined):
    assert all(examined.good_read_after)
    assert len(examined.good_read_after) == len(examined.outcomes) > 200


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_answer_came_in_time(examined: Examined, folder: str):
    slow = [(one.case.path.name, one.slowest_s) for one in examined.of(folder)]
    assert slow
    assert [one for one in slow if one[1] > LONGEST_S] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_pixels_are_right_or_an_error_of_ours_names_the_file(examined: Examined, folder: str):
    for outcome in examined.of(folder):
        name = outcome.case.path.name
        assert outcome.is_right is not False, f"{name!r} ({outcome.case.what}): wrong pixels"
        for error in outcome.errors:
            assert isinstance(error, PlanecastError)
            assert type(error).__name__ in dir(errors)
            assert said_name(outcome.case) in error.message, error.message
            assert len(error.message) < 2500


def said_name(case: Case) -> str:
    """Return the part of a message that names the file: escaped, and cut where it is too long."""
    if len(str(case.path)) > 1000:
        return "names/deep"
    return to_wire_path(case.path, local_roots()).rpartition("/")[2]


def test_every_good_file_is_read_whatever_its_name(examined: Examined):
    good = [one for one in examined.of("names") if one.case.is_good]
    wrong = {one.case.path.name[:60]: one.word for one in good if one.word != "right"}
    assert wrong == {"x.tif": "BadPathError"}, "only a path of 4,000 bytes is too long"
    assert len(good) > 30


def test_crashes_are_rare_and_told(examined: Examined):
    """No native library of ours dies on these; those that hang are named."""
    crashed = [
        one.case.path.name
        for one in examined.outcomes
        if any(type(error) is errors.ReaderCrashedError for error in one.errors)
    ]
    hung = {
        one.case.path.name
        for one in examined.outcomes
        if any(isinstance(error, ReaderTimeoutError) for error in one.errors)
    }
    assert crashed == []
    assert hung <= {"deflate_bomb_900MB.tif"}, "where 900 MB are not inflated in time"
    assert examined.readers_replaced <= 2


def test_a_file_that_ate_readers_is_left_alone_and_says_so(examined: Examined):
    for outcome in examined.outcomes:
        kinds = [type(error) for error in outcome.errors]
        eaten = [ReaderTimeoutError in kinds[:n] for n in range(len(kinds))]
        later = [kind for kind, after in zip(kinds, eaten, strict=True) if after]
        assert set(later) <= {QuarantinedError}, outcome.case.path.name

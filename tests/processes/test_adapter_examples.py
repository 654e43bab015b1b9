"""The examples of controllers run as they are."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from adapter_rig import Line, running_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running_line() as running:
        yield running


def run(line: Line, name: str, *arguments: str) -> str:
    """Run an example, and return the id of what it published."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        env={**line.environment, "PYTHONWARNINGS": "ignore"},
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"published (\S+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    return found[1]


def test_controller_written_for_ndviewer_light(line: Line) -> None:
    acquisition = run(line, "push_controller.py", str(line.folder / "pushed"))
    assert line.wait_ended(acquisition)["state"] == "done"
    pixels = line.pixels(line.published()[acquisition])
    assert len(pixels) == 3 * 2 * 2 * 2
    assert {index: int(image[0, 0]) for index, image in pixels.items()} == {
        index: 1000 + 200 * index.t + 500 * index.fov for index in pixels
    }


def test_sequence_on_the_demo_microscope(line: Line) -> None:
    pytest.importorskip("pymmcore_plus", reason="pymmcore-plus is not installed")
    pytest.importorskip("mm_test_adapters", reason="mm-test-adapters is not installed")
    acquisition = run(line, "pymmcore_plus_mda.py", str(line.folder / "sequence.ome.zarr"))
    assert line.wait_ended(acquisition)["state"] == "done"
    pixels = line.pixels(line.published()[acquisition])
    assert len(pixels) == 5 * 2 * 5 * 2
    assert all(image.shape == (512, 512) and image.any() for image in pixels.values())

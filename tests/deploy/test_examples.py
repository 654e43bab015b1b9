"""The examples run as they are."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from planecast.demo.audit import fetch_all
from planecast_protocol.configuration.table import settings
from planecast_protocol.paths import local_roots, to_wire_path

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
TIMEOUT_S = 60.0


class Place:
    """Folders and an agent's address of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.agent = f"ipc://{folder}/agent"
        known = {one.variable for one in settings().values()}
        self.environment = {k: v for k, v in os.environ.items() if k not in known} | {
            "PLANECAST_RUNTIME_DIR": str(folder),
            "PLANECAST_SPOOL_DIR": str(folder / "spool"),
            "PLANECAST_STATE_DIR": str(folder / "state"),
            "PLANECAST_CONFIG": os.devnull,
            "PLANECAST_AGENT": self.agent,
            "PYTHONWARNINGS": "ignore",
            "PYTHON": sys.executable,
        }

    @contextmanager
    def running(self, *command: str, **variables: str) -> Iterator[None]:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**self.environment, **variables}
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0
            process.stdout.close()

    def run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            capture_output=True, text=True, env=self.environment, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def acquisitions(self) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "planecast", "acquisitions", "--json"],
            capture_output=True, text=True, env=self.environment, check=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        listed: list[dict[str, Any]] = json.loads(done.stdout)
        return listed


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("x"))


@pytest.fixture
def agent(place: Place) -> Iterator[Place]:
    with place.running(sys.executable, "-m", "planecast", "agent"):
        yield place


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    never = threading.Event()
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_S:g} s: {what}"
        never.wait(0.2)


def test_minimal_controller(agent: Place):
    acquisition = agent.run("minimal_controller.py", str(agent.folder / "images")).split()[-1]

    def is_done() -> bool:
        (listed,) = agent.acquisitions()
        return bool(listed["state"] == "done" and listed["planes"] == 3 * 2 * 2 * 2)

    wait_until(is_done, "all planes in the journal")
    assert agent.acquisitions()[0]["acquisition"] == acquisition
    assert len(list((agent.folder / "images").glob("*.tiff"))) == 24


def test_controller_without_our_package(agent: Place):
    """It imports nothing of ours, and its planes are those that it named."""
    paths = [agent.folder / f"{t}.tiff" for t in range(1500)]  # more than a batch
    wire = [to_wire_path(path, local_roots()) for path in paths]
    source = (EXAMPLES / "plain_controller.py").read_text()
    assert not [line for line in source.splitlines() if "import planecast" in line]

    acquisition = agent.run("plain_controller.py", agent.agent, *wire).split()[-1]

    (listed,) = agent.acquisitions()
    assert (listed["state"], listed["planes"]) == ("done", 1500)
    paths_in_order: list[str] = []
    for _acquisition, columns in fetch_all(agent.agent):
        paths_in_order += columns.paths.split("\0")
    assert paths_in_order == wire
    assert listed["acquisition"] == acquisition


def test_squid_as_it_is(place: Place):
    data = place.folder / "squid"
    folder = data / "2026-01-01_exp" / "0"
    folder.mkdir(parents=True)
    with place.running("sh", str(EXAMPLES / "squid.sh"), str(data), IDLE_S="1"):
        for z in range(2):
            for channel in ("BF", "DAPI"):
                pixels = np.full((32, 32), 7 + z, np.uint16)
                tifffile.imwrite(folder / f"A1_0_{z}_{channel}.tiff", pixels)

        def is_done() -> bool:
            listed = place.acquisitions()
            return bool(listed) and listed[0]["planes"] == 4 and listed[0]["state"] == "done"

        wait_until(is_done, "Squid's files in the journal")


def test_headless_batch(place: Place):
    images, out = place.folder / "images", place.folder / "out"
    images.mkdir()
    for n in range(3):
        pixels = np.full((4, 64, 48), n + 1, np.uint16)
        tifffile.imwrite(images / f"{n}.ome.tif", pixels, metadata={"axes": "ZYX"})
    (images / "broken.tif").write_bytes(b"II*\0 this is no TIFF")

    assert place.run("headless_batch.py", str(images), str(out)) == ("4 images, 1 with troubles\n")

    with (out / "images.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert [rows[f"{n}.ome.tif"]["mean"] for n in range(3)] == ["1.0", "2.0", "3.0"]
    assert rows["0.ome.tif"]["sizes"] == "Z=4 Y=64 X=48"
    assert "broken.tif" in rows["broken.tif"]["trouble"]
    assert {path.name for path in out.glob("*.png")} == {f"{n}.ome.tif.png" for n in range(3)}

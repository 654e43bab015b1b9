"""Programs of the demo, started as people start them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

READY_S = 30


@pytest.fixture
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep sockets, spools and the journal of this test to itself."""
    folder = tmp_path_factory.mktemp("own")  # short: the paths of sockets have a limit
    folder.chmod(0o700)
    monkeypatch.setenv("PLANECAST_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("PLANECAST_SPOOL_DIR", str(folder / "spool"))
    monkeypatch.delenv("PLANECAST_AGENT", raising=False)
    monkeypatch.delenv("PLANECAST_WORKER", raising=False)
    return folder


@pytest.fixture
def agent(own_folders: Path) -> Iterator[str]:
    """Start a real agent; its address."""
    address = f"ipc://{own_folders}/agent"
    command = [sys.executable, "-m", "planecast", "agent", "--address", address]
    command += [
        "--state-dir",
        str(own_folders / "state"),
        "--spool-dir",
        str(own_folders / "spool"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {address}\n"
        yield address
        process.terminate()
        assert process.wait(READY_S) == 0


@pytest.fixture
def planecast() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command line with some arguments."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "planecast", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "COLUMNS": "100"},
        )

    return run

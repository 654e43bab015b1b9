"""A viewer with nothing but an address and keys: no socket, folder or root of the other side."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from key_rig import Keys, free_port

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="uses Unix sockets"),
    pytest.mark.slow,
    pytest.mark.timeout(240),
]
TIMEOUT_S = 120.0


@contextmanager
def program(environment: dict[str, str], *words: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until it is ready, and end it in the end."""
    command = [sys.executable, "-m", *map(str, words)]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            yield process
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def test_an_acquisition_is_seen_from_another_machine(tmp_path: Path):
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pc", dir="/tmp")))
        keys = Keys(folder)
        guest = keys.guest("alice", "view")
        (folder / "data").mkdir()
        agent, worker = free_port(), free_port()
        here = {"PLANECAST_KEYS": str(keys.server.folder), "PLANECAST_ROOTS": f"d={folder}/data"}
        stack.enter_context(
            program(
                here, "planecast_reader", "--address", f"unix://{folder}/w",
                "--address", f"tcp://*:{worker}", "--readers", "1", "--cache-mib", "64",
            )
        )  # fmt: skip
        stack.enter_context(
            program(
                here, "planecast_agent", "--address", f"ipc://{folder}/a",
                "--address", f"tcp://*:{agent}", "--state-dir", folder / "s",
                "--spool-dir", folder / "p", "--worker", f"unix://{folder}/w",
                "--worker", f"tcp://*:{worker}",
            )
        )  # fmt: skip
        command = [sys.executable, "-m", "planecast.demo.controller", "--agent"]
        command += [f"ipc://{folder}/a", "--out", f"{folder}/data", "--planes", "24"]
        controller = stack.enter_context(
            subprocess.Popen(
                [*command, "--rate", "12", "--size", "256"],
                env={**os.environ, **here, "PLANECAST_SPOOL_DIR": f"{folder}/p"},
                stdout=subprocess.DEVNULL,
            )
        )
        report = _view(f"tcp://127.0.0.1:{agent}", guest.folder, tmp_path)

        assert controller.wait(TIMEOUT_S) == 0
        read = _read(f"tcp://127.0.0.1:{agent}", guest.folder, tmp_path)

    assert read == "1 24 True"
    assert report["newest_shown"], report
    assert report["shown"], report
    assert report["wrong"] == 0


def _read(address: str, keys: Path, home: Path) -> str:
    """Run a script that knows of the other side its address; return what it says of a plane."""
    program = """if True:
        import sys, planecast
        from planecast_viewer.identity import cell_centers, decode
        with planecast.connect(sys.argv[1]) as scope:
            listed = scope.acquisitions()
            with scope.join() as joined:
                last = list(joined)[-1]
                with scope.open_image(last.source.path) as image:
                    plane = image.read_plane()
                    lazy = image.to_dask().compute()
            at = last.index
            x, y = cell_centers(at.channel, 8).astype(int).T
            found = decode(plane[y, x].astype(float))
            is_it = found == (at.t, at.fov, at.z, at.channel) and bool((lazy == plane).all())
            print(len(listed), listed[0].planes, is_it)
    """
    done = subprocess.run(
        [sys.executable, "-c", program, address], env=_elsewhere(keys, home), capture_output=True,
        text=True, timeout=TIMEOUT_S, check=False, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _view(address: str, keys: Path, home: Path) -> dict[str, object]:
    """Run a viewer that knows of the other side its address and its key."""
    command = [sys.executable, "-m", "planecast", "view", address, "--canvas", "raster"]
    command += ["--report", str(home / "report.json"), "--exit-when-done"]
    done = subprocess.run(
        command, env=_elsewhere(keys, home), capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads((home / "report.json").read_text())
    return report


def _elsewhere(keys: Path, home: Path) -> dict[str, str]:
    (home / "run").mkdir(mode=0o700, exist_ok=True)
    environment = {
        **os.environ,
        "PLANECAST_KEYS": str(keys),
        "PLANECAST_RUNTIME_DIR": str(home / "run"),
        "PLANECAST_CONFIG_DIR": str(home),
        "QT_QPA_PLATFORM": "offscreen",
    }
    for name in ("PLANECAST_ROOTS", "PLANECAST_WORKER", "PLANECAST_AGENT"):
        environment.pop(name, None)
    return environment

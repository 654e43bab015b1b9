"""`planecast doctor` on a good set-up, and on ones that are really broken."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from planecast.demo.display import virtual_display
from planecast.doctor.requirements import requirements
from planecast_protocol.configuration.table import settings

TIMEOUT_S = 90.0
BASE = ("msgspec", "platformdirs", "pyzmq", "rich", "typer")
OF_TYPER_AND_RICH = ("annotated-doc", "shellingham", "pygments", "markdown-it-py", "mdurl")

needs_namespaces = pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="a mount of its own needs root: sudo",
)


class Machine:
    """A set-up with folders of its own, without a display."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = sys.executable
        self.root = folder / "images"
        for one in (self.root, folder / "run"):
            one.mkdir(mode=0o700)
        hidden = {one.variable for one in settings().values()}
        hidden |= {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
        self.environment = {k: v for k, v in os.environ.items() if k not in hidden}
        self.set(
            PLANECAST_RUNTIME_DIR=folder / "run",
            PLANECAST_SPOOL_DIR=folder / "spool",
            PLANECAST_STATE_DIR=folder / "state",
            PLANECAST_CACHE_DIR=folder / "cache",
            PLANECAST_CONFIG_DIR=folder,
            PLANECAST_ROOTS=f"data={self.root}",
            PLANECAST_CONFIG=os.devnull,
        )
        self.wrapped: list[str] = []
        """A command that runs the doctor in a world of its own."""

    def set(self, **variables: object) -> None:
        self.environment |= {name: str(value) for name, value in variables.items()}

    def mounted(self, options: str, place: Path | str, then: str = "true") -> None:
        """Have the doctor see another disk at a place, after a command of the shell."""
        script = f'mount -t tmpfs -o {options} tmpfs "{place}" && {then}; exec "$@"'
        self.wrapped = ["unshare", "-m", "sh", "-c", script, "sh"]

    def planecast(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "planecast", *arguments]
        subprocess.run(command, check=True, capture_output=True, env=self.environment)

    def doctor(self, *options: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [*self.wrapped, self.python, "-m", "planecast", "doctor", "--json", *options],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S, env=self.environment,
        )  # fmt: skip
        assert done.stdout.startswith("{"), done.stderr
        return done.returncode, json.loads(done.stdout)

    def bad(self, *options: str) -> list[dict[str, str]]:
        """Return what is bad; each has a way out, and the exit code says so."""
        code, facts = self.doctor(*options)
        found = [one for one in facts["findings"] if one["state"] == "bad"]
        assert (code, facts["ok"]) == ((1, False) if found else (0, True))
        assert all(one["way_out"] for one in found)
        return found

    @contextmanager
    def running(self, module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-m", module, *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=self.environment
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            try:
                yield process
            finally:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                process.wait(TIMEOUT_S)


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("m"))


@pytest.mark.timeout(180)
def test_a_good_set_up_is_good(machine: Machine):
    with (
        virtual_display() as display,
        machine.running("planecast_agent"),
        machine.running("planecast_reader", "--readers", "1"),
    ):
        machine.set(**display)
        code, facts = machine.doctor("--for", "agent", "--for", "reader", "--for", "viewer")

    assert (code, facts["ok"], facts["for"]) == (0, True, ["agent", "reader", "viewer"])
    found = {one["check"]: one for one in facts["findings"]}
    assert {"settings", "libraries", "folders", "clock", "limits"} <= found.keys()
    good = ("roots", "shared memory", "display", "agent", "worker", "folders")
    assert {check: found[check]["state"] for check in good} == dict.fromkeys(good, "good")
    assert found["display"]["text"] == "xcb: 1600×1200"
    assert found["agent"]["text"].startswith(f"runs at ipc://{machine.folder}/run/agent: process ")


# ---------------------------------------------------------------- broken ones

Break = Callable[[Machine], None]


def _wrong_settings(machine: Machine) -> None:
    file = machine.folder / "planecast.toml"
    file.write_text("[agent]\n\nadress = 'tcp://127.0.0.1:5810'\n")
    machine.set(PLANECAST_CONFIG=file)


def _wrong_variable(machine: Machine) -> None:
    machine.set(PLANECAST_READER_PROCESSES="many")


def _library_that_cannot_be_loaded(machine: Machine) -> None:
    text = "raise ImportError('libdeflate.so.0: cannot open shared object file')"
    (machine.folder / "tifffile.py").write_text(text)
    machine.set(PYTHONPATH=machine.folder)


def _library_too_old(machine: Machine) -> None:
    (machine.folder / "numpy-1.20.3.dist-info").mkdir()
    text = "Metadata-Version: 2.1\nName: numpy\nVersion: 1.20.3\n"
    (machine.folder / "numpy-1.20.3.dist-info" / "METADATA").write_text(text)
    machine.set(PYTHONPATH=machine.folder)


def _unreachable_display(machine: Machine) -> None:
    machine.set(DISPLAY=":987")


def _few_files(machine: Machine) -> None:
    machine.wrapped = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh"]


def _small_shared_memory(machine: Machine) -> None:
    machine.mounted("size=8m", "/dev/shm")
    machine.set(PLANECAST_SHARED_MEMORY="posix")


def _no_shared_memory(machine: Machine) -> None:
    machine.mounted("size=512k", "/dev/shm")
    machine.set(PLANECAST_SHARED_MEMORY="posix")


def _read_only_spool(machine: Machine) -> None:
    (machine.folder / "spool").mkdir()
    machine.mounted("ro", machine.folder / "spool")


def _full_spool(machine: Machine) -> None:
    spool = machine.folder / "spool"
    spool.mkdir()
    machine.mounted("size=1m", spool, f'cat /dev/zero > "{spool}/full" 2>/dev/null')


def _small_spool(machine: Machine) -> None:
    (machine.folder / "spool").mkdir()
    machine.mounted("size=16m", machine.folder / "spool")


def _sockets_for_all(machine: Machine) -> None:
    (machine.folder / "run").chmod(0o777)


def _readable_secret(machine: Machine) -> None:
    machine.planecast("keys", "init")
    (machine.folder / "keys" / "own.key").chmod(0o644)


def _damaged_secret(machine: Machine) -> None:
    machine.planecast("keys", "init")
    (machine.folder / "keys" / "own.key").write_text('public = "x"')


def _no_keys_for_others(machine: Machine) -> None:
    machine.set(PLANECAST_AGENT_LISTEN="tcp://*:5810")


def _missing_root(machine: Machine) -> None:
    machine.set(PLANECAST_ROOTS=f"data={machine.folder}/unmounted")


BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "wrong settings": (_wrong_settings, "settings", ".toml:3: agent.adress", "config check"),
    "wrong variable": (_wrong_variable, "settings", "PLANECAST_READER_PROCESSES=many", "unset"),
    "library broken": (
        *(_library_that_cannot_be_loaded, "libraries"),
        *("can't be loaded: ImportError: libdeflate.so.0", "pip install --force-reinstall"),
    ),
    "library too old": (
        *(_library_too_old, "libraries"),
        *("numpy 1.20.3 is installed, >= 1.26 is needed", "pip install --upgrade"),
    ),
    "no such display": (_unreachable_display, "display", "can be shown at :987", "ssh -X"),
    "few files": (_few_files, "limits", "may have 100 files open", "ulimit -n 4096"),
    "sockets for all": (_sockets_for_all, "folders", "others could put sockets there", "chmod"),
    "secret for all": (_readable_secret, "keys", "others may read it (mode 0644)", "chmod 600"),
    "damaged secret": (_damaged_secret, "keys", "own.key: damaged", "planecast keys init"),
    "no keys for others": (_no_keys_for_others, "keys", "listen where other", "keys init"),
    "missing root": (_missing_root, "roots", "unmounted is no folder", "mount or make it"),
}
MOUNTED: dict[str, tuple[Break, str, str, str]] = {
    "small /dev/shm": (_small_shared_memory, "shared memory", "posix: 8 MiB", "--shm-size"),
    "no /dev/shm": (_no_shared_memory, "shared memory", "not to be had: it is full", "remount"),
    "read-only disk": (_read_only_spool, "folders", "Read-only file system", "folders.spool"),
    "full disk": (_full_spool, "folders", "No space left on device", "free some space"),
    "small disk": (_small_spool, "folders", "16.0 MiB free: events", "another disk"),
}


@pytest.mark.parametrize(("do_break", "check", "text", "way_out"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_told_with_the_way_out(
    machine: Machine, do_break: Break, check: str, text: str, way_out: str
):
    do_break(machine)
    _is_told(machine, check, text, way_out)


@needs_namespaces
@pytest.mark.parametrize(("do_break", "check", "text", "way_out"), MOUNTED.values(), ids=MOUNTED)
def test_a_broken_disk_is_told_with_the_way_out(
    machine: Machine, do_break: Break, check: str, text: str, way_out: str
):
    do_break(machine)
    _is_told(machine, check, text, way_out)


def _is_told(machine: Machine, check: str, text: str, way_out: str) -> None:
    found = machine.bad("--only", check)
    assert {one["check"] for one in found} == {check}
    assert any(text in one["text"] and way_out in one["way_out"] for one in found), found


def test_a_port_that_another_program_has_is_told_with_its_process(machine: Machine):
    listener = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", listener], stdout=subprocess.PIPE, text=True
    ) as stranger:
        assert stranger.stdout is not None
        port = int(stranger.stdout.readline())
        machine.set(PLANECAST_AGENT=f"tcp://127.0.0.1:{port}")
        (found,) = machine.bad("--only", "programs")
        stranger.kill()

    assert found["check"] == "agent"
    assert f"another program has that address: process {stranger.pid} (" in found["text"]
    assert "agent.address" in found["way_out"]


def test_an_agent_and_a_worker_that_hang_are_told(machine: Machine):
    with (
        machine.running("planecast_agent") as agent,
        machine.running("planecast_reader", "--readers", "1") as worker,
    ):
        agent.send_signal(signal.SIGSTOP)
        worker.send_signal(signal.SIGSTOP)
        found = {one["check"]: one for one in machine.bad("--only", "programs")}

    assert f"hangs: process {agent.pid}" in found["agent"]["text"]
    assert found["agent"]["way_out"].startswith(f"kill -CONT {agent.pid};")
    assert f"hangs: process {worker.pid}" in found["worker"]["text"]


def test_an_installation_without_an_extra_is_told_what_to_install(machine: Machine, tmp_path: Path):
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    packages = Path(
        sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)})
    )
    for name in (*BASE, *OF_TYPER_AND_RICH, "planecast"):
        _copy(name, packages)
    machine.python = str(environment / "bin" / "python")

    code, facts = machine.doctor("--only", "libraries")
    assert (code, facts["for"]) == (0, ["agent"])
    (found,) = machine.bad("--only", "libraries", "--for", "reader")
    assert found["text"].startswith("for the reader these are missing: dask, imagecodecs,")
    assert found["way_out"] == "pip install 'planecast[reader]'"


def _copy(name: str, packages: Path) -> None:
    """Put a distribution that is installed here into another environment, by links."""
    found = distribution(name)
    for top in {Path(file).parts[0] for file in found.files or () if ".." not in Path(file).parts}:
        source = Path(str(found.locate_file(top)))
        if source.suffix == ".pth":
            shutil.copy(source, packages)
        elif not (packages / top).exists():
            (packages / top).symlink_to(source)


def test_a_session_without_a_display_is_bad_only_for_a_viewer(machine: Machine):
    code, facts = machine.doctor("--only", "display")
    assert (code, facts["findings"][0]["state"]) == (0, "note")
    (found,) = machine.bad("--only", "display", "--for", "viewer")
    assert "ssh -X" in found["way_out"]


def test_findings_are_printed_for_people(machine: Machine):
    machine.set(PLANECAST_ROOTS=f"data={machine.folder}/nothing")
    command = [sys.executable, "-m", "planecast", "doctor", "--only", "roots"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=machine.environment
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == f"BAD   roots          data: {machine.folder}/nothing is no folder"
    assert lines[1].strip().startswith("→ mount or make it")
    assert lines[-1] == "1 bad"


def test_a_look_that_does_not_exist_is_a_matter_of_usage(machine: Machine):
    command = [sys.executable, "-m", "planecast", "doctor", "--only", "tonsils"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=machine.environment
    )
    assert done.returncode == 2


def test_the_smallest_installation_is_a_handful():
    assert sorted(one.name for one in requirements() if not one.extra) == sorted(BASE)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_nobody_listens_at_a_free_port():
    from planecast.doctor.listening import who_listens

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = who_listens(f"tcp://127.0.0.1:{port}")
        assert found is not None
        assert found.pid == os.getpid()
    assert who_listens(f"tcp://127.0.0.1:{port}") is None

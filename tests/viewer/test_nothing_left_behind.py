"""The checks that every test of the viewer is under: each of them notices what it is for."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from thread_watch import ANY_FILE, SOURCES, Slot, find_slots

HERE = Path(__file__).parent
LEAVERS = """
import mmap
import os
import socket
import subprocess
import sys
import threading
from multiprocessing.shared_memory import SharedMemory

from PySide6.QtWidgets import QWidget

from planecast_viewer.mailbox import Mailbox

kept = []


def run_in_a_thread(call, *arguments):
    thread = threading.Thread(target=call, args=arguments)
    thread.start()
    thread.join()


def test_window():
    window = QWidget()
    window.show()
    kept.append(window)


def test_thread():
    threading.Thread(target=threading.Event().wait, daemon=True, name="who stays").start()


def test_process():
    kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))


def test_socket():
    kept.extend(socket.socketpair())


def test_file(tmp_path):
    kept.append((tmp_path / "open").open("w"))


def test_memory_file():
    number = os.memfd_create("left")
    os.truncate(number, 4096)
    kept.append(mmap.mmap(number, 4096))
    os.close(number)
    kept[-1][0] = 1


def test_named_memory():
    kept.append(SharedMemory(create=True, size=4096))
    kept[-1].buf[0] = 1


def test_slot():
    box = Mailbox()
    run_in_a_thread(box._deliver)


def test_none(qtbot):
    box = Mailbox()
    run_in_a_thread(box.post, "x")
    qtbot.waitSignal(box.delivered).wait()
    subprocess.run(["true"], check=True)
"""
NOTICED = {
    "window": "window: <PySide6.QtWidgets.QWidget",
    "thread": "thread: who stays",
    "process": "process",
    "socket": "open: socket:",
    "file": "open: /",
    "memory_file": "/memfd:left",
    "named_memory": "/dev/shm/psm_",
    "slot": "Mailbox._deliver is a slot and ran in the thread",
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run tests that leave something, under the same conftest; return what each was told."""
    folder = tmp_path_factory.mktemp("leavers")
    (folder / "test_leavers.py").write_text(LEAVERS)
    paths = os.pathsep.join([str(HERE), str(HERE.parent)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "conftest", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    told = dict(
        re.findall(
            r"ERROR at teardown of test_(\w+) _(.*?)(?=\n_{5,} ERROR|\n=====)",
            done.stdout,
            re.DOTALL,
        )
    )
    assert f"9 passed, {len(NOTICED)} errors" in done.stdout, done.stdout + done.stderr
    return told


@pytest.mark.skipif(sys.platform != "linux", reason="files and processes are known on Linux")
@pytest.mark.parametrize("kind", NOTICED)
def test_what_is_left_fails_the_test(outcome: dict[str, str], kind: str) -> None:
    assert NOTICED[kind] in outcome[kind]


def test_nothing_left_is_no_error(outcome: dict[str, str]) -> None:
    assert set(outcome) == set(NOTICED)


def test_every_way_of_connecting_is_known() -> None:
    slots = set(find_slots())
    assert Slot("session.py", "take_news") not in slots, "it is connected elsewhere"
    assert Slot(ANY_FILE, "take_news") in slots
    assert Slot("mailbox.py", "_on_rung") in slots
    assert any(slot.name == "<lambda>" for slot in slots)
    assert len(slots) > 150


# ---------------------------------------------------------------- what starts threads

STARTS = ("Thread", "ThreadPoolExecutor", "start_new_thread")


def starters() -> Iterator[tuple[str, str]]:
    """Yield each class that starts a thread, and what it says about itself."""
    for path in SOURCES.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        for node in (one for one in nodes if isinstance(one, ast.ClassDef)):
            calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
            if any(ast.unparse(call).rpartition(".")[2] in STARTS for call in calls):
                name = f"{path.relative_to(SOURCES)}:{node.name}"
                yield name, (ast.get_docstring(node) or "").lower()


def test_whoever_starts_a_thread_says_so() -> None:
    found = dict(starters())
    assert "canvas/render_thread.py:RenderThread" in found
    assert [name for name, said in found.items() if "thread" not in said] == []

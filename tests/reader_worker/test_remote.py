"""Planes for other machines: through a gateway, with keys."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from key_rig import Keys, RawGuest, free_port, killed_thread
from worker_rig import TIMEOUT_S, Asked, Worker, picture, running_worker, status, write_stack

from planecast_protocol.errors import (
    CancelledError,
    FileMissingError,
    NotAllowedError,
    NotPermittedError,
)
from planecast_protocol.images import ImageInfo
from planecast_protocol.messages import encode
from planecast_protocol.planes import Seen
from planecast_protocol.reader_messages import (
    AskWorkerStatus,
    OpenImage,
    ReadMetadata,
    ReadPixels,
    WorkerWelcome,
)
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.remote.gateway import Gateway
from planecast_reader.remote.parts import PART_BYTES, cut


class RemoteWorker:
    """A worker with one root, for this machine and with keys for others."""

    def __init__(self, keys: Keys, root: Path, worker: Worker, port: int) -> None:
        self.keys = keys
        self.root = root
        self.worker = worker
        self.port = port
        self.address = f"tcp://127.0.0.1:{port}"

    def gateway(self) -> psutil.Process:
        front = psutil.Process(self.worker.process.pid)
        return next(c for c in front.children() if "planecast_reader.remote" in c.cmdline())


@pytest.fixture(scope="module")
def remote() -> Iterator[RemoteWorker]:
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as name:
        keys, root, port = Keys(Path(name)), Path(name) / "data", free_port()
        root.mkdir()
        write_stack(root / "stack.ome.tif", 5)
        (Path(name) / "secret.tif").write_bytes((root / "stack.ome.tif").read_bytes())
        keys.guest("eve", "view")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PLANECAST_KEYS", str(keys.server.folder))
            options = ["--address", f"tcp://*:{port}", "--root", f"data={root}"]
            with running_worker("--cache-mib", "64", *options) as worker:
                yield RemoteWorker(keys, root, worker, port)


@pytest.fixture
def visit(
    remote: RemoteWorker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ReaderClient]]:
    """Connect as a guest with these roles."""
    clients: list[ReaderClient] = []

    def come(name: str, *roles: str) -> ReaderClient:
        monkeypatch.setenv("PLANECAST_KEYS", str(remote.keys.guest(name, *roles).folder))
        clients.append(ReaderClient(remote.address))
        return clients[-1]

    yield come
    for client in clients:
        client.close()


def plane(z: int, **options: object) -> ReadPixels:
    return ReadPixels(request=0, path="data:stack.ome.tif", index={"Z": z}, **options)  # type: ignore[arg-type]


def test_planes_tables_and_errors_come_from_another_machine(remote: RemoteWorker, visit):
    alice = visit("alice", "view")

    image = alice.request(OpenImage(request=0, path="data:stack.ome.tif"), TIMEOUT_S)
    assert isinstance(image, ImageInfo)
    assert image.scenes[0].sizes["Z"] == 5
    for z in range(5):
        answer = alice.request(plane(z, statistics=True), TIMEOUT_S)
        assert isinstance(answer, PixelAnswer)
        np.testing.assert_array_equal(answer.pixels, picture(z))
        assert not answer.pixels.flags.writeable
        assert answer.statistics is not None
    assert alice.request(ReadMetadata(request=0, path="data:stack.ome.tif"), TIMEOUT_S)
    with pytest.raises(FileMissingError):
        alice.request(plane(0).__class__(request=0, path="data:none.tif"), TIMEOUT_S)
    for path in ("local:etc/passwd", "data2:stack.ome.tif"):
        with pytest.raises(NotAllowedError):
            alice.request(OpenImage(request=0, path=path), TIMEOUT_S)


def test_a_script_reads_from_another_machine_by_address_alone(remote: RemoteWorker, tmp_path: Path):
    keys = remote.keys.guest("script", "view")
    (tmp_path / "run").mkdir(mode=0o700)
    program = (
        "import planecast\n"
        "with planecast.open_image('data:stack.ome.tif') as image:\n"
        "    print(int(image.read_plane(Z=3).sum()), image.scenes[0].sizes['Z'])\n"
    )
    environment = {**os.environ, "PLANECAST_WORKER": remote.address}
    environment |= {"PLANECAST_KEYS": str(keys.folder), "PLANECAST_RUNTIME_DIR": f"{tmp_path}/run"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False, cwd=tmp_path,
    )  # fmt: skip

    assert done.stdout.split() == [str(int(picture(3).sum())), "5"], done.stderr


def test_requests_can_be_withdrawn_and_wait_for_files(remote: RemoteWorker, visit):
    alice = visit("waiter", "view")
    late = remote.root / "late.tif"
    request = ReadPixels(request=0, path="data:late.tif", running=True, wait=True)
    asked = Asked(alice, request)
    withdrawn = Asked(alice, ReadPixels(request=0, path="data:never.tif", running=True, wait=True))

    alice.cancel(withdrawn.number)
    assert type(withdrawn.error()).__name__ == "CancelledError"
    assert not asked.answered
    write_stack(remote.root / "late.part", 1)
    (remote.root / "late.part").rename(late)

    np.testing.assert_array_equal(asked.pixels(), picture(0))


def test_a_big_plane_comes_in_parts_and_whole(remote: RemoteWorker, visit):
    write_stack(remote.root / "big.ome.tif", 2, size=1500)
    alice = visit("bigger", "view")
    asked = [
        Asked(alice, ReadPixels(request=0, path="data:big.ome.tif", index={"Z": z % 2}))
        for z in range(12)
    ]

    for z, one in enumerate(asked):
        np.testing.assert_array_equal(one.pixels(), picture(z % 2, 1500))


def test_a_draft_comes_before_a_plane_that_a_slow_link_would_be_long_at(
    remote: RemoteWorker, visit
):
    write_stack(remote.root / "wide.ome.tif", 1, size=1500)
    alice = visit("drafts", "view")
    request = ReadPixels(
        request=0, path="data:wide.ome.tif", priority="screen",
        seen=Seen(x=0, y=0, width=1500, height=1500, screen_width=300, screen_height=300),
    )  # fmt: skip
    drafts: list[PixelAnswer] = []
    answered = threading.Event()
    answers: list[object] = []
    # A link of which nothing is known yet is taken for a slow one.
    alice.submit(
        request,
        lambda answer: (answers.append(answer), answered.set()),
        on_draft=drafts.append,
    )

    assert answered.wait(TIMEOUT_S)
    plane = picture(0, 1500)
    assert isinstance(answers[0], PixelAnswer)
    assert not answers[0].draft
    np.testing.assert_array_equal(answers[0].pixels, plane)
    # By now it is sharp itself: it lies in the plane's memory.
    assert drafts[0].draft
    assert np.shares_memory(drafts[0].pixels, answers[0].pixels)
    assert drafts[0].statistics == answers[0].statistics


def test_a_plane_can_be_read_there_without_being_sent(remote: RemoteWorker, visit):
    alice = visit("warmer", "view")

    assert alice.request(plane(2, warm=True), TIMEOUT_S) is None
    answer = alice.request(plane(2), TIMEOUT_S)
    assert isinstance(answer, PixelAnswer)
    assert answer.cached


def test_a_plane_that_is_withdrawn_on_its_way_is_answered_at_once(remote: RemoteWorker, visit):
    write_stack(remote.root / "withdrawn.ome.tif", 1, size=1500)
    alice = visit("withdrawer", "view")
    path = "data:withdrawn.ome.tif"
    for _ in range(5):
        asked = [Asked(alice, ReadPixels(request=0, path=path)) for _ in range(8)]
        alice.cancel(*(one.number for one in asked[:7]))
        for one in asked[:7]:
            answer = one.answer()
            assert isinstance(answer, PixelAnswer | CancelledError)
        np.testing.assert_array_equal(asked[7].pixels(), picture(0, 1500))


def test_parts_are_the_payload():
    payload = memoryview(np.random.default_rng(1).bytes(3 * PART_BYTES + 5))

    parts = cut(payload)

    assert b"".join(parts) == payload
    assert max(map(len, parts)) <= PART_BYTES
    assert min(map(len, parts)) > PART_BYTES // 2
    assert cut(memoryview(b"")) == []


def test_after_the_gateway_was_killed_the_client_goes_on_by_itself(remote: RemoteWorker, visit):
    alice = visit("survivor", "view")
    assert alice.request(plane(0), TIMEOUT_S)

    gateway = remote.gateway()
    os.kill(gateway.pid, signal.SIGKILL)
    gateway.wait(TIMEOUT_S)

    answer = alice.request(plane(3), TIMEOUT_S)
    assert isinstance(answer, PixelAnswer)
    np.testing.assert_array_equal(answer.pixels, picture(3))


@pytest.mark.parametrize("stranger", ["no key", "wrong server key", "unlisted key", "revoked key"])
def test_a_stranger_is_refused_and_counted(remote: RemoteWorker, stranger: str):
    keys = remote.keys
    name = stranger.replace(" ", "-")
    own = keys.guest(name, *(["view"] if stranger == "revoked key" else [])).own()
    if stranger == "revoked key":
        keys.revoke(name)
    server = own.public if "wrong" in stranger else keys.server_public
    local = ReaderClient(remote.worker.address)
    guest = RawGuest(remote.port, server, None if stranger == "no key" else own)
    try:
        before = status(local).refused
        assert guest.is_deaf(AskWorkerStatus(request=1))
        assert _wait_for(lambda: status(local).refused > before)
    finally:
        guest.close()
        local.close()


def test_a_key_that_may_not_view_gets_no_plane(remote: RemoteWorker, visit):
    bob = visit("bob", "publish", "command")

    with pytest.raises(NotPermittedError, match="the key of bob may not view here"):
        bob.request(plane(0), TIMEOUT_S)


def test_a_revoked_clients_connection_ends_and_others_go_on(remote: RemoteWorker, visit):
    mallory, alice = visit("mallory", "view"), None
    states: list[tuple[bool, str]] = []
    mallory._on_state = lambda connected, text: states.append((connected, text))
    assert mallory.request(plane(0), TIMEOUT_S)
    alice = visit("allowed", "view")
    assert alice.request(plane(1), TIMEOUT_S)

    remote.keys.revoke("mallory")

    assert _wait_for(lambda: any(not connected for connected, _text in states))
    assert isinstance(alice.request(plane(2), TIMEOUT_S), PixelAnswer)
    raw = RawGuest(remote.port, remote.keys.server_public, _own(remote, "mallory"))
    try:
        assert raw.is_deaf(plane(0))
    finally:
        raw.close()


def test_who_is_not_on_the_list_is_told_what_to_do(remote: RemoteWorker, visit):
    stranger = visit("stranger")
    public = _own(remote, "stranger").public.hex()

    assert _wait_for(lambda: f"planecast keys add NAME {public}" in stranger.trouble)


def test_garbage_cuts_one_client_off_and_no_other(remote: RemoteWorker, visit):
    alice = visit("steady", "view")
    assert alice.request(plane(0), TIMEOUT_S)
    raw = RawGuest(remote.port, remote.keys.server_public, remote.keys.guest("rat", "view").own())
    try:
        assert isinstance(raw.ask(AskWorkerStatus(request=1)), WorkerWelcome)
        for garbage in (b"\xff" * 100, b"\x81" * 1000, encode(WorkerWelcome(
            worker="x", pid=1, arena_bytes=0, slots=0, row=0
        ))):  # fmt: skip
            raw.door.send(garbage)
            raw.door.send_multipart([garbage, garbage])
        assert isinstance(alice.request(plane(4), TIMEOUT_S), PixelAnswer)
    finally:
        raw.close()


def test_a_client_that_reads_nothing_costs_little_and_nobody_else(remote: RemoteWorker, visit):
    path = remote.root / "slow.ome.tif"
    write_stack(path, 2, size=1500)
    slow = remote.keys.guest("slow", "view")
    program = (
        "import sys, zmq\nsys.path[:0] = sys.argv[3:]\nfrom pathlib import Path\n"
        "from key_rig import RawGuest\nfrom planecast_protocol.keys.folder import KeyFolder\n"
        "from planecast_protocol.messages import encode\n"
        "from planecast_protocol.reader_messages import AskWorkerStatus, ReadPixels\n"
        "keys = KeyFolder(Path(sys.argv[2]))\n"
        "guest = RawGuest(int(sys.argv[1]), keys.servers()['127.0.0.1'], keys.own())\n"
        "guest.ask(AskWorkerStatus(request=1))\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "for n in range(60):\n"
        "    guest.door.send(encode(ReadPixels(\n"
        "        request=n + 2, path='data:slow.ome.tif', index={'Z': n % 2})))\n"
        "print('asked', flush=True)\nsys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", program, str(remote.port), str(slow.folder)]
    alice = visit("quick", "view")
    request = ReadPixels(request=0, path="data:slow.ome.tif", index={"Z": 0})
    alice.request(request, TIMEOUT_S)
    with subprocess.Popen(
        [*command, str(Path(__file__).parents[1])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        before = remote.gateway().memory_full_info().uss
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGSTOP)
        try:
            most = 0
            for _ in range(20):
                assert isinstance(alice.request(request, TIMEOUT_S, find=False), PixelAnswer)
                most = max(most, remote.gateway().memory_full_info().uss - before)
        finally:
            process.kill()

    assert most < 60 << 20, "of the 258 MiB that were asked for"


# ---------------------------------------------------------------- what is not begun


def _fails(*options: str) -> str:
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as folder:
        command = [sys.executable, "-m", "planecast_reader", "--readers", "1"]
        done = subprocess.run(
            [*command, "--address", f"unix://{folder}/w", *options],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_without_keys_or_roots_no_plane_leaves_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    keys, address = Keys(tmp_path), f"tcp://*:{free_port()}"
    monkeypatch.setenv("PLANECAST_KEYS", str(tmp_path / "none"))
    assert "planecast keys init" in _fails("--address", address, "--root", f"d={tmp_path}")
    keys.guest("alice", "view")
    monkeypatch.setenv("PLANECAST_KEYS", str(keys.server.folder))
    assert "planecast reader --root data=/data" in _fails("--address", address)


def test_a_client_without_keys_does_not_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANECAST_KEYS", str(tmp_path))
    client = ReaderClient("tcp://192.0.2.1:5815")
    try:
        assert _wait_for(lambda: "planecast keys add 192.0.2.1 KEY --server" in client.trouble)
    finally:
        client.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_nobody_checks_keys_any_more_the_gateway_closes(remote: RemoteWorker):
    gateway = Gateway(f"tcp://127.0.0.1:{free_port()}", remote.worker.address, remote.keys.server)
    ended: list[str] = []
    thread = threading.Thread(target=lambda: ended.append(gateway.run(lambda: False)))
    thread.start()
    try:
        with killed_thread(gateway.gatekeeper.thread):
            thread.join(TIMEOUT_S)
        assert ended == ["unguarded"]
    finally:
        gateway.close()


def _own(remote: RemoteWorker, name: str):
    from planecast_protocol.keys.folder import KeyFolder

    return KeyFolder(remote.keys.server.folder.parent / name).own()


def _wait_for(is_so: Callable[[], bool]) -> bool:
    from worker_rig import wait_until

    wait_until(is_so, "it")
    return True

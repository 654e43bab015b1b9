"""What the tests of the agent need: real agent processes, and a subscriber with a cursor."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from planecast_agent.journal import JOURNAL_NAME
from planecast_protocol.agent_messages import (
    AcquisitionList,
    AcquisitionSummary,
    AgentHeartbeat,
    Bell,
    CursorBeyond,
    EventChunk,
    FetchEvents,
    ListAcquisitions,
    Refused,
)
from planecast_protocol.columns import INTEGER_COLUMNS, Columns, unpack
from planecast_protocol.endpoints import AgentAddress
from planecast_protocol.messages import AnyMessage, decode, encode
from planecast_protocol.sockets import client_socket

TIMEOUT_S = 30.0
CONTROLLER = Path(__file__).with_name("controller_program.py")


def eventually(is_so: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until `is_so()`, or fail with `what`."""
    never = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        never.wait(0.01)


class AgentProcess:
    """`python -m planecast_agent` with its folders beneath `folder`."""

    def __init__(self, folder: Path, address: str | None = None) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.spool_dir = folder / "spool"
        self.address = address or f"ipc://{folder}/a"
        self.log = folder / "agent.log"
        self.process: subprocess.Popen[str] | None = None
        self.more: list[str] = []
        """More arguments of the command line."""

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "planecast_agent", "--address", self.address),
            *("--state-dir", str(self.state_dir), "--spool-dir", str(self.spool_dir)),
            *("--worker", "unix:///nowhere"),
            *self.more,
        ]

    def start(self) -> "AgentProcess":
        """Start it, and wait until it is ready."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"ready {self.address}\n", self.log.read_text()
        return self

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM; return the exit code."""
        return self._end(signal.SIGTERM)

    def lose_journal(self) -> None:
        """Kill it, and leave it a journal that is none."""
        self.kill()
        # The write-ahead log alone would restore all of it.
        for file in self.state_dir.glob(JOURNAL_NAME + "*"):
            file.unlink()
        (self.state_dir / JOURNAL_NAME).write_bytes(b"no database at all" * 1000)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        code = process.wait(TIMEOUT_S)
        assert process.stdout is not None
        process.stdout.close()
        return code


class ControllerProcess:
    """`controller_program.py`: registers planes until it is done, or killed."""

    def __init__(self, agent: AgentProcess, n_planes: int, pause_s: float = 0.0) -> None:
        self.oracle = agent.folder / f"oracle-{id(self)}"
        arguments = (agent.address, agent.spool_dir, self.oracle, n_planes, pause_s)
        self.process = subprocess.Popen(
            [sys.executable, str(CONTROLLER), *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.acquisition = self.process.stdout.readline().strip()

    def n_accepted(self) -> int:
        """Planes for which `register_image` has returned."""
        return self.oracle.stat().st_size if self.oracle.exists() else 0

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Subscriber:
    """Asks an agent, and follows one acquisition by bell and cursor."""

    def __init__(self, address: str) -> None:
        self._address = AgentAddress.parse(address)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.bell = client_socket(self._context, zmq.SUB, self._address.bell)
        self.bell.subscribe(b"")
        self._request = 0
        self.times: list[int] = []
        """The t of every plane received, in order."""
        self.others: list[bytes] = []
        self.next = 1
        self.log = ""

    def ask(self, *frames: bytes) -> list[bytes]:
        """Send frames to the door and return the frames of the answer; ask again if need be."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with client_socket(self._context, zmq.DEALER, self._address.door) as door:
                door.send_multipart(frames)
                if door.poll(2000):
                    return door.recv_multipart()
        raise AssertionError(f"no answer from {self._address.door}")

    def ask_message(self, *frames: bytes) -> AnyMessage:
        return decode(self.ask(*frames)[0])

    def listing(self) -> AcquisitionList:
        self._request += 1
        answer = self.ask_message(encode(ListAcquisitions(request=self._request)))
        assert isinstance(answer, AcquisitionList)
        assert answer.request == self._request
        return answer

    def summary(self, acquisition: str) -> AcquisitionSummary | None:
        listed = self.listing().acquisitions
        return next((one for one in listed if one.acquisition == acquisition), None)

    def fetch(self, acquisition: str, first: int) -> EventChunk | CursorBeyond | Refused:
        """Fetch one chunk, and take it in if it is the next."""
        self._request += 1
        question = FetchEvents(request=self._request, acquisition=acquisition, first=first)
        frames = self.ask(encode(question))
        answer = decode(frames[0])
        assert isinstance(answer, EventChunk | CursorBeyond | Refused)
        assert answer.request == self._request
        if isinstance(answer, EventChunk):
            self._take(answer, unpack(frames[1]))
        return answer

    def _take(self, chunk: EventChunk, columns: Columns) -> None:
        assert columns.count == chunk.count
        self.log = chunk.log
        if chunk.first == self.next:
            rows = columns.planes
            integers = memoryview(columns.integers).cast("i")
            self.times += integers[INTEGER_COLUMNS.index("t") * rows :][:rows].tolist()
            self.others += [body for _before, body in columns.others]
            self.next += chunk.count

    def pull(self, acquisition: str) -> list[int]:
        """Fetch from the cursor to the head; return the t of all planes so far."""
        while True:
            answer = self.fetch(acquisition, self.next)
            assert isinstance(answer, EventChunk), answer
            if self.next > answer.head:
                return self.times

    def wait_for(self, acquisition: str, n_events: int) -> list[int]:
        """Pull whenever the bell rings, until there are `n_events`."""
        self.hear_head(acquisition, n_events)
        return self.pull(acquisition)

    def hear_head(self, acquisition: str, head: int, not_of_log: str = "") -> None:
        """Wait for a bell or heartbeat that tells of this head, in another log than this."""
        deadline = time.monotonic() + TIMEOUT_S
        heard = 0
        while heard < head:
            assert time.monotonic() < deadline, f"{heard} of {head} events"
            if self.bell.poll(100):
                message = decode(self.bell.recv())
                if not isinstance(message, Bell | AgentHeartbeat) or message.log == not_of_log:
                    continue
                if isinstance(message, Bell):
                    heard = max(heard, message.heads.get(acquisition, 0))
                else:
                    heads = {one.acquisition: one.head for one in message.running}
                    heard = max(heard, heads.get(acquisition, 0))

    def heartbeat(self, is_right: Callable[[AgentHeartbeat], bool]) -> AgentHeartbeat:
        """Wait for a heartbeat that is right: older ones may still be on their way."""
        deadline = time.monotonic() + TIMEOUT_S
        beat = None
        while time.monotonic() < deadline:
            if self.bell.poll(100):
                message = decode(self.bell.recv())
                if isinstance(message, AgentHeartbeat):
                    beat = message
                    if is_right(beat):
                        return beat
        raise AssertionError(f"no such heartbeat; the last one was {beat}")

    def close(self) -> None:
        self.bell.close()
        self._context.term()

"""`planecast state` and `planecast command` against a real agent and controller."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from planecast_agent.controller import Controller
from planecast_agent.subscriber.control_client import ControlClient

TIMEOUT_S = 60.0


def planecast(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "planecast", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an agent and a controller for all tests; return the agent's address."""
    folder: Path = tmp_path_factory.mktemp("agent")
    agent = f"ipc://{folder}/a"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "planecast_agent", "--address", agent),
            *("--state-dir", str(folder / "state"), "--spool-dir", str(folder / "spool")),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")

    def set_exposure(
        ms: Annotated[float, msgspec.Meta(ge=0.1)], channel: Literal["BF", "DAPI"] = "BF"
    ) -> dict[str, object]:
        """Expose for so long."""
        return {"ms": ms, "channel": channel}

    def fail() -> None:
        raise RuntimeError("no light")

    def wait() -> None:
        time.sleep(3)

    with Controller("Squid", agent=agent) as controller:
        controller.publish_state("stage", {"x_um": 1.5})
        for handler in (set_exposure, fail, wait):
            controller.on_command(handler.__name__, handler)
        with ControlClient(agent) as client:
            seen = client.picture()
            while not (seen.controllers and len(seen.controllers[0].commands) == 3):
                seen = client.wait_for_change(seen, TIMEOUT_S)
        yield agent
    process.terminate()
    process.wait(TIMEOUT_S)
    process.stdout.close()


def test_state_is_listed(address: str):
    shown = planecast("state", "--agent", address)

    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("Squid  live  process ")
    assert lines[1] == "  stage = {'x_um': 1.5}"
    assert lines[2] == (
        "  command set_exposure ms=(a number, at least 0.1) [channel=(one of BF, DAPI)]"
        "  Expose for so long."
    )


def test_state_as_json(address: str):
    shown = planecast("state", "--agent", address, "--json")

    facts = json.loads(shown.stdout)
    assert facts["agent"] == "live"
    assert facts["may_command"] is True
    (squid,) = facts["controllers"]
    assert squid["values"][0]["value"] == {"x_um": 1.5}
    assert [spec["name"] for spec in squid["commands"]] == ["set_exposure", "fail", "wait"]
    assert [one["life"] for one in facts["parts"] if one["part"]["kind"] == "controller"] == [
        "live"
    ]


def test_state_is_watched(address: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "planecast", "state", "--agent", address, "--watch", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = json.loads(process.stdout.readline())
        with Controller("Ti2", agent=address) as other:
            other.publish_state("on", True)
            for line in process.stdout:
                names = [one["name"] for one in json.loads(line)["controllers"]]
                if "Ti2" in names:
                    break
        assert [one["name"] for one in first["controllers"]] == ["Squid"]
        assert "Ti2" in names
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
        process.stdout.close()


def test_a_command_is_carried_out(address: str):
    done = planecast(
        "command", "Squid", "set_exposure", "ms=25", "channel=DAPI", "--agent", address
    )

    assert (done.returncode, done.stdout) == (0, "done: {'ms': 25.0, 'channel': 'DAPI'}\n")


def test_an_answer_as_json(address: str):
    done = planecast("command", "Squid", "set_exposure", "ms=25", "--agent", address, "--json")

    assert json.loads(done.stdout) == {
        "controller": "Squid",
        "command": "set_exposure",
        "outcome": "done",
        "value": {"ms": 25.0, "channel": "BF"},
    }


FAILURES = {
    "no such controller": (("Nikon", "home"), "there is no controller Nikon"),
    "no such command": (("Squid", "home"), "Squid accepts no home; it accepts: set_exposure"),
    "no such argument": (("Squid", "set_exposure", "s=1"), "has no argument s: it takes ms"),
    "argument missing": (("Squid", "set_exposure"), "set_exposure needs ms"),
    "wrong type": (("Squid", "set_exposure", "ms=long"), "it must be a number, at least 0.1"),
    "out of range": (("Squid", "set_exposure", "ms=0"), "it must be a number, at least 0.1"),
    "it failed": (("Squid", "fail"), "Squid, fail: RuntimeError: no light"),
    "too slow": (("Squid", "wait", "--timeout", "0.2"), "its controller has begun it"),
    "time of nothing": (("Squid", "fail", "--timeout", "0"), "timeout_s 0.0"),
}


@pytest.mark.parametrize(("arguments", "why"), FAILURES.values(), ids=FAILURES.keys())
def test_a_command_that_is_not_done_says_why(address: str, arguments: tuple[str, ...], why: str):
    failed = planecast("command", *arguments, "--agent", address)

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("planecast: ")
    assert why in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_an_argument_without_a_value_is_a_matter_of_usage(address: str):
    failed = planecast("command", "Squid", "set_exposure", "ms", "--agent", address)

    assert failed.returncode == 2
    assert "write KEY=VALUE" in failed.stderr


@pytest.mark.parametrize("verb", [("state",), ("command", "Squid", "home")])
def test_an_absent_agent_is_named(tmp_path: Path, verb: tuple[str, ...]):
    failed = planecast(*verb, "--agent", f"ipc://{tmp_path}/nobody")

    assert failed.returncode == 1
    assert f"no agent answers at ipc://{tmp_path}/nobody; start one" in failed.stderr

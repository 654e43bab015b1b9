"""A controller with a stage, in a process of its own, for the tests to stop and kill.

Arguments: address of the agent, file into which each handler writes a line when it begins.
Prints `ready` when the agent knows it.
"""

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from planecast_agent.controller import Controller
from planecast_protocol.errors import CommandRefusedError


def main(address: str, journal: Path) -> None:
    def note(text: str) -> None:
        with journal.open("a") as file:
            file.write(text + "\n")

    def set_exposure(
        ms: Annotated[float, msgspec.Meta(ge=0.1, le=1000)],
        channel: Literal["BF", "DAPI"] = "BF",
    ) -> dict[str, object]:
        """Expose for so long."""
        note(f"set_exposure {ms}")
        return {"ms": ms, "channel": channel}

    def wait_for(path: str) -> str:
        """Wait until there is such a file."""
        note(f"wait_for {path}")
        while not Path(path).exists():
            time.sleep(0.01)
        return "it is there"

    def fail() -> None:
        note("fail")
        raise RuntimeError("the stage is at its limit")

    def decline() -> None:
        note("decline")
        raise CommandRefusedError("not while it acquires")

    with Controller("Squid", agent=address) as controller:
        controller.publish_state("stage", {"x_um": 1.5, "y_um": -2, "homed": True})
        controller.publish_state("journal", str(journal))
        for handler in (set_exposure, wait_for, fail, decline):
            controller.on_command(handler.__name__, handler)
        while not controller.connected:
            time.sleep(0.01)
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""A viewer as the agent sees it: it listens, and says who it is. Argument: the agent's address."""

import os
import sys

from planecast_agent.subscriber.control_follower import ControlFollower
from planecast_protocol.state_messages import Part

IDENTITY = os.urandom(16).hex()


def introduce() -> Part:
    return Part(
        part=IDENTITY, kind="viewer", name="a viewer", pid=os.getpid(), shows="run-1", behind=7
    )


if __name__ == "__main__":
    follower = ControlFollower(sys.argv[1], on_change=lambda: None, introduce=introduce)
    follower.start()
    print("ready", flush=True)
    sys.stdin.read()
    follower.close()

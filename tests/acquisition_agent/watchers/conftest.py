"""Fixtures of the watchers' tests. Each ends its processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import AgentProcess
from watch_rig import WatchProcess


@pytest.fixture
def data(home: Path) -> Path:
    """Make the folder that controllers write to."""
    folder = home / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(idle_agent: AgentProcess, data: Path) -> Iterator[Callable[..., WatchProcess]]:
    """Start watchers of `data`, which publish to the agent whether it runs or not."""
    begun: list[WatchProcess] = []

    def start_one(*options: str, folder: Path | None = None) -> WatchProcess:
        begun.append(WatchProcess(idle_agent, folder or data, *options))
        return begun[-1]

    yield start_one
    for one in begun:
        one.close()

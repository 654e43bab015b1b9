"""Viewers without a window: follow every acquisition with the subscriber's own code.

    python chaos_follower.py AGENT FOLDER NAME PAUSE_S

`PAUSE_S` is slept after every chunk: a slow viewer. When `FOLDER/final.json` tells how far to
go, it goes there and writes `FOLDER/view-NAME.json`.
"""

import json
import sys
import threading
import time
from pathlib import Path

from chaos_controller import picture_path

from planecast_agent.subscriber.follower import Follower
from planecast_agent.subscriber.news import AcquisitionChosen, AcquisitionsListed, News, PlaneRows
from planecast_agent.subscriber.plane_index import RegisteredPlanes
from planecast_agent.subscriber.subscription import Subscription
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.event_messages import EndAcquisition

SAMPLE_EVERY = 17
"""One plane of so many is looked up in the index: each look-up inflates a block of paths."""


class Followed:
    """One acquisition, and what is known of its planes. Filled by the thread of its follower."""

    def __init__(self, agent: str, acquisition: str, pause_s: float) -> None:
        self._acquisition = acquisition
        self.pause_s = pause_s
        self._ended = False
        self._start_over()
        self._follower = Follower(agent, Subscription(acquisition), self._take)
        self._follower.start()

    def _start_over(self) -> None:
        self.times: list[int] = []
        """The t of every plane that came, in the order in which they came."""
        self.index = RegisteredPlanes(1, 1, 1)
        self._wrong_paths = 0

    def _take(self, news: News) -> None:
        match news:
            case AcquisitionChosen():
                self._start_over()
            case PlaneRows():
                self.index.add(news)
                times = news.integers[0].tolist()
                names = [self._path(t) for t in times]
                self._wrong_paths += sum(map(str.__ne__, names, news.paths))
                self.times += times
                time.sleep(self.pause_s)
            case EndAcquisition():
                self._ended = True

    def rest(self) -> None:
        """Follow no longer what is over."""
        if self._ended:
            self._follower.close()

    def _path(self, t: int) -> str:
        return "local:" + picture_path(self._acquisition, t)[1:]

    def n_wrong(self) -> int:
        """Count planes that came with another's path, or are not in the index as they came."""
        wrong = self._wrong_paths + abs(self.index.n_planes - len(set(self.times)))
        for t in self.times[::SAMPLE_EVERY]:
            plane = PlaneIndex(t=t, fov=0, z=0, channel=0)
            wrong += not self.index.has(plane) or self.index.source(plane).path != self._path(t)
        return wrong


class Viewer:
    """Follows all acquisitions that it hears of."""

    def __init__(self, agent: str, pause_s: float) -> None:
        self._agent = agent
        self._pause_s = pause_s
        self._listed: set[str] = set()
        self._followed: dict[str, Followed] = {}
        self._lister = Follower(agent, Subscription(), self._take)
        self._lister.start()

    def _take(self, news: News) -> None:
        if isinstance(news, AcquisitionsListed):
            self._listed = {one.acquisition for one in news.acquisitions}

    def look(self) -> None:
        """Follow what is new."""
        for name in self._listed - self._followed.keys():
            self._followed[name] = Followed(self._agent, name, self._pause_s)
        for one in self._followed.values():
            one.rest()

    def hurry(self) -> None:
        """Be slow no more."""
        self._pause_s = 0.0
        for one in self._followed.values():
            one.pause_s = 0.0

    def has(self, planes: dict[str, int]) -> bool:
        """Whether so many planes of each acquisition have come."""
        return all(
            name in self._followed and len(self._followed[name].times) >= n_planes
            for name, n_planes in planes.items()
        )

    def view(self) -> dict[str, object]:
        return {
            "times": {name: one.times for name, one in self._followed.items()},
            "wrong": sum(one.n_wrong() for one in self._followed.values()),
            "alarms": [],
        }


def main(agent: str, folder: str, name: str, pause_s: float) -> None:
    viewer = Viewer(agent, pause_s)
    final = Path(folder, "final.json")
    tick = threading.Event()
    while not final.exists():
        viewer.look()
        tick.wait(0.05)
    told = json.loads(final.read_text())
    deadline = time.monotonic() + told["within_s"]
    viewer.hurry()
    while not viewer.has(told["planes"]) and time.monotonic() < deadline:
        viewer.look()
        tick.wait(0.05)
    Path(folder, f"view-{name}.json").write_text(json.dumps(viewer.view()))


if __name__ == "__main__":
    main(*sys.argv[1:4], float(sys.argv[4]))

"""Shared by the tests of all packages: the events of one acquisition."""

import os
from typing import Any

import pytest

from planecast_agent.subscriber.news import AcquisitionChosen, PlaneRows
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.columns import pack, unpack
from planecast_protocol.event_messages import EndAcquisition, RegisterImage, StartAcquisition
from planecast_protocol.planes import PlaneSource

# Whoever runs the tests may have settings of their own: here they are the tests' business.
os.environ["PLANECAST_CONFIG"] = os.devnull


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: at the end one of two processes would do nothing."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class Acquired:
    """Makes the events of one acquisition."""

    def __init__(self, name: str = "exp7", **facts: Any) -> None:
        given = {"num_z": 3, "height": 64, "width": 96, "fov_labels": ["A1:0", "A1:1"]}
        self.start = StartAcquisition(
            acquisition=name,
            name=name,
            started_at=1.0,
            **{"channels": ["BF", "DAPI"], **given, **facts},
        )

    def image(self, t: int, fov: int, z: int, channel: int, **source: Any) -> RegisterImage:
        path = f"data:{t}/{fov}_{z}_{channel}.tiff"
        return RegisterImage(
            acquisition=self.start.acquisition,
            index=PlaneIndex(t, fov, z, channel),
            source=PlaneSource(**{"path": path, **source}),
            registered_at=100.0 + t,
        )

    def rows(self, *indices: tuple[int, int, int, int]) -> PlaneRows:
        """Return registrations as the link hands them over."""
        return PlaneRows.of(unpack(pack([self.image(*index) for index in indices])))

    def end(self, status: Any = "done") -> EndAcquisition:
        return EndAcquisition(acquisition=self.start.acquisition, status=status, ended_at=2.0)

    def news(self, *indices: tuple[int, int, int, int]) -> list[Any]:
        """Return the news of an acquisition that has begun and registered these planes."""
        begun = [AcquisitionChosen(self.start.acquisition), self.start]
        return [*begun, self.rows(*indices)] if indices else begun


@pytest.fixture
def acquired() -> Acquired:
    return Acquired()


@pytest.fixture
def make_acquired() -> type[Acquired]:
    return Acquired

"""Headless reading from asyncio."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from image_rig import client_of, hyperstack, write_gaps, write_ome
from worker_rig import TIMEOUT_S, Worker, running_worker, status, stopped, wait_until

import planecast
from planecast_protocol.errors import (
    FileMissingError,
    NoDataError,
    OutOfRangeError,
    WorkerUnreachableError,
)
from planecast_reader import client as client_module
from planecast_reader.client import ReaderClient
from planecast_reader.headless.aio import AsyncImage, open_image
from planecast_reader.headless.streaming import MissingPlanesWarning

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")

SHAPE = (2, 4, 30, 40)
Result = TypeVar("Result")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("--cache-mib", "128") as worker:
        yield worker


@pytest.fixture
def client(worker: Worker) -> Iterator[ReaderClient]:
    with client_of(worker) as client:
        yield client


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANECAST_CACHE_DIR", str(tmp_path / "cache"))
    write_ome(tmp_path / "a.ome.tif", hyperstack(*SHAPE), "CZYX")
    return tmp_path / "a.ome.tif"


def with_image(
    path: Path, client: ReaderClient, work: Callable[[AsyncImage], Awaitable[Result]]
) -> Result:
    async def run() -> Result:
        async with open_image(path, client) as image:
            return await asyncio.wait_for(work(image), TIMEOUT_S)

    return asyncio.run(run())


def test_planes_stacks_and_regions(path: Path, client: ReaderClient):
    async def work(image: AsyncImage) -> None:
        pixels = hyperstack(*SHAPE)
        np.testing.assert_array_equal(await image.read_plane(C="GFP", Z=3), pixels[1, 3])
        np.testing.assert_array_equal(await image.read_stack(C=0, Z=slice(1, 3)), pixels[0, 1:3])
        part = await image.read_region(x=3, y=4, width=5, height=6, Z=1)
        np.testing.assert_array_equal(part, pixels[0, 1, 4:10, 3:8])
        np.testing.assert_array_equal(await image.projection("Z", "max"), pixels.max(axis=1))

    with_image(path, client, work)


def test_many_planes_at_once(path: Path, client: ReaderClient):
    async def work(image: AsyncImage) -> list[np.ndarray]:
        return await asyncio.gather(*(image.read_plane(C=n % 2, Z=n % 4) for n in range(64)))

    for n, plane in enumerate(with_image(path, client, work)):
        np.testing.assert_array_equal(plane, hyperstack(*SHAPE)[n % 2, n % 4])


def test_the_loop_goes_on_while_a_reader_does_not(path: Path, worker: Worker):
    with client_of(worker) as client:
        pids = [one.pid for one in status(client).readers]

        async def work(image: AsyncImage) -> int:
            with stopped(*pids):
                asked = asyncio.create_task(image.read_stack())
                turns = 0
                while turns < 100:
                    await asyncio.sleep(0)
                    turns += 1
                assert not asked.done()
            np.testing.assert_array_equal(await asked, hyperstack(*SHAPE))
            return turns

        assert with_image(path, client, work) == 100


def test_tables_metadata_and_thumbnails(path: Path, tmp_path: Path, client: ReaderClient):
    write_gaps(tmp_path / "a.czi", hyperstack(3, 20, 30), missing=set())

    async def work(image: AsyncImage) -> None:
        assert len(await image.planetable()) == 3
        assert await image.tiles() == []
        assert (await image.metadata()).format == "czi"
        first = await image.thumbnail(16)
        assert first.shape == (11, 16, 3)
        os.utime(tmp_path / "a.czi", (1e9, 1e9))
        np.testing.assert_array_equal(await image.thumbnail(16), first)
        np.testing.assert_array_equal(await image.thumbnail(16), first)

    with_image(tmp_path / "a.czi", client, work)
    assert len(list((tmp_path / "cache" / "thumbnails").iterdir())) == 1


def test_an_image_may_be_awaited_instead(path: Path, client: ReaderClient):
    async def run() -> tuple[int, ...]:
        image = await planecast.aio.open_image(path, client)
        plane = await image.read_plane()
        await image.close()
        await image.close()
        return plane.shape

    assert asyncio.run(run()) == (30, 40)


def test_errors_are_those_of_the_file(path: Path, tmp_path: Path, client: ReaderClient):
    async def work(image: AsyncImage) -> None:
        with pytest.raises(OutOfRangeError):
            await image.read_plane(Z=4)
        with pytest.raises(OutOfRangeError):
            await image.read_stack(H=0)

    with_image(path, client, work)

    async def gaps(image: AsyncImage) -> None:
        with pytest.raises(NoDataError):
            await image.read_stack()
        with pytest.warns(MissingPlanesWarning):
            await image.projection("Z", "max", missing="skip")
        with pytest.warns(MissingPlanesWarning):
            await image.thumbnail(16, projection="max")

    write_gaps(tmp_path / "gaps.czi", hyperstack(3, 20, 30), missing={1})
    with_image(tmp_path / "gaps.czi", client, gaps)

    async def missing() -> None:
        with pytest.raises(FileMissingError):
            await open_image(tmp_path / "nothing.tif", client)

    asyncio.run(missing())


def test_a_cancelled_task_withdraws_its_requests(path: Path, worker: Worker):
    with client_of(worker) as client:
        pids = [one.pid for one in status(client).readers]

        async def run() -> None:
            image = await open_image(path, client)
            with stopped(*pids):
                task = asyncio.create_task(image.read_stack())
                await asyncio.to_thread(
                    wait_until, lambda: status(client).queued > 0, "requests that wait"
                )
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await asyncio.to_thread(
                    wait_until, lambda: status(client).queued == 0, "the withdrawal"
                )
            np.testing.assert_array_equal(await image.read_plane(Z=2), hyperstack(*SHAPE)[0, 2])
            await image.close()

        asyncio.run(run())


def test_no_worker_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch, path: Path):
    monkeypatch.setattr(client_module, "UNREACHABLE_AFTER_S", 0.1)
    client = ReaderClient("unix:///tmp/planecast-nobody-listens-here")

    async def run() -> None:
        with pytest.raises(WorkerUnreachableError, match="no reader worker answers"):
            await open_image(path, client)

    asyncio.run(run())
    client.close()

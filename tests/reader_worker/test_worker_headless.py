"""Scripts that read without a viewer, and what they start and import."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from worker_rig import (
    TIMEOUT_S,
    Asked,
    Worker,
    picture,
    plane_request,
    wait_until,
    wire,
    write_stack,
)

from planecast_protocol.errors import (
    EndpointError,
    OutOfRangeError,
    WorkerUnreachableError,
)
from planecast_protocol.reader_messages import OpenImage, ReleaseFile
from planecast_reader.client import ReaderClient
from planecast_reader.headless.image import Image, open_image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these use Unix sockets")


def test_private_worker_starts_and_ends_with_its_script(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.ome.tif", 3)
    script = (
        "import sys, os; from planecast_reader.headless.image import open_image\n"
        "image = open_image(sys.argv[1]); print(int(image.read_plane(Z=2).sum()))\n"
        "import psutil; print(*[c.pid for c in psutil.Process().children(recursive=True)])"
    )
    environment = {**os.environ, "PLANECAST_RUNTIME_DIR": str(tmp_path / "run")}
    environment.pop("PLANECAST_WORKER", None)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.ome.tif")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment,
        check=True,
    )
    total, children = done.stdout.splitlines()
    assert int(total) == int(picture(2).sum())
    assert len(children.split()) >= 3
    wait_until(
        lambda: not any(psutil.pid_exists(int(pid)) for pid in children.split()),
        "the end of the private worker",
    )


def test_dask_array_pickles_and_computes(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANECAST_WORKER", worker.address)
    write_stack(tmp_path / "a.ome.tif", 4)
    client = ReaderClient(worker.address)
    with open_image(tmp_path / "a.ome.tif", client) as image:
        lazy = pickle.loads(pickle.dumps(image.to_dask()))
    assert lazy.shape == (4, 256, 256)
    computed = np.asarray(lazy[1:3, ::2].compute(scheduler="threads"))
    np.testing.assert_array_equal(computed, np.stack([picture(1), picture(2)])[:, ::2])
    client.close()


def test_image_says_what_it_holds(worker: Worker, tmp_path: Path) -> None:
    channels = np.stack([picture(1), picture(2)])
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}, "PhysicalSizeX": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", channels, metadata=metadata, ome=True)
    client = ReaderClient(worker.address)
    with open_image(tmp_path / "a.ome.tif", client) as image:
        assert isinstance(image, Image)
        assert [channel.name for channel in image.scenes[0].channels] == ["DAPI", "GFP"]
        assert image.scenes[0].sizes == {"C": 2, "Y": 256, "X": 256}
        np.testing.assert_array_equal(image.read_plane(C="GFP"), picture(2))
        with pytest.raises(OutOfRangeError, match="DAPI, GFP"):
            image.read_plane(C="Cy5")
        with pytest.raises(OutOfRangeError, match="no scene 3"):
            image.read_plane(scene=3)
        assert image.metadata.as_dict()
    client.close()


def test_released_file_is_closed_in_every_reader(
    worker: Worker, client: ReaderClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.tif"
    write_stack(path, 8)
    for z in range(8):
        Asked(client, plane_request(path, index={"Z": z})).pixels()

    def holders() -> list[int]:
        readers = psutil.Process(worker.process.pid).children()
        return [r.pid for r in readers if any(f.path == str(path) for f in r.open_files())]

    assert holders()
    assert client.request(ReleaseFile(request=0, path=wire(path)), TIMEOUT_S) is None
    assert holders() == []


def test_opening_tells_the_way_out_when_no_worker_can_be_reached() -> None:
    client = ReaderClient("unix:///tmp/planecast-nobody-listens-here")
    wait_until(lambda: "no reader worker answers" in client.trouble, "the reason")
    assert "planecast reader" in client.trouble
    client.close()
    with pytest.raises(WorkerUnreachableError, match="closed"):
        client.submit(OpenImage(request=0, path="local:a"), lambda _answer: None)


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(EndpointError, match="unix://PATH"):
        ReaderClient("nonsense")


FRONT_MODULES = """
import sys, planecast_reader.__main__, planecast_reader.client, planecast_reader.headless.image
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_front_and_client_import_no_qt_and_no_file_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FRONT_MODULES], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    forbidden = {"PySide6", "ndv", "vispy", "qtpy", "tifffile", "aicspylibczi", "pylibCZIrw"}
    forbidden |= {"imagecodecs", "nd2", "readlif", "liffile", "pandas", "dask", "zmq"}
    assert loaded & forbidden == set()
    assert "planecast_reader" in loaded


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_running_front_has_mapped_no_qt_and_no_file_library(
    worker: Worker, client: ReaderClient, tmp_path: Path
) -> None:
    write_stack(tmp_path / "a.ome.tif", 1)
    Asked(client, plane_request(tmp_path / "a.ome.tif")).pixels()
    maps = Path(f"/proc/{worker.process.pid}/maps").read_text()
    assert "numpy" in maps
    for library in ("PySide6", "Qt6", "aicspylibczi", "pylibCZI", "imagecodecs", "pandas"):
        assert library not in maps

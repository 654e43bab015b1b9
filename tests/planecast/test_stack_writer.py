"""The process that writes stacks for the viewer."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest
import tifffile

from planecast_protocol.paths import local_roots, to_wire_path
from planecast_protocol.planes import PlaneSource
from planecast_protocol.stack_order import StackOrder, StackProgress


def source_of(path, **index):
    return PlaneSource(path=to_wire_path(str(path), local_roots()), index=index)


def run(order):
    """Run the process; return its exit code and its last line."""
    text = order if isinstance(order, bytes) else msgspec.json.encode(order)
    done = subprocess.run(
        [sys.executable, "-m", "planecast.stack_writer"],
        input=text,
        capture_output=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.splitlines()
    return done.returncode, msgspec.json.decode(lines[-1], type=StackProgress)


@pytest.fixture
def planes(tmp_path):
    """Two files of one plane each, of other sizes."""
    paths = []
    for number, shape in enumerate(((16, 24), (8, 8))):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, np.full(shape, number + 1, np.uint16))
        paths.append(path)
    return paths


def order_of(tmp_path, sources, **more):
    given = {"num_t": 1, "num_z": 1, "channels": [f"c{n}" for n in range(len(sources))], **more}
    return StackOrder(out=str(tmp_path / "out.ome.tif"), planes=sources, **given)


def test_planes_of_several_files_make_one(tmp_path, planes):
    sources = [source_of(planes[0]), source_of(planes[0]), None]
    code, last = run(order_of(tmp_path, sources, num_z=3, channels=["BF"]))
    assert (code, last.saved, last.missing) == (0, True, 1)
    saved = tifffile.imread(tmp_path / "out.ome.tif")
    assert saved.shape == (3, 16, 24)
    assert [int(plane.max()) for plane in saved] == [1, 1, 0]


def test_colours_stay_colours(tmp_path):
    path = tmp_path / "rgb.tif"
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    tifffile.imwrite(path, pixels, photometric="rgb")
    code, last = run(order_of(tmp_path, [source_of(path)]))
    assert (code, last.why) == (0, "")
    assert np.array_equal(tifffile.imread(tmp_path / "out.ome.tif"), pixels)


def test_channels_of_other_sizes_are_refused_with_the_way_out(tmp_path, planes):
    code, last = run(order_of(tmp_path, [source_of(path) for path in planes]))
    assert (code, last.saved) == (1, False)
    assert "save the channels by themselves" in last.why
    assert not (tmp_path / "out.ome.tif").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.tif", "1.tif"]


def test_folder_that_is_not_there_is_told(tmp_path, planes):
    order = order_of(tmp_path, [source_of(planes[0])])
    (tmp_path / "file").write_text("")
    order = msgspec.structs.replace(order, out=str(tmp_path / "file" / "out.ome.tif"))
    code, last = run(order)
    assert code == 1
    assert str(tmp_path / "file") in last.why


@pytest.mark.parametrize("text", [b"", b"{}", b"[1, 2]", b'{"out": "x", "num_t": 0}'])
def test_order_that_cannot_be_understood_is_told(text):
    code, last = run(text)
    assert code == 1
    assert last.why


def test_number_of_planes_must_fit(tmp_path, planes):
    code, last = run(order_of(tmp_path, [source_of(planes[0])], num_z=2))
    assert code == 1
    assert "not t × z × channels" in last.why

"""An array that is an image by itself, described as an image whose array is at the path "."."""

import json

import numpy as np
import pytest
import zarr

from planecast_protocol.errors import NoDataError, NotYetWrittenError
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers.omezarr.reader import OmeZarrReader

AXES = ("fov", "t", "c", "z", "y", "x")
SHAPE = (3, 2, 2, 2, 8, 8)


@pytest.fixture
def write(tmp_path):
    def create(axes, *, complete=None, names=None):
        path = tmp_path / "acquisition.zarr"
        array = zarr.create_array(
            str(path), shape=SHAPE, chunks=(1, 1, 1, 1, 8, 8), dtype="u2", dimension_names=names
        )
        document = json.loads((path / "zarr.json").read_text())
        scales = [{"axes": [{"name": name} for name in axes], "datasets": [{"path": "."}]}]
        document["attributes"] = {"ome": {"multiscales": scales}}
        if complete is not None:
            document["attributes"]["_squid"] = {"acquisition_complete": complete}
        (path / "zarr.json").write_text(json.dumps(document))
        array[2, 1, 0, 1] = np.arange(64).reshape(8, 8)
        return OmeZarrReader(path)

    return create


def test_axes_are_those_of_the_description(write):
    reader = write(AXES)
    assert reader.describe().scenes[0].sizes == {
        "FOV": 3, "T": 2, "C": 2, "Z": 2, "Y": 8, "X": 8
    }  # fmt: skip
    plane = reader.read_plane(0, {"FOV": 2, "T": 1, "Z": 1}, None, allocate_in_memory)
    np.testing.assert_array_equal(plane, np.arange(64).reshape(8, 8))


def test_names_in_the_array_itself_come_first(write):
    reader = write(("a", *AXES[1:]), names=AXES)
    assert next(iter(reader.describe().scenes[0].sizes)) == "FOV"


def test_description_of_another_number_of_axes_is_not_believed(write):
    assert list(write(AXES[1:]).describe().scenes[0].sizes)[:4] == ["D0", "D1", "D2", "D3"]


@pytest.mark.parametrize(
    ("complete", "error"), [(False, NotYetWrittenError), (True, NoDataError), (None, NoDataError)]
)
def test_missing_chunk_is_not_yet_while_its_writer_says_so(write, complete, error):
    with pytest.raises(error):
        write(AXES, complete=complete).read_plane(0, {"FOV": 1}, None, allocate_in_memory)

"""The fallback through bioio's plug-ins: these run where bioio and one of them are installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from readers_contract import Example, ExpectedScene, ReaderContract
from readers_truth_rig import check_random_reads

from planecast_protocol.errors import UnsupportedFormatError
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import open_reader, recognise

needs_bioio = pytest.mark.skipif(
    importlib.util.find_spec("bioio") is None or importlib.util.find_spec("bioio_imageio") is None,
    reason="bioio and bioio-imageio are not installed: nothing to fall back to",
)
# Whatever the plug-ins and what they import warn of is theirs.
quiet = pytest.mark.filterwarnings("default")


def write_png(path: Path, seed: int) -> np.ndarray:
    """Write a picture in colours in a format that no reader of ours knows."""
    iio = pytest.importorskip("imageio.v3")
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    iio.imwrite(path, pixels)
    return pixels


@needs_bioio
@quiet
class TestBioio(ReaderContract):
    """A picture that only a plug-in reads."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        pixels = write_png(tmp_path / "a.png", 1)
        return Example(tmp_path / "a.png", [ExpectedScene("YXS", pixels)])

    def test_the_plug_in_is_named(self, reader: PlaneReader):
        assert "bioio_imageio" in reader.describe().reader


@needs_bioio
@quiet
def test_random_reads_of_four_clients_are_right(tmp_path: Path):
    paths = [tmp_path / f"{number}.png" for number in range(20)]
    for number, path in enumerate(paths):
        write_png(path, number)
    check_random_reads(paths)


@needs_bioio
@quiet
def test_what_no_plug_in_reads_is_unsupported(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("hello")
    assert recognise(tmp_path / "notes.txt").name == "bioio"
    with pytest.raises(UnsupportedFormatError, match="no plug-in of bioio"):
        open_reader(tmp_path / "notes.txt")


@pytest.mark.skipif(importlib.util.find_spec("bioio") is not None, reason="bioio is installed")
def test_without_bioio_an_unknown_file_is_unsupported(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnsupportedFormatError, match="no reader knows"):
        open_reader(tmp_path / "notes.txt")


def test_nothing_of_bioio_is_imported_for_files_that_we_read(readers_data: Path):
    path = readers_data / "imagej" / "rgb_cells.tif"
    code = (
        "import sys, pathlib; from planecast_reader.readers import open_reader;"
        f"open_reader(pathlib.Path({str(path)!r})).close();"
        "sys.exit(bool({'bioio', 'dask', 'xarray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0

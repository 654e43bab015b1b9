"""Formats of other distributions, found by their entry points; and the list of all formats."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from readers_contract import REPOSITORY
from worker_rig import plane_request, running_worker

from planecast_protocol.errors import UnsupportedFormatError
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.formats import FormatInfo, list_formats
from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers import formats, load_plugins, open_reader, recognise
from planecast_reader.readers.table import TABLE

MODULE = """
import numpy as np
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import Format, Reader


class GreyReader(PlaneReader):
    format = "grey"

    def describe(self):
        scene = SceneInfo(
            name="grey", sizes={"Y": 2, "X": 3}, dtype="|u1", channels=[ChannelInfo(name="grey")]
        )
        return ImageInfo(path="", format="grey", reader="labgrey", scenes=[scene])

    def read_plane(self, scene, index, page, allocate):
        out = allocate((2, 3), np.dtype("u1"))
        out[:] = self.path.read_bytes()[4]
        return out

    def close(self):
        pass


GREY = Format("grey", "Grey of a lab", (Reader("labgrey", "labgrey:GreyReader"),), (b"GREY",))
GREEDY = Format(
    "greedy", "TIFF too", (Reader("x", "labgrey:GreyReader"),), suffixes=(".tif",), priority=1
)
TIFF = Format("tiff", "Mine", (Reader("x", "labgrey:GreyReader"),))
NUMBER = 7
"""
ENTRY_POINTS = """[planecast.readers]
grey = labgrey:GREY
greedy = labgrey:GREEDY
broken = labbroken:FORMAT
gone = labgrey:NO_SUCH_NAME
number = labgrey:NUMBER
tiff = labgrey:TIFF
"""
METADATA = """Metadata-Version: 2.4
Name: labgrey
Version: 1.5
License-Expression: MIT
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution on the path, as pip would have installed it."""
    site = tmp_path / "site"
    information = site / "labgrey-1.5.dist-info"
    information.mkdir(parents=True)
    (site / "labgrey.py").write_text(MODULE)
    (site / "labbroken.py").write_text("raise SystemError('no driver')\n")
    (information / "METADATA").write_text(METADATA)
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield site
    monkeypatch.undo()
    load_plugins()
    sys.modules.pop("labgrey", None)


@pytest.fixture
def grey_file(tmp_path: Path) -> Path:
    path = tmp_path / "picture.odd"
    path.write_bytes(b"GREY\x2a")
    return path


def test_a_plugin_reads_its_files(installed: Path, grey_file: Path):
    load_plugins()
    reader = open_reader(grey_file)
    assert reader.read_plane(0, {}, None, allocate_in_memory).tolist() == [[42] * 3] * 2


def test_one_that_fails_is_told_and_the_others_work(installed: Path, tmp_path: Path):
    troubles = load_plugins()
    assert troubles["broken"] == "SystemError: no driver"
    assert "NO_SUCH_NAME" in troubles["gone"]
    assert "is no Format" in troubles["number"]
    assert "a format tiff already" in troubles["tiff"]
    assert {one.name for one in formats()} == {one.name for one in TABLE} | {"grey", "greedy"}
    unknown = tmp_path / "notes.txt"
    unknown.write_text("hello")
    with pytest.raises(UnsupportedFormatError, match="plug-in broken failed: SystemError"):
        recognise(unknown)


def test_priority_decides_between_formats_that_know_a_name(installed: Path, tmp_path: Path):
    path = tmp_path / "empty.tif"
    path.touch()
    assert recognise(path).name == "tiff"
    load_plugins()
    assert recognise(path).name == "greedy"
    path.write_bytes(b"II*\0\x08\0\0\0")
    assert recognise(path).name == "tiff", "the content wins over a name"


def test_a_worker_reads_with_a_plugin_and_lives_with_a_broken_one(installed: Path, grey_file: Path):
    with running_worker() as worker:
        client = ReaderClient(worker.address)
        answer = client.request(plane_request(grey_file), 30)
        assert isinstance(answer, PixelAnswer)
        np.testing.assert_array_equal(answer.pixels, np.full((2, 3), 42))
        client.close()


# ---------------------------------------------------------------- the list


def test_every_reader_of_every_format_is_listed():
    found = [(info.name, info.reader) for info in list_formats()]
    wanted = [(one.name, reader.name) for one in TABLE for reader in one.readers]
    assert found[: len(wanted)] == wanted
    for info in list_formats():
        assert msgspec.json.decode(msgspec.json.encode(info), type=FormatInfo) == info
        assert info.available == (info.install is None)
        assert len(info.licences) == len(info.libraries)


def test_what_is_installed_is_listed_with_its_version_and_licence():
    tiff = list_formats()[0]
    assert tiff.available
    assert tiff.is_default
    assert tiff.libraries[0].startswith("tifffile 20")
    assert tiff.licences[0] == "BSD-3-Clause"


def test_a_second_reader_is_listed_with_what_selects_it():
    czi = [info for info in list_formats() if info.name == "czi"]
    assert [info.is_default for info in czi] == [True, False, False]
    selects = [info.select_with for info in czi[1:]]
    assert selects == ["PLANECAST_READER_CZI=aicspylibczi", "PLANECAST_READER_CZI=czifile"]


def test_a_plugin_is_listed_without_being_imported(installed: Path):
    grey = next(info for info in list_formats() if info.name == "grey")
    assert (grey.title, grey.licences) == ("by labgrey 1.5", ["MIT"])
    assert "labgrey" not in sys.modules


def test_listing_imports_no_file_library():
    code = (
        "import sys; from planecast_reader.formats import list_formats; list_formats();"
        "libraries = {'tifffile', 'pylibCZIrw', 'aicspylibczi', 'czifile', 'nd2', 'liffile',"
        "'readlif', 'zarr', 'pydicom', 'wsidicom', 'oiffile', 'ndstorage', 'imagecodecs'};"
        "sys.exit(', '.join(libraries & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_document_of_formats_names_every_format_and_library():
    text = (REPOSITORY / "docs" / "formats.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for one in TABLE:
        assert any(f"| `{one.name}` |" in row for row in rows), one.name
        for reader in one.readers:
            for library in (*reader.libraries, *reader.optional):
                assert any(library.distribution in row for row in rows), library
                assert any(library.licence in row for row in rows) or not library.extra

"""The table of formats, and what may be imported by whom."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import planecast_reader
from planecast_protocol.errors import MissingLibraryError, UnsupportedFormatError
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import READERS, SIGNATURES, SUFFIXES, reader_class, recognise

FILE_LIBRARIES = {"tifffile", "pylibCZIrw", "aicspylibczi", "imagecodecs"}
SOURCES = Path(planecast_reader.__file__).parent


@pytest.mark.parametrize("name", READERS)
def test_every_entry_of_the_table_loads(name: str):
    reader = reader_class(name)
    assert issubclass(reader, PlaneReader)
    assert reader.format == name
    assert not getattr(reader, "__abstractmethods__", None)


def test_signatures_and_suffixes_name_formats_of_the_table():
    assert {name for _, name in SIGNATURES} | set(SUFFIXES.values()) <= READERS.keys()


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"II*\0\x08\0\0\0", "picture.tif", "tiff"),
        (b"MM\0*\0\0\0\x08", "picture.TIFF", "tiff"),
        (b"II+\0\x08\0\0\0", "picture.btf", "tiff"),
        (b"ZISRAWFILE", "picture.tif", "czi"),
        (b"II*\0\x08\0\0\0", "picture.czi", "tiff"),
        (b"", "picture.CZI", "czi"),
        (b"", "picture.ome.tif", "tiff"),
        (b"<OME/>", "picture.companion.ome", "tiff"),
    ],
)
def test_the_content_wins_over_the_suffix(tmp_path: Path, content: bytes, name: str, expected: str):
    path = tmp_path / name
    path.write_bytes(content)
    assert recognise(path) == expected


def test_an_unknown_file_is_unsupported_and_told_what_is_known(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(UnsupportedFormatError, match=r"\.czi"):
        recognise(path)


def test_a_missing_library_names_what_to_install(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.startswith("planecast_reader.readers.tiff")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'planecast\[reader\]'"):
        reader_class("tiff")


def test_the_table_imports_no_file_library():
    code = (
        "import sys, planecast_reader.readers, planecast_reader.statistics;"
        f"sys.exit(bool({FILE_LIBRARIES!r} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def imported_by(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_file_libraries_are_imported_by_readers_only():
    for path in SOURCES.rglob("*.py"):
        if "readers" not in path.relative_to(SOURCES).parts:
            top = {name.partition(".")[0] for name in imported_by(path)}
            assert not top & FILE_LIBRARIES, path


def test_formats_know_neither_each_other_nor_the_worker():
    folder = SOURCES / "readers"
    shared = {"planecast_reader.reader", "planecast_reader.readers"}
    shared |= {f"planecast_reader.readers.{path.stem}" for path in folder.glob("*.py")}
    for package in (path for path in folder.iterdir() if (path / "__init__.py").is_file()):
        own = f"planecast_reader.readers.{package.name}"
        for path in package.rglob("*.py"):
            names = imported_by(path)
            ours = {name for name in names if name.startswith("planecast_reader")}
            assert all(name in shared or name.startswith(own) for name in ours), path
            assert "zmq" not in names, path


def test_every_module_of_a_format_is_imported_by_its_reader():
    for name in READERS:
        module = importlib.import_module(f"planecast_reader.readers.{READERS[name].split(':')[0]}")
        package = Path(str(module.__file__)).parent
        for path in package.glob("*.py"):
            if path.stem != "__init__":
                assert f"planecast_reader.readers.{package.name}.{path.stem}" in sys.modules

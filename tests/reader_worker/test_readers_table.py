"""The table of formats, and what may be imported by whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import planecast_reader
from planecast_protocol.errors import CorruptFileError, MissingLibraryError, UnsupportedFormatError
from planecast_reader.reader import PlaneReader
from planecast_reader.readers import Format, Library, Reader, reader_class, recognise
from planecast_reader.readers.registry import how_to_install, is_good, selected_reader
from planecast_reader.readers.table import TABLE

FILE_LIBRARIES = {"tifffile", "pylibCZIrw", "aicspylibczi", "imagecodecs"}
SOURCES = Path(planecast_reader.__file__).parent


ALL = [(one, reader) for one in TABLE for reader in one.readers]


@pytest.mark.parametrize(("one", "reader"), ALL, ids=[f"{f.name}-{r.name}" for f, r in ALL])
def test_every_entry_of_the_table_loads(one: Format, reader: Reader):
    missing = [library for library in reader.libraries if not is_good(library)]
    if missing:
        pytest.skip(f"not installed: {how_to_install(missing[0])}")
    found = reader_class(reader)
    assert issubclass(found, PlaneReader)
    assert found.format == one.name
    assert not getattr(found, "__abstractmethods__", None)


def test_names_are_unique_and_suffixes_in_lower_case():
    names = [one.name for one in TABLE]
    assert len(set(names)) == len(names)
    for one in TABLE:
        assert one.readers
        assert one.signatures or one.suffixes or one.folder or one.is_fallback
        assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in one.suffixes)
        assert len({reader.name.lower() for reader in one.readers}) == len(one.readers)


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
    assert recognise(path).name == expected


def test_an_unknown_file_is_unsupported_and_told_what_is_known(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(UnsupportedFormatError, match=r"\.czi"):
        recognise(path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "download failed"),
    ],
)
def test_what_stands_for_a_file_is_told_apart(tmp_path: Path, content: bytes, word: str):
    path = tmp_path / "picture.czi"
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=word):
        recognise(path)


def test_a_missing_library_names_what_to_install():
    reader = Reader("odd", "odd.reader:Odd", (Library("no-such-thing", "MIT", extra="odd"),))
    with pytest.raises(MissingLibraryError, match=r"no-such-thing: pip install 'planecast\[odd\]'"):
        reader_class(reader)


def test_an_old_library_names_the_version_to_install():
    library = Library("tifffile", "BSD-3-Clause", minimum="9999.1")
    with pytest.raises(MissingLibraryError, match=r"tifffile 9999\.1 or later"):
        reader_class(Reader("new", "new.reader:New", (library,)))


def test_a_module_that_a_library_itself_misses_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.startswith("planecast_reader.readers.tiff")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    reader_class.cache_clear()
    with pytest.raises(MissingLibraryError, match=r"pip install 'planecast\[reader\]'"):
        reader_class(TABLE[0].readers[0])


def test_the_environment_selects_the_reader(monkeypatch: pytest.MonkeyPatch):
    readers = (Reader("one", "a:A"), Reader("Two", "b:B"))
    odd = Format("odd", "Odd", readers, suffixes=(".odd",))
    assert selected_reader(odd).name == "one"
    monkeypatch.setenv("PLANECAST_READER_ODD", "two")
    assert selected_reader(odd).name == "Two"
    monkeypatch.setenv("PLANECAST_READER_ODD", "three")
    with pytest.raises(UnsupportedFormatError, match=r"PLANECAST_READER_ODD=three.*one, Two"):
        selected_reader(odd)


def test_the_table_imports_no_file_library():
    code = (
        "import sys, planecast_reader.readers, planecast_reader.process.statistics;"
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


def imported_modules(path: Path) -> set[str]:
    """Names that may be modules: `from package import module` too."""
    found = imported_by(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
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


def test_every_module_of_a_format_is_imported_by_its_readers():
    base = "planecast_reader.readers."
    files = {
        base + ".".join(path.relative_to(SOURCES / "readers").with_suffix("").parts): path
        for path in (SOURCES / "readers").glob("*/*.py")
        if path.stem != "__init__"
    }
    reached: set[str] = set()
    waiting = [reader.target.partition(":")[0] for _, reader in ALL]
    while waiting:
        name = waiting.pop()
        if name in files and name not in reached:
            reached.add(name)
            waiting += imported_modules(files[name])
    assert set(files) - reached == set()

"""Names of files on the wire: nothing leads outside the roots."""

import os
from pathlib import Path

import pytest

from planecast_protocol.errors import BadPathError, NotAllowedError
from planecast_protocol.limits import MAX_PATH_CHARS
from planecast_protocol.paths import (
    LOCAL_ALIAS,
    check_wire_path,
    local_roots,
    resolve_wire_path,
    to_wire_path,
)

GOOD = ["data:a.tif", "data:a/b c/λ.ome.tif", "d:...", "data:a..b/c", "data:a:b.tif", r"data:\xff"]
BAD = [
    *("", "a.tif", ":a.tif", "data:", "data:/a.tif", "data:a//b", "data:./a", "data:a/."),
    *("data:..", "data:../a", "data:a/../../b", "data:a\\b", "data:a\0b", "data:a/"),
    *(r"data:a\x2e", r"data:\x2f", r"data:\xFF", "data:\\"),
    "data:" + "x" * MAX_PATH_CHARS,
]


@pytest.mark.parametrize("path", GOOD)
def test_normal_paths_pass(path: str):
    alias, relative = check_wire_path(path)

    assert f"{alias}:{relative}" == path


@pytest.mark.parametrize("path", BAD)
def test_others_are_refused(path: str):
    with pytest.raises(BadPathError):
        check_wire_path(path)


def test_the_longest_root_names_a_path():
    roots = {"all": Path("/"), "data": Path("/data"), "deep": Path("/data/run")}

    assert to_wire_path("/data/run/a.tif", roots) == "deep:a.tif"
    assert to_wire_path("/data/other/a.tif", roots) == "data:other/a.tif"
    assert to_wire_path(Path("/etc/a.tif"), roots) == "all:etc/a.tif"


def test_a_path_beneath_no_root_is_refused_with_the_roots():
    with pytest.raises(BadPathError, match="data=/data"):
        to_wire_path("/database/a.tif", {"data": Path("/data")})


def test_a_relative_path_is_refused():
    with pytest.raises(BadPathError, match="absolute"):
        to_wire_path("a.tif", local_roots())


def test_a_wire_path_resolves_to_what_it_named(tmp_path: Path):
    roots = {"data": tmp_path}
    file = tmp_path / "run" / "not there yet.tif"

    assert resolve_wire_path(to_wire_path(file, roots), roots) == file


def test_the_local_root_names_everything(tmp_path: Path):
    file = tmp_path / "a.tif"
    wire_path = to_wire_path(file, local_roots())

    assert wire_path.startswith(f"{LOCAL_ALIAS}:")
    assert resolve_wire_path(wire_path, local_roots()) == file


def test_an_unknown_alias_is_not_served(tmp_path: Path):
    with pytest.raises(NotAllowedError, match="unknown root 'etc'"):
        resolve_wire_path("etc:passwd", {"data": tmp_path})


def test_no_link_leads_out_of_the_root(tmp_path: Path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("s")
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    (root / "inside").symlink_to(root)

    for path in ("data:file", "data:folder/secret"):
        with pytest.raises(NotAllowedError, match="leads outside"):
            resolve_wire_path(path, {"data": root})
    assert resolve_wire_path("data:inside/a.tif", {"data": root}) == root / "inside" / "a.tif"


def test_a_name_that_is_not_utf8_comes_back_byte_by_byte(tmp_path: Path):
    file = tmp_path / os.fsdecode(b"bad\xff\xfename \xc3\xa9.tif")
    wire_path = to_wire_path(file, {"data": tmp_path})

    assert wire_path == r"data:bad\xff\xfename é.tif"
    assert bytes(resolve_wire_path(wire_path, {"data": tmp_path})) == bytes(file)


def test_links_in_a_circle_are_refused(tmp_path: Path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises((NotAllowedError, OSError)):
        resolve_wire_path("data:a", {"data": tmp_path}).stat()

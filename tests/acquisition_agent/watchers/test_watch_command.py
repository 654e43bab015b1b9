"""`planecast watch` on the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from watch_files import Shape, write_plane_files, write_settings

SHAPE = Shape()


def watch(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "planecast", "watch", *words],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "COLUMNS": "100", **environment},
    )  # fmt: skip


def test_a_dry_run_lists_what_is_there_and_registers_nothing(tmp_path: Path):
    data, spool = tmp_path / "data", tmp_path / "spool"
    write_settings(data, SHAPE)
    write_plane_files(data, SHAPE)
    done = watch("--dry-run", str(data), PLANECAST_SPOOL_DIR=str(spool))
    assert done.returncode == 0, done.stderr
    assert f"{data}: squid-tiff, 16 planes" in done.stdout
    assert "t=1 fov=A1:1 z=1 channel=DAPI  1/A1_1_1_DAPI.tiff" in done.stdout
    assert not spool.exists()


def test_a_dry_run_as_json_is_for_programs(tmp_path: Path):
    write_plane_files(tmp_path, SHAPE)
    half = tmp_path / "0" / "A1_9_0_BF.tiff"
    half.write_bytes((tmp_path / "0" / "A1_0_0_BF.tiff").read_bytes()[:500])
    (tmp_path / "0" / "notes.txt").write_text("x")
    done = watch("--dry-run", "--json", str(tmp_path))
    (found,) = json.loads(done.stdout)
    assert len(found["planes"]) == SHAPE.n_planes
    assert found["not_whole"] == [str(half)]
    assert found["other_files"] == 1
    assert (found["height"], found["channels"], found["fovs"]) == (
        48, ["BF", "DAPI"], ["A1:0", "A1:1"],
    )  # fmt: skip


def test_a_dry_run_of_a_pattern(tmp_path: Path):
    write_plane_files(tmp_path, SHAPE)
    done = watch(
        "--dry-run", "--json", "--pattern", "{t}/{well}_{fov}_{z}_{channel:BF}.tiff", str(tmp_path)
    )
    (found,) = json.loads(done.stdout)
    assert {one["channel"] for one in found["planes"]} == {"BF"}
    assert len(found["planes"]) == SHAPE.n_planes // 2


def test_a_dry_run_that_finds_nothing_is_exit_code_1(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("x")
    done = watch("--dry-run", str(tmp_path))
    assert done.returncode == 1
    assert "no file of the layouts" in done.stdout


def test_presets_are_listed():
    done = watch("--list-presets")
    assert done.returncode == 0
    assert "squid-tiff" in done.stdout
    assert "{t}/{region}_{fov}_{z}_{channel}.tiff" in done.stdout
    listed = json.loads(watch("--list-presets", "--json").stdout)
    assert {"squid-zarr", "squid-ome-tiff", "micro-manager-files"} <= {
        one["name"] for one in listed
    }


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "give the folder to watch"),
        (("--size", "12", "."), "is not HEIGHTxWIDTH"),
        (("--preset", "ndtiff", "--pattern", "{t}.tif", "."), "not both"),
        (("--settle", "-1", "."), "no number above 0"),
        (("--nonsense", "."), "nonsense"),
    ],
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...], complaint: str):
    done = watch(*words)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("/no/such/folder",), "/no/such/folder: no such folder"),
        (("/no/such/folder", "--dry-run"), "/no/such/folder: no such folder"),
        (("--pattern", "{t}_{t}.tif", "."), "position 6: 't' is there already"),
        (("--preset", "squid", "."), "there are ndtiff, squid-zarr"),
    ],
)
def test_a_failure_is_told_and_exit_code_1(words: tuple[str, ...], complaint: str):
    done = watch(*words)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_outside_of_the_roots_is_refused_at_once(tmp_path: Path):
    done = watch(str(tmp_path), PLANECAST_ROOTS="data=/nowhere")
    assert done.returncode == 1
    assert "beneath none of the roots (data=/nowhere)" in done.stderr


def test_without_watchfiles_the_way_out_is_told(tmp_path: Path):
    program = (
        "import sys; sys.modules['watchfiles'] = None; from planecast.cli import main; "
        "sys.argv[1:] = ['watch', sys.argv[1]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PLANECAST_SPOOL_DIR": str(tmp_path / "spool")},
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'planecast[watch]', or use --poll" in done.stderr


def test_the_watcher_loads_no_file_library():
    program = (
        "import sys, planecast_agent.watchers.__main__; "
        "print(*sys.modules.keys() & {'numpy', 'tifffile', 'zarr', 'watchfiles', 'yaml'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"

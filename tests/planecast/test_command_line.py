import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from planecast.cli.programs import arguments_of

Planecast = Callable[..., "subprocess.CompletedProcess[str]"]
VERBS = (
    *("demo", "view", "agent", "reader", "acquisitions"),
    *("info", "read", "thumbnail", "tiles", "planetable", "formats", "bench", "watch"),
)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.tif"
    tifffile.imwrite(path, np.zeros((48, 64), np.uint16), photometric="minisblack")
    return path


def test_help_lists_every_verb(planecast: Planecast):
    done = planecast("--help")
    assert done.returncode == 0
    assert all(f"\n  {verb} " in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_an_example(planecast: Planecast, verb: str):
    done = planecast(verb, "--help")
    assert done.returncode == 0
    assert f"Example: planecast {verb}" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("info",),
        ("agent", "--nonsense"),
        ("demo", "--planes", "-1"),
        ("demo", "--channels", ","),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(planecast: Planecast, arguments: tuple[str, ...]):
    done = planecast(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_failure_is_one_line_and_exit_code_1(planecast: Planecast):
    done = planecast("info", "/no/such/file.czi")
    assert done.returncode == 1
    assert done.stderr == "planecast: /no/such/file.czi: no such file or folder\n"


@pytest.mark.parametrize("where", ["before", "behind"])
def test_debug_shows_where_it_failed(planecast: Planecast, where: str):
    words = ["info", "/no/such/file.czi"]
    words.insert(0 if where == "before" else 2, "--debug")
    done = planecast(*words)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "FileMissingError" in done.stderr


def test_no_agent_is_told_with_the_way_out(planecast: Planecast, own_folders: Path):
    done = planecast("acquisitions")
    assert done.returncode == 1
    assert done.stderr.startswith(f"planecast: no agent answers at ipc://{own_folders}/agent;")


def test_a_missing_library_is_told_as_the_extra_to_install():
    program = "import sys; sys.modules['PySide6'] = None; from planecast.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "view"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "planecast: this needs PySide6, which is not installed: pip install 'planecast[viewer]'\n"
    )


def test_the_command_line_loads_no_library_of_a_verb_that_is_not_used():
    program = (
        "import sys; import planecast.cli; "
        "print(*sys.modules.keys() & {'numpy', 'zmq', 'PySide6', 'tifffile', 'rich'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_options_that_are_not_given_are_left_to_the_program():
    options = {
        "--a": None,
        "--b": False,
        "--c": True,
        "--d": 0,
        "--e": Path("x"),
        "--f": ["1", "2"],
    }
    assert arguments_of(options) == ["--c", "--d", "0", "--e", "x", "--f", "1", "--f", "2"]


def test_info_tells_what_a_file_holds(planecast: Planecast, own_folders: Path, picture: Path):
    done = planecast("info", str(picture))
    assert done.returncode == 0, done.stderr
    assert "Y=48 X=64 uint16" in done.stdout
    assert "pixel size unknown" in done.stdout


def test_info_as_json_is_for_programs(planecast: Planecast, own_folders: Path, picture: Path):
    done = planecast("info", "--json", str(picture))
    facts = json.loads(done.stdout)
    assert facts["path"] == str(picture)
    assert facts["scenes"][0]["sizes"] == {"Y": 48, "X": 64}
    assert "metadata" in facts


def test_planetable_of_a_format_without_one_is_a_failure(
    planecast: Planecast, own_folders: Path, picture: Path
):
    done = planecast("planetable", str(picture))
    assert done.returncode == 1
    assert done.stderr == f"planecast: {picture}: tiff files have no planetable\n"

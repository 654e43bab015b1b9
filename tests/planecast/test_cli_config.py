"""`planecast config`, and programs that are started with a file of settings."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planecast_protocol.configuration.table import settings

Planecast = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def file(tmp_path: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for setting in settings().values():
        if setting.key != "folders.runtime":
            monkeypatch.delenv(setting.variable, raising=False)
    path = tmp_path / "lab.toml"
    path.write_text(
        f"[folders]\nspool = '{tmp_path}/spool'\nstate = '{tmp_path}/state'\n"
        f"[agent]\naddress = 'ipc://{own_folders}/lab'\n[reader]\nprocesses = 2\n"
    )
    return path


def test_show_says_where_each_value_comes_from(
    planecast: Planecast, file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PLANECAST_READER_CACHE_MIB", "64")

    shown = planecast("--config", str(file), "config", "show", "--json")

    facts = json.loads(shown.stdout)
    assert facts["file"] == str(file)
    said = {one["key"]: (one["value"], one["origin"], one["where"]) for one in facts["settings"]}
    assert said["reader.processes"] == (2, "file", f"{file}:7")
    assert said["reader.cache_mib"] == (64, "environment", "PLANECAST_READER_CACHE_MIB")
    assert said["viewer.canvas"] == ("auto", "default", "")
    lines = planecast("--config", str(file), "config", "show").stdout.splitlines()
    assert lines[0] == str(file)
    assert len(lines) == 1 + len(settings())


def test_check_tells_all_troubles_and_fails(planecast: Planecast, tmp_path: Path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[agent]\nadress = 'x'\nkeep_days = 'long'\n")

    done = planecast("config", "check", str(wrong))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"{wrong}:2: agent.adress: there is no such setting; did you mean agent.address?",
        f"{wrong}:3: agent.keep_days: expected a number, got text",
    ]
    facts = json.loads(planecast("config", "check", str(wrong), "--json").stdout)
    assert facts["ok"] is False
    assert [one["line"] for one in facts["troubles"]] == [2, 3]


def test_check_of_a_right_file(planecast: Planecast, file: Path):
    done = planecast("config", "check", str(file))
    assert (done.returncode, done.stdout) == (0, f"{file}: right\n")


@pytest.mark.parametrize("program", ["agent", "reader", "view", "watch"])
def test_no_program_starts_with_a_wrong_file(planecast: Planecast, tmp_path: Path, program: str):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[reader]\nprocesses = 0\n")
    arguments = [str(tmp_path)] if program == "watch" else []

    done = planecast("--config", str(wrong), program, *arguments)

    assert done.returncode == 1
    assert f"{wrong}:2: reader.processes: expected a whole number >= 1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_agent_runs_as_the_file_says_and_a_flag_counts_before(own_folders: Path, file: Path):
    command = [sys.executable, "-m", "planecast", "--config", str(file), "agent"]
    for flags, address in (([], "lab"), (["--address", f"ipc://{own_folders}/other"], "other")):
        with subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True) as agent:
            assert agent.stdout is not None
            assert agent.stdout.readline() == f"ready ipc://{own_folders}/{address}\n"
            agent.terminate()
            assert agent.wait(30) == 0
    assert (file.parent / "state").is_dir()
    assert (file.parent / "spool").is_dir()

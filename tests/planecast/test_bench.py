"""`planecast bench` and `./run bench`: what is printed, and what it says where it can't run."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import __main__ as program
from planecast.cli.bench import Benchmark, find_checkout
from planecast_protocol.errors import PlanecastError

NAMES = tuple(program.BENCHMARKS)


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks that take no time."""
    for name in NAMES:
        module = ModuleType(f"quick_{name}")
        module.measure = lambda quick, name=name: {f"{name}_ratio": 0.5 if quick else 0.25}
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(program.BENCHMARKS, name, module.__name__)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *words])
    return program.main()


def test_one_benchmark_is_one_flat_object(
    benchmarks: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(monkeypatch, "planes", "--quick", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"planes_ratio": 0.5}


def test_several_benchmarks_are_told_by_name(
    benchmarks: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(monkeypatch, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures == {name: {f"{name}_ratio": 0.25} for name in NAMES}


def test_the_object_is_written_into_a_file_beside_the_table(
    benchmarks: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
):
    assert run(monkeypatch, "events", "--out", str(tmp_path / "figures.json")) == 0
    assert json.loads((tmp_path / "figures.json").read_text()) == {"events_ratio": 0.25}
    assert "events_ratio" in capsys.readouterr().out


def test_a_missing_library_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(program.BENCHMARKS, "planes", "psutil_that_is_not_there")
    assert run(monkeypatch, "planes") == 1
    assert "pip install 'planecast[all,test]'" in capsys.readouterr().err


def test_the_verb_knows_the_same_benchmarks():
    assert [one.value for one in Benchmark] == list(program.BENCHMARKS)


def test_the_benchmarks_lie_beside_the_package():
    folder = find_checkout() / "benchmarks"
    assert all((folder / f"{name}.py").is_file() for name in ("plane_path", "events", "viewer"))


def test_an_installed_package_says_where_the_benchmarks_are(tmp_path: Path):
    with pytest.raises(PlanecastError, match=r"get them with git.*\./run bench"):
        find_checkout(tmp_path / "site-packages" / "planecast")

"""The example of a file of settings is what the programs understand."""

import re
from pathlib import Path

import pytest

from planecast_protocol.configuration import configuration
from planecast_protocol.configuration.loading import check_file, found_settings
from planecast_protocol.configuration.table import settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "planecast.toml"
_COMMENTED = re.compile(r"^# (\w+ = )", re.MULTILINE)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch):
    for setting in settings().values():
        monkeypatch.delenv(setting.variable, raising=False)


def test_the_example_is_right(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANECAST_CONFIG", str(EXAMPLE))
    assert check_file(EXAMPLE) == []
    said = configuration()
    assert said.roots == {"data": "/data"}
    assert said.agent.worker == [said.reader.address]


def test_every_setting_is_in_the_example_and_right_when_uncommented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = tmp_path / "planecast.toml"
    whole.write_text(_COMMENTED.sub(r"\1", EXAMPLE.read_text()))
    monkeypatch.setenv("PLANECAST_CONFIG", str(whole))
    assert check_file(whole) == []
    assert found_settings().keys() == settings().keys()


def test_every_setting_is_documented_with_its_variable():
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    missing = [
        one.key for one in settings().values() if f"| `{one.key}` | `{one.variable}` |" not in text
    ]
    assert missing == []

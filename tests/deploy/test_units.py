"""Units, containers, recipes and the desktop entry, as far as they can be checked without a host.

What runs nowhere here (container engines, Windows, macOS) is parsed, and compared with the flags
and settings that the programs have.
"""

import configparser
import plistlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from planecast_protocol.configuration.loading import from_environment
from planecast_protocol.configuration.table import settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MOST_EXPOSED = 25
"""Tenths of what systemd calls exposure; 0 is none, 25 is its "OK"."""

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy whose program exists."""
    copy = tmp_path / request.param.name
    copy.write_text(request.param.read_text().replace("/opt/planecast/bin/planecast", "/bin/true"))
    return copy


@needs_systemd
def test_systemd_finds_no_fault_with_a_unit(unit: Path):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_a_unit_is_hardened(unit: Path):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    done = subprocess.run(
        [*command, f"--threshold={MOST_EXPOSED}", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("unit_file", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_program_that_exists(unit_file: Path):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit_file)
    program, verb = parser["Service"]["ExecStart"].split()
    assert program == "/opt/planecast/bin/planecast"
    assert verb in unit_file.name
    _has_verb(verb)
    assert parser["Service"]["Restart"] == "always"


def test_container_settings_are_ones_that_the_programs_know():
    text = (DEPLOY / "container" / "Containerfile").read_text()
    joined = text.replace("\\\n", " ")
    instructions = [line.split(maxsplit=1) for line in joined.splitlines() if line[:1].isupper()]
    assert instructions[0][0] == "FROM"
    assert {"RUN", "USER", "ENV", "ENTRYPOINT", "CMD"} <= {name for name, _rest in instructions}
    rest = " ".join(rest for name, rest in instructions if name == "ENV")
    variables = dict(re.findall(r"(PLANECAST_\w+)=(\S+)", rest))
    assert len(variables) == 4
    _are_settings(variables)


def test_compose_runs_both_programs_with_enough_shared_memory():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    facts = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    services = facts["services"]
    assert set(services) == {"agent", "reader"}
    for name, service in services.items():
        _has_verb(*service["command"])
        assert service["command"] == [name]
        _are_settings(service["environment"])
        context = DEPLOY / "container" / service["build"]["context"]
        assert (context / service["build"]["dockerfile"]).resolve() == (
            DEPLOY / "container" / "Containerfile"
        )
    reader = services["reader"]
    cache_mib = int(reader["environment"]["PLANECAST_READER_CACHE_MIB"])
    gib = {"shm_size": 0, "mem_limit": 0} | {
        key: int(reader[key].removesuffix("g")) for key in ("shm_size", "mem_limit")
    }
    assert gib["shm_size"] * 1024 > cache_mib
    assert gib["mem_limit"] * 1024 // 2 > cache_mib  # the worker takes half of what is left
    assert services["agent"]["healthcheck"]["test"][1:3] == ["planecast", "status"]


@pytest.mark.parametrize("name", ["agent", "reader"])
def test_the_launchd_recipe_is_a_property_list(name: str):
    facts = plistlib.loads((DEPLOY / "macos" / f"org.planecast.{name}.plist").read_bytes())
    assert facts["Label"] == f"org.planecast.{name}"
    assert facts["ProgramArguments"] == ["/opt/planecast/bin/planecast", name]
    assert facts["KeepAlive"] is True
    assert facts["Umask"] == 0o077


@pytest.mark.parametrize("name", ["agent", "reader"])
def test_the_windows_recipe_is_a_service_of_winsw(name: str):
    service = ET.parse(DEPLOY / "windows" / f"planecast-{name}.xml").getroot()
    assert service.tag == "service"
    assert service.findtext("id") == f"planecast-{name}"
    assert (service.findtext("arguments") or "").split()[-1] == name
    onfailure = service.find("onfailure")
    assert onfailure is not None
    assert onfailure.get("action") == "restart"


def test_untried_recipes_say_so():
    for folder in ("container", "macos", "windows"):
        files = [path for path in (DEPLOY / folder).iterdir() if path.is_file()]
        assert files
        assert all("Untried" in path.read_text() for path in files)


def test_the_desktop_entry_shows_files_and_has_its_icon():
    entry = DEPLOY / "desktop" / "planecast.desktop"
    parser = configparser.RawConfigParser()
    parser.read(entry)
    facts = parser["Desktop Entry"]
    assert facts["exec"] == "planecast view %f"
    icon = entry.with_name(f"{facts['icon']}.svg")
    assert ET.parse(icon).getroot().tag.endswith("svg")


@pytest.mark.skipif(
    not shutil.which("desktop-file-validate"), reason="desktop-file-validate is not installed"
)
def test_the_desktop_entry_is_valid():
    done = subprocess.run(
        ["desktop-file-validate", str(DEPLOY / "desktop" / "planecast.desktop")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def _has_verb(verb: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "planecast", verb, "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0


def _are_settings(variables: dict[str, str]) -> None:
    known = {one.variable: one for one in settings().values()}
    for name, text in variables.items():
        assert from_environment(known[name], text), name

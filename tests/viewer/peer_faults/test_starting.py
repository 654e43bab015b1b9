"""The command line takes its folder, and what the README installs is all that is needed."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from peer_rig import CELL_PX, plane, save

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_REQUEST = {"pyarrow", "fsspec", "s3fs", "distributed", "starlette", "uvicorn"}
"""Who wants what needs these, and lacks them, is told what to install."""
BROUGHT = {"shiboken6"}
"""A part of PySide6 that has a name of its own."""
PACKAGES = (
    "protocol/planecast_protocol",
    "acquisition_agent/planecast_agent",
    "reader_worker/planecast_reader",
    "viewer/planecast_viewer",
    "planecast",
)


def test_command_line_shows_the_folder_that_it_is_given(tmp_path: Path) -> None:
    folder, report = tmp_path / "a run", tmp_path / "report.json"
    for t in range(2):
        save(folder / str(t) / "A1_0_0_BF.tif", plane(t))
    command = [sys.executable, "-m", "planecast", "view", str(folder)]
    command += ["--canvas", "raster", "--exit-when-done", "--report", str(report)]
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PLANECAST_RUNTIME_DIR": str(tmp_path / "run"),
        "PLANECAST_PROBE_CELL": str(CELL_PX),
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    assert told["state"] == "file"
    assert told["acquisition"].endswith("a run")
    assert told["shown_planes"] == [[0, 0, 0, 0]]
    assert told["wrong"] == 0


def extras_in_readme() -> set[str]:
    """Return the extras that the README installs."""
    found = re.findall(r"pip install '?planecast\[([\w,-]+)\]", README)
    return {extra for extras in found for extra in extras.split(",")}


def installed_by(extras: set[str]) -> set[str]:
    """Return the distributions that `pip install planecast[extras]` names itself."""
    texts = [*PROJECT["dependencies"]]
    waiting, seen = set(extras), set[str]()
    while waiting:
        seen.add(extra := waiting.pop())
        texts += PROJECT["optional-dependencies"][extra]
        for text in PROJECT["optional-dependencies"][extra]:
            if (one := Requirement(text)).name == "planecast":
                waiting |= one.extras - seen
    return {Requirement(text).name.lower().replace("_", "-") for text in texts}


def imported() -> dict[str, str]:
    """Return each foreign top-level package that our sources import, and one place of it."""
    found: dict[str, str] = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {
        top: where
        for top, where in found.items()
        if top not in sys.stdlib_module_names and not top.startswith("planecast")
    }


def test_readme_installs_all_that_is_imported() -> None:
    """Each is named by ourselves: what another library brings may go with its next version."""
    extras = extras_in_readme()
    assert extras <= set(PROJECT["optional-dependencies"])
    modules = imported()
    assert "PySide6" in modules
    given = installed_by(extras) | ON_REQUEST | BROUGHT
    packages = packages_distributions()
    missing = {}
    for module, where in modules.items():
        names = {name.lower().replace("_", "-") for name in packages.get(module, [module])}
        if not names & given:
            missing[module] = where
    assert missing == {}

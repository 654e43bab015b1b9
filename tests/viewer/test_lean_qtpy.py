"""qtpy without most of its classes: those that ndv and superqt ask for are all there."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from planecast_viewer.lean_qtpy import SOURCES, LeanModule

CHANGED_IN_QT = (
    "exec_", "print_", "getTextMargins", "tabStopWidth", "setTabStopWidth", "toPyDate",
    "toPyDateTime", "toPyTime", "MidButton", "BackgroundColorRole", "TextColorRole", "ItemFlags",
    "LibraryLocation", "movePosition", "posF", "localPos",
)  # fmt: skip
"""What qtpy adds to Qt's classes, and we don't."""


def sources(package: str) -> Iterator[tuple[Path, str]]:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    for path in Path(spec.origin).parent.rglob("*.py"):
        yield path, path.read_text(encoding="utf-8")


def names_asked_of_qtpy() -> Iterator[tuple[str, str]]:
    """Yield (module of qtpy, name) of each import in ndv and superqt."""
    for package in ("ndv", "superqt"):
        for _path, text in sources(package):
            if "qtpy." not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qtpy."):
                    for alias in node.names:
                        yield str(node.module).removeprefix("qtpy."), alias.name


@pytest.mark.parametrize("module", SOURCES)
def test_names_are_the_same_as_in_qtpy_itself(module: str):
    asked = {name for where, name in names_asked_of_qtpy() if where == module}
    lean = LeanModule(f"qtpy.{module}", SOURCES[module])
    whole = __import__(f"qtpy.{module}", fromlist=["x"])
    assert len(asked) > 5
    for name in asked:
        assert getattr(lean, name) is getattr(whole, name)


def test_a_name_that_qt_has_not_is_an_attribute_error_that_says_where_it_was_sought():
    lean = LeanModule("qtpy.QtGui", SOURCES["QtGui"])
    with pytest.raises(AttributeError, match="no QNothing where qtpy looks for it"):
        _ = lean.QNothing


def test_ndv_and_superqt_use_nothing_that_only_qtpy_adds_to_the_classes():
    used = re.compile(rf"\.({'|'.join(CHANGED_IN_QT)})\(")
    for package in ("ndv", "superqt"):
        found = [(path.name, used.findall(text)) for path, text in sources(package)]
        assert not [one for one in found if one[1]]


def test_a_start_makes_few_of_the_classes_and_reads_no_source():
    program = (
        "import linecache, sys\n"
        "from planecast_viewer.start import load\n"
        "load()\n"
        "import qtpy.QtWidgets, qtpy.QtGui, superqt\n"
        "assert len(vars(qtpy.QtWidgets)) < 100, len(vars(qtpy.QtWidgets))\n"
        "assert qtpy.QtGui.QMouseEvent.pos is qtpy.QtGui.QHoverEvent.pos\n"
        "assert 'superqt' in sys.modules\n"
        "read = [name for name in linecache.cache if 'superqt' in name or 'numpy' in name]\n"
        "assert not read, read\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

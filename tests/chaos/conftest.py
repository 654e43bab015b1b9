"""Fixtures of the chaos tests. The programs of the other folders' rigs are used here too."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

for folder in ("acquisition_agent", "reader_worker"):
    sys.path.append(str(Path(__file__).parents[1] / folder))


@pytest.fixture
def home() -> Iterator[Path]:
    """Make a folder whose name is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="pc", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)

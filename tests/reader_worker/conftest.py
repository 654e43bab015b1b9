"""Fixtures of the reader worker's tests. Those of the formats begin with `readers_`."""

from pathlib import Path

import pytest
from readers_contract import data_folder


@pytest.fixture(scope="session")
def readers_data() -> Path:
    """Return the folder of real microscope files."""
    folder = data_folder()
    if not (folder / "truth.json").is_file():
        pytest.skip(f"no test data in {folder}; set PLANECAST_TEST_DATA")
    return folder

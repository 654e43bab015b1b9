"""Pages of the documentation name tests: each of them exists."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"


@pytest.mark.parametrize("page", ["failures.md", "viewer.md"])
def test_every_test_that_the_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / page).read_text()))
    defined: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        defined |= set(re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE))

    assert named
    assert named <= defined, sorted(named - defined)

"""`docs/failures.md` names tests: each of them exists."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "failures.md"


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    defined: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        defined |= set(re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE))

    assert named
    assert named <= defined, sorted(named - defined)

"""The installed PySide does not lose references, as 6.12 does on Python 3.11."""

import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject

N_CALLS = 200_000
# Other code of the process may take or drop a few; a leak of one a call is 200,000.
TOLERANCE = 1_000


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal since 3.12")
@pytest.mark.parametrize("constant", [None, True, False], ids=repr)
def test_a_constant_keeps_its_references(constant: object) -> None:
    thing = QObject()
    calls: tuple[Callable[[], object], ...] = (
        lambda: thing.setObjectName("a"),
        lambda: thing.blockSignals(True),
        lambda: thing.blockSignals(False),
    )
    before = sys.getrefcount(constant)
    for call in calls:
        for _ in range(N_CALLS // len(calls)):
            call()
    assert abs(sys.getrefcount(constant) - before) < TOLERANCE


def test_many_void_calls_are_survived() -> None:
    thing = QObject()
    for _ in range(N_CALLS):
        thing.setObjectName("a")
    assert thing.objectName() == "a"

"""Every plane is right while processes die at random. `PLANECAST_TORTURE_S` sets how long."""

import os
import sys

import pytest
from torture import torture

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="shared memory is Linux's"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def test_no_plane_is_wrong_and_no_lease_is_left() -> None:
    result = torture(float(os.environ.get("PLANECAST_TORTURE_S", "30")))
    assert (result["wrong"], result["leaked"]) == (0, 0), result
    assert result["planes"] > 500, result
    assert min(result["kills"].values()) >= 1, result

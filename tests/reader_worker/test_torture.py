"""Every plane is right while processes die at random. `PLANECAST_TORTURE_S` sets how long."""

import json
import os
import sys

import numpy as np
import pytest
from torture import torture
from torture_planes import check, expected

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared memory is Linux's")

MIN_PLANES = 100


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_plane_is_wrong_and_no_lease_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    result = torture(float(os.environ.get("PLANECAST_TORTURE_S", "30")), planes=MIN_PLANES)
    with capsys.disabled():
        print(f"\ntorture: {json.dumps(result)}")
    assert (result["wrong"], result["leaked"]) == (0, 0), result
    assert result["planes"] >= MIN_PLANES, result
    assert min(result["kills"].values()) >= 1, result


def test_the_check_sees_what_is_wrong() -> None:
    right = expected(2, 5, 3)
    assert check(right, 2, 3, 5, 5) is None
    assert check(right, 2, 4, 0) is not None, "another plane"
    assert check(right, 1, 3, 0) is not None, "another file"
    assert check(right, 2, 3, 6) is not None, "a version that was replaced long ago"
    assert check(right, 2, 3, 0, 4) is not None, "a version that was not registered yet"
    torn = np.concatenate([right[:256], expected(2, 6, 3)[256:]])
    assert check(torn, 2, 3, 0) is not None, "two versions in one plane"

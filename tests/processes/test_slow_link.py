"""A viewer on another machine, without a common file: two network namespaces and a slow cable."""

import shutil
import time

import pytest

from benchmarks.slow_link.machines import why_not

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
SIZE = 512
MBIT_PER_S = 20.0
PULLED_S = 4.5
"""Longer than libzmq takes a silent peer for alive: the connections really end."""


def test_a_cable_that_is_pulled_costs_no_plane():
    if reason := why_not():
        pytest.skip(reason)
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    from benchmarks.slow_link.visit import visit
    from benchmarks.viewing.site import microscope

    with visit(SIZE, MBIT_PER_S) as one:
        viewer, cable = one.viewer, one.machines.cable
        with microscope(one.scope, one.pictures) as scope:
            positions = scope.prepare(16)
            for position in positions[:6]:
                scope.register(position)
            viewer.do("registered", n_planes=6)
            viewer.do("newest")
            cable.pull()
            for position in positions[6:]:
                scope.register(position)
            time.sleep(PULLED_S)
            cable.plug()
        viewer.do("registered", n_planes=len(positions))
        viewer.do("newest")
        viewer.do("follow", on=False)
        before = cable.bytes_to_desk()
        lost = viewer.do("browse", positions=[list(position) for position in positions])
        n_bytes = cable.bytes_to_desk() - before
        counts = viewer.do("counts")

    assert lost == 0
    assert counts["wrong"] == 0
    assert counts["planes"] >= len(positions)
    assert n_bytes < 0.7 * len(positions) * SIZE * SIZE * 2, "planes travel packed"

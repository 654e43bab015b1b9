"""Twenty kinds of trouble at once, and those who only want to work: nothing is lost to them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from key_rig import free_port

from benchmarks.attackers.attacks import ATTACKS
from benchmarks.attackers.ports import connect
from benchmarks.attackers.site import MemoryWatch, Site, open_site

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="uses Unix sockets"),
    pytest.mark.slow,
    pytest.mark.timeout(120),
]

VICTIMS = "benchmarks.attackers.victims"
SECONDS = 2.0
MORE_MB = 200
"""Of all three processes together; before there were bounds, it was more than 1,000."""
FEW_LINES = 60


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with open_site() as site:
        yield site


def test_who_works_loses_nothing_to_those_who_misbehave(site: Site):
    words = (VICTIMS, "controller", site.agent, site.folder / "p", site.file, 50)
    controller = site.program(*words)
    acquisition = controller.line()
    words = (VICTIMS, "viewer", site.keyed_agent, site.keyed_worker, acquisition)
    viewer = site.program(*words)
    words = (VICTIMS, "crowd", site.keyed_agent, site.keyed_worker, acquisition, 6)
    crowd = site.program(*words)
    for one in (viewer, crowd):
        one.line()
    before = site.rss_mb()
    watch = MemoryWatch(site)

    ports = site.ports.to_text()
    slow = site.program("benchmarks.attackers.slow", ports, SECONDS, 2, acquisition)
    attacks = {
        kind: site.program("benchmarks.attackers.attacks", kind, ports, SECONDS) for kind in ATTACKS
    }
    did = {kind: json.loads(one.line()) for kind, one in attacks.items()}
    assert json.loads(slow.line())["slow_readers"] == 8
    watch.close()
    known_by_all = json.loads(crowd.finish())
    made = json.loads(controller.finish())
    time.sleep(0.5)  # the last planes are on their way
    found = json.loads(viewer.finish())

    assert all(sum(counts.values()) for counts in did.values()), did
    assert made["delivered"]
    assert len(found["rows"]) == made["registered"]
    assert found["planes"]
    assert not found["failed"]
    assert known_by_all["planes"]
    assert all(site.rss_mb().values())
    assert not site.died
    assert sum(watch.peak_mb.values()) - sum(before.values()) < MORE_MB
    assert len(site.log.read_text().splitlines()) < FEW_LINES


def test_the_agent_outlives_more_connections_than_it_may_have_files(site: Site):
    """Libzmq ends the process where a local connection comes and no file is left."""
    few = ["sh", "-c", 'ulimit -n 512; exec "$@"', "sh", sys.executable, "-m"]
    door = f"ipc://{site.folder}/few"
    remote = free_port()
    command = [*few, "planecast_agent", "--address", door, "--address", f"tcp://*:{remote}"]
    command += ["--state-dir", f"{site.folder}/s2", "--spool-dir", f"{site.folder}/p2"]
    with subprocess.Popen(
        [*command, "--keys", f"{site.folder}/keys"], stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout is not None
        try:
            assert agent.stdout.readline().startswith("ready")
            half_open = [connect((site.ports.host, remote)) for _ in range(600)]
            for one in half_open:
                one.close()
            here = [sys.executable, "-m", "planecast", "acquisitions", "list", "--json"]
            done = subprocess.run(
                [*here, "--agent", door], capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
            assert agent.poll() is None
        finally:
            agent.terminate()

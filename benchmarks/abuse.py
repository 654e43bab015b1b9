"""What strangers and slow guests can do to those who work: lag, memory, and what is lost.

A real agent and a real worker with keys; a controller that registers 50 planes a second; one
viewer of another machine and one of this one, whose lag is what counts. Then come, one after the
other: twenty more viewers, guests that read 1 kB a second, half-open connections, garbage, a scan,
frames above all limits, and at last all of them at once.
"""

import json
import statistics
import sys
import time

from benchmarks.attackers.attacks import ATTACKS
from benchmarks.attackers.site import MemoryWatch, Program, Site, open_site
from planecast.status.agent_ear import AgentEar
from planecast_protocol.reader_messages import AskWorkerStatus, WorkerStatus
from planecast_reader.client import ReaderClient

PER_SECOND = 50
CROWDS, EACH = 2, 10
"""Twenty more viewers, in two processes."""
SLOW_EACH = 5
"""Slow readers at the agent's door, at its bell, at the gateway, and at the worker's plain port."""
SETTLE_S = 1.0

Figures = dict[str, object]
Phases = dict[str, tuple[float, float]]
_VICTIMS = "benchmarks.attackers.victims"


def measure(*, quick: bool = False) -> Figures:
    """Return the figures by name. `quick` takes some 40 seconds."""
    seconds = 2.5 if quick else 10.0
    with open_site() as site:
        return _Run(site, seconds).figures()


class _Run:
    """One run from the first plane to the last."""

    def __init__(self, site: Site, seconds: float) -> None:
        self._site, self._seconds = site, seconds
        self._phases: Phases = {}
        self._peaks: dict[str, dict[str, int]] = {}
        self._watch = MemoryWatch(site)
        self._did: dict[str, object] = {}

    def figures(self) -> Figures:
        """Let all happen, and return what came of it."""
        site = self._site
        controller = site.program(
            *(_VICTIMS, "controller", site.agent, site.folder / "p", site.file, PER_SECOND)
        )
        acquisition = controller.line()
        remote = self._viewer(site.keyed_agent, site.keyed_worker, acquisition)
        local = self._viewer(site.agent, site.worker, acquisition)
        time.sleep(SETTLE_S)
        before_mb = site.rss_mb()
        self._watch.mark()
        self._phase("before", [])
        crowd = [self._crowd(acquisition) for _ in range(CROWDS)]
        for one in crowd:
            one.line()
        time.sleep(SETTLE_S)
        self._phase("viewers", [])
        known = [json.loads(one.finish()) for one in crowd]
        self._abuse(acquisition)
        time.sleep(SETTLE_S)
        self._phase("after", [])
        self._watch.close()
        after_mb = site.rss_mb()
        refused = _refused(site)
        made = json.loads(controller.finish())
        time.sleep(SETTLE_S)
        found = {"remote": json.loads(remote.finish()), "local": json.loads(local.finish())}
        return {
            **self._lags(found),
            "lost": {name: made["registered"] - len(one["rows"]) for name, one in found.items()},
            "died": site.died,
            "planes_failed": {name: one["failed"] for name, one in found.items()},
            "planes_of_20_viewers": sum(one["planes"] for one in known),
            "rss_mb": {
                name: {
                    "before": round(before_mb[name]),
                    "peak": round(self._watch.peak_mb[name]),
                    "after": round(after_mb[name]),
                }
                for name in before_mb
            },
            "rss_mb_by_phase": self._peaks,
            "refused": refused,
            "did": self._did,
            "log_lines": len(site.log.read_text().splitlines()),
        }

    def _abuse(self, acquisition: str) -> None:
        self._phase("slow_readers", [self._slow(acquisition, self._seconds)])
        for kind in ATTACKS:
            self._phase(kind, [self._attack(kind, self._seconds)])
        crowd = [self._crowd(acquisition) for _ in range(CROWDS)]
        for one in crowd:
            one.line()
        everything = [self._attack(kind, self._seconds) for kind in ATTACKS]
        self._phase("all_at_once", [self._slow(acquisition, self._seconds), *everything])
        for one in crowd:
            one.finish()

    def _phase(self, name: str, attackers: list[Program]) -> None:
        """Note when a phase begins and ends: with its attackers, or after its time."""
        _progress(name)
        began = time.time()
        said = [json.loads(one.line()) for one in attackers]
        if not attackers:
            time.sleep(self._seconds)
        self._phases[name] = (began, time.time())
        self._peaks[name] = {who: round(mb) for who, mb in self._watch.mark().items()}
        if said:
            self._did[name] = said[0] if len(said) == 1 else said

    def _viewer(self, agent: str, worker: str, acquisition: str) -> Program:
        viewer = self._site.program(_VICTIMS, "viewer", agent, worker, acquisition)
        viewer.line()
        return viewer

    def _crowd(self, acquisition: str) -> Program:
        site = self._site
        return site.program(
            _VICTIMS, "crowd", site.keyed_agent, site.keyed_worker, acquisition, EACH
        )

    def _attack(self, kind: str, seconds: float) -> Program:
        ports = self._site.ports.to_text()
        return self._site.program("benchmarks.attackers.attacks", kind, ports, seconds)

    def _slow(self, acquisition: str, seconds: float) -> Program:
        ports = self._site.ports.to_text()
        name = "benchmarks.attackers.slow"
        return self._site.program(name, ports, seconds, SLOW_EACH, acquisition)

    def _lags(self, found: dict[str, dict[str, list[list[float]]]]) -> Figures:
        figures: Figures = {}
        for who, one in found.items():
            for what, name in (("rows", "lag_ms"), ("planes", "plane_ms")):
                by_phase = {
                    phase: _spread([ms for at, ms in one[what] if began <= at < ended])
                    for phase, (began, ended) in self._phases.items()
                }
                figures[f"{name}_{who}"] = by_phase
        return figures


def _spread(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"n": len(values)}
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[len(ordered) * 95 // 100], 2),
        "max": round(ordered[-1], 1),
        "n": len(ordered),
    }


def _refused(site: Site) -> dict[str, int]:
    """Return what agent and worker count as refused."""
    reader = ReaderClient(site.worker)
    try:
        status = reader.request(AskWorkerStatus(request=0), 10.0)
    finally:
        reader.close()
    assert isinstance(status, WorkerStatus)
    with AgentEar(site.agent) as ear:
        heard = ear.listen(10.0)
    assert heard, "the agent is silent"
    return {"agent": ear.beats[-1].refused, "worker": status.refused}


def _progress(what: str) -> None:
    print(f"abuse: {what}", file=sys.stderr, flush=True)

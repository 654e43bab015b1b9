"""Chaos: everything that can die, hang, fill up or be cut does, and no event may be lost.

    python tests/chaos/chaos.py --seconds 60 --events 150000 --kills 60 --json
    python tests/chaos/chaos.py --break no_dedupe        # exit code 1: the promise is broken

Real processes: an agent, controllers that end, are killed and are resumed, a publisher without
our package and without a spool, viewers' subscriptions near, slow and behind a bad network, a
subscriber without our package, and one that sends old batches again in the wrong order.
"""

import argparse
import heapq
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos_agent import PROMISES
from chaos_rig import Rig
from chaos_verdict import heads, judge

AMISS = (
    *("lost", "duplicated", "reordered", "wrong"),
    *("errors", "agent_deaths", "controller_deaths"),
)
"""What must be 0."""
VICTIMS = (
    *("agent", "agent", "agent", "controller", "controller", "subscriber", "publisher"),
    "adoption",
)
SETTLE_S = 45.0
BROKEN_SETTLE_S = 4.0
JOURNAL_FULL = b"database or disk is full"
FULL_AT_MOST_S = 10.0
"""An agent that breaks its promise may never be done."""


class Chaos:
    """What happens to a rig, and when. Everything is random, and comes of one seed."""

    def __init__(self, rig: Rig, seconds: float, kills: int) -> None:
        self._rig = rig
        self._rng = rig.rng
        self._every_s = seconds / kills / 1.1
        self.counts: Counter[str] = Counter()
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        """What is to be undone, and when."""
        self._n_later = 0
        self._victims: list[str] = []
        """Who is killed next: each of `VICTIMS`, before any of them comes again."""
        self._full = {"state": False, "spool": False}
        self._cut = False
        self._calms = False
        now = time.monotonic()
        self._next = {
            "kill": now + 1.0,
            "hang": now + 2.0,
            "cut": now + 1.5,
            # Early: later on the journal's write-ahead log has room of its own for a while.
            "fill": now + 0.8,
        }
        self._pause_s = {
            "kill": self._every_s,
            "hang": 3 * self._every_s,
            "cut": 2 * self._every_s,
            "fill": max(4.0, 8 * self._every_s),
        }

    @property
    def kills(self) -> int:
        """SIGKILLs so far."""
        return sum(n for what, n in self.counts.items() if what.startswith("kill "))

    def step(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()
        for what, act in (
            ("kill", self._kill),
            ("hang", self._hang),
            ("cut", self._cut_network),
            ("fill", self._fill),
        ):
            if now >= self._next[what]:
                self._next[what] = now + self._pause_s[what] * self._rng.uniform(0.5, 1.5)
                act()
        self._rig.look_after_agent()
        if not self._full["spool"]:
            self._rig.start_controllers()

    def calm(self) -> None:
        """Undo all that is to be undone."""
        self._calms = True
        while self._later:
            heapq.heappop(self._later)[2]()

    def _after(self, seconds: float, undo: Callable[[], object]) -> None:
        self._n_later += 1
        heapq.heappush(self._later, (time.monotonic() + seconds, self._n_later, undo))

    def _kill(self) -> None:
        rig, rng = self._rig, self._rng
        if not self._victims:
            self._victims = rng.sample(VICTIMS, len(VICTIMS))
        victim = self._victims.pop()
        # What waits in a controller's memory because its disk is full dies with it: no promise.
        if victim in ("controller", "adoption") and (self._full["spool"] or rig.waiting()):
            self._victims.insert(0, victim)
            victim = "agent"
        match victim:
            case "agent":
                rig.kill_agent(rng.choice((0.0, 0.0, 0.05, 0.3)))
            case "controller":
                rig.kill_controller()
            case "subscriber":
                rig.kill_subscriber()
            case "publisher":
                rig.kill_raw_publisher()
            case _:
                self._kill_in_adoption()
        self.counts[f"kill {'agent' if victim == 'adoption' else victim}"] += 1

    def _kill_in_adoption(self) -> None:
        """Kill a controller while the agent is away, and the agent when it takes the spool."""
        rig = self._rig
        rig.kill(rig.agent)
        time.sleep(self._rng.uniform(0.1, 0.5))
        self.counts["kill controller"] += rig.kill_controller(resume=0.0)
        rig.start_agent()
        time.sleep(self._rng.uniform(0.1, 0.4))
        self.counts["kill agent"] += 1
        rig.kill_agent()

    def _hang(self) -> None:
        rig, rng = self._rig, self._rng
        what = rng.choice(("agent", "controller", "subscriber"))
        if what == "agent":
            process, seconds = rig.agent, rng.uniform(0.3, 2.0)
        elif what == "subscriber":
            process, seconds = rng.choice(list(rig.subscribers.values())), rng.uniform(0.5, 4.0)
        elif rig.controllers:
            process, seconds = rng.choice(rig.controllers).process, rng.uniform(0.2, 4.0)
        else:
            return
        process.send_signal(signal.SIGSTOP)
        self._after(seconds, lambda: process.send_signal(signal.SIGCONT))
        self.counts[f"hang {what}"] += 1

    def _cut_network(self) -> None:
        if self._cut:
            return
        mode = self._rng.choice(("stall", "drop", "reset", "truncate"))
        self._rig.network(mode)
        self._cut = True
        self._after(self._rng.uniform(0.2, 2.5), self._mend_network)
        self.counts[f"cut {mode}"] += 1

    def _mend_network(self) -> None:
        self._rig.network("pass")
        self._cut = False

    def _fill(self) -> None:
        n_fills = self.counts["fill state"] + self.counts["fill spool"]
        name = ("state", "spool")[n_fills % 2]
        disk = self._rig.state_disk if name == "state" else self._rig.spool_disk
        if disk.why_not or any(self._full.values()):
            return
        disk.fill()
        filled = time.monotonic()
        met = self._rig.n_logged(JOURNAL_FULL)
        self._rig.is_full = True
        self._full[name] = True
        self.counts[f"fill {name}"] += 1

        def free() -> None:
            # The journal has room in its write-ahead log for a while, the longer the slower it is.
            unmet = name == "state" and self._rig.n_logged(JOURNAL_FULL) == met
            if unmet and not self._calms and time.monotonic() - filled < FULL_AT_MOST_S:
                self._after(0.3, free)
                return
            disk.free()
            self._full[name] = False
            self._rig.is_full = False
            self._rig.freed_at = time.monotonic()

        self._after(self._rng.uniform(1.5, 3.5), free)


def run(
    seconds: float, events: int, kills: int, broken: str = "none", seed: int = 1
) -> dict[str, Any]:
    """Run until time, events and kills are reached; return verdict and counts."""
    # The path of a socket must be short, and what is accepted must not be on a full disk.
    folder = Path(tempfile.mkdtemp(prefix="pcchaos", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        rig = Rig(folder, stack, random.Random(seed), broken, per_second=1.4 * events / seconds)
        chaos = Chaos(rig, seconds, kills)
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < 4 * seconds and (
            elapsed < seconds or rig.n_accepted() < events or chaos.kills < kills
        ):
            chaos.step()
            time.sleep(0.02)
        chaos.calm()
        settle_s = SETTLE_S if broken == "none" else BROKEN_SETTLE_S
        calmed = time.monotonic()
        rig.finish(settle_s)
        times = {"elapsed_s": elapsed, "taken_over_after_s": time.monotonic() - calmed}
        return {name: round(t, 1) for name, t in times.items()} | _verdict(rig, chaos, settle_s)


def _verdict(rig: Rig, chaos: Chaos, settle_s: float) -> dict[str, Any]:
    """Wait for the subscribers, end the agent, and count."""
    told = time.monotonic()
    _tell_how_far(rig, settle_s)
    for process in rig.subscribers.values():
        process.wait(settle_s + 60)
    rig.agent.terminate()
    rig.agent.wait(30)
    views = [rig.folder / f"view-{name}.json" for name in rig.subscribers]
    verdict = judge(rig.oracle_dir, rig.state_disk.folder / "journal", views)
    kinds = {"kills": "kill ", "hangs": "hang ", "cuts": "cut ", "fills": "fill "}
    sums = {
        name: sum(n for what, n in chaos.counts.items() if what.startswith(kind))
        for name, kind in kinds.items()
    }
    raw = rig.folder / "view-raw.json"
    return {
        "viewers_checked_after_s": round(time.monotonic() - told, 1),
        **asdict(verdict),
        **sums,
        "resumed": rig.n_resumed,
        "each": dict(sorted(chaos.counts.items())),
        "journal_full": rig.n_logged(JOURNAL_FULL),
        "errors": rig.n_logged(b"Traceback"),
        "agent_deaths": rig.agent_deaths,
        "controller_deaths": rig.controller_deaths,
        "alarms": json.loads(raw.read_text())["alarms"] if raw.exists() else [],
        "not_filled": rig.state_disk.why_not or rig.spool_disk.why_not,
    }


def _tell_how_far(rig: Rig, within_s: float) -> None:
    """Tell the subscribers what the journal holds. The agent goes on serving them."""
    rig.kill(rig.agent)
    events, planes = heads(rig.state_disk.folder / "journal")
    rig.start_agent()
    told = {"heads": events, "planes": planes, "within_s": within_s}
    hidden = rig.folder / "final.new"
    hidden.write_text(json.dumps(told))
    hidden.rename(rig.folder / "final.json")


def is_kept(result: dict[str, Any]) -> bool:
    """Whether all promises were kept."""
    return not any(result[name] for name in AMISS)


def main() -> int:
    """Return 0 if all promises were kept, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--break", dest="broken", default="none", choices=["none", *PROMISES])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    given = parser.parse_args()
    # What was started and mounted goes away in any case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    result = run(given.seconds, given.events, given.kills, given.broken, given.seed)
    if given.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:14} {value}")
    return 0 if is_kept(result) else 1


if __name__ == "__main__":
    sys.exit(main())

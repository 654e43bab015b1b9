"""How long until the window is there: with the network as it is, with none, with a deaf DNS."""

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.viewing.site import CHECKOUT, Site

NETWORKS = ("as_is", "no_network", "silent_dns")
WINDOW = "start_to_window_s"
LIMIT_S = 60.0

SILENT = """
ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec "$@"
"""
"""In a network namespace and a mount namespace of its own; $0 is the other resolv.conf."""


def starts(site: Site, rounds: int) -> dict[str, object]:
    """Start the viewer in each network; the figure is the worst of the medians.

    What can't be tried here, for want of rights or tools, is named in the figures.
    """
    resolver = site.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    took: dict[str, list[float]] = {}
    untried: dict[str, str] = {}
    questions = 0
    for _ in range(rounds):
        for network in NETWORKS:
            wrapper = _wrapper(network, str(resolver))
            found = _start(site, network, wrapper)
            if isinstance(found, str):
                untried[network] = found
                continue
            if network == "silent_dns" and not found["is_silent"]:
                untried[network] = "somebody answered"
                continue
            questions += int(found.get("questions") or 0)
            took.setdefault(network, []).append(found["s"])
    medians = {network: round(statistics.median(times), 2) for network, times in took.items()}
    figures: dict[str, object] = {
        WINDOW: max(medians.values(), default=None),
        f"{WINDOW}_by_network": medians,
        "start_dns_questions": questions,
    }
    return figures | ({f"{WINDOW}_untried": untried} if untried else {})


def _wrapper(network: str, resolver: str) -> list[str]:
    if network == "as_is":
        return []
    if network == "no_network":
        return ["unshare", "--map-root-user", "--net", "--"]
    shell = ["sh", "-c", SILENT, resolver]
    return ["unshare", "--map-root-user", "--net", "--mount", "--", *shell]


def _start(site: Site, network: str, wrapper: Sequence[str]) -> dict[str, float] | str:
    """Return the figures of one start, or why there are none."""
    if wrapper and shutil.which(wrapper[0]) is None:
        return f"there is no {wrapper[0]} here"
    words = ["--agent", site.agent, "--canvas", "raster"]
    command = [*wrapper, sys.executable, "-m", "benchmarks.viewing.first_pixel", network, *words]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=site.environment,
        cwd=CHECKOUT,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return said[-1] if said else f"ended with {done.returncode}"
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return "no window came" if found["s"] is None else found

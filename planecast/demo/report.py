"""What the demo tells at its end."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class DemoReport:
    """One JSON object. Times in milliseconds; `None` where nothing was measured."""

    registered: int = 0
    """Planes that the controller registered."""
    shown: int = 0
    """Distinct planes that were on the canvas, by the marks read back from its pixels."""
    lost: int = 0
    """Registered planes that are not in the agent's journal, or can't be read."""
    wrong: int = 0
    """Planes whose mark, on the canvas or in the file, was another plane's."""
    register_to_shown_ms: dict[str, float | None] = field(
        default_factory=lambda: {"p50": None, "p95": None}
    )
    gui_longest_stall_ms: float | None = None
    screenshots: list[str] = field(default_factory=list)
    frames: int = 0
    never_written: int = 0
    """Planes that a killed controller had announced, but not saved yet."""
    restarts: dict[str, int] = field(default_factory=dict)
    """Processes that died and were started again."""
    canvas: str = ""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seen: set[tuple[int, ...]] = set()

    @property
    def good(self) -> bool:
        """Nothing was lost, nothing wrong was shown."""
        return not (self.lost or self.wrong or self.problems)

    def add_viewer(self, path: Path, screenshots: Path) -> None:
        """Add what one run of the viewer reported; one that was killed early has no report.

        Its screenshots lie in the folder `screenshots`.
        """
        try:
            viewer: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            return
        self._seen |= {tuple(plane) for plane in viewer.get("shown_planes", [])}
        self.shown = len(self._seen)
        self.wrong += viewer.get("wrong", 0)
        self.frames += viewer.get("frames", 0)
        for name in viewer.get("screenshots", []):
            if str(screenshots / name) not in self.screenshots:
                self.screenshots.append(str(screenshots / name))
        self.canvas = viewer.get("canvas", self.canvas)
        times = viewer.get("register_to_shown_ms") or {}
        for name in ("p50", "p95"):
            self.register_to_shown_ms[name] = _worse(
                self.register_to_shown_ms[name], times.get(name)
            )
        self.gui_longest_stall_ms = _worse(
            self.gui_longest_stall_ms, viewer.get("gui_longest_stall_ms")
        )

    def as_json(self) -> str:
        """Return the report for programs."""
        return json.dumps(asdict(self), indent=2)

    def as_text(self) -> str:
        """Return the report for people."""
        lines = [
            f"registered {self.registered} planes, shown {self.shown}",
            f"lost {self.lost}, wrong {self.wrong}",
        ]
        p50, p95 = self.register_to_shown_ms["p50"], self.register_to_shown_ms["p95"]
        if p50 is not None and p95 is not None:
            lines.append(f"register to shown: {p50:.0f} ms (median), {p95:.0f} ms (95 %)")
        if self.gui_longest_stall_ms is not None:
            lines.append(f"longest stall of the window: {self.gui_longest_stall_ms:.0f} ms")
        lines += [f"{name} was started again {n} times" for name, n in self.restarts.items() if n]
        lines += [f"screenshot: {name}" for name in self.screenshots]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join(lines)


def _worse(a: float | None, b: float | None) -> float | None:
    known = [value for value in (a, b) if value is not None]
    return max(known) if known else None

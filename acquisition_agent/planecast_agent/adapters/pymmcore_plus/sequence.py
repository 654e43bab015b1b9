"""A useq `MDASequence` in our words: fovs, channels, z, t; and which plane an event is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

NO_CHANNEL = "image"
"""Name of the channel of a sequence that chooses none."""


class Frame(NamedTuple):
    """One frame, as the engine delivered it."""

    number: int
    """Counts all frames of the sequence, from 0."""
    axes: Mapping[str, int]
    """useq's axes (t, p, g, c, z) to index; axes that are not used are left out."""
    position: str | None
    """Name of the stage position, if it has one."""
    channel: str | None
    camera: int
    """Of several that take one event together, from 0."""


@dataclass(frozen=True)
class Plan:
    """What a sequence is going to acquire."""

    channels: Sequence[str]
    """Unique names; each camera has its own, the cameras of one channel side by side."""
    configs: Sequence[str | None]
    """The channels as the sequence names them; one for `n_cameras` of `channels`."""
    fov_labels: Sequence[str]
    first_fovs: Sequence[int]
    """Of each stage position: the number of its first fov."""
    num_z: int
    num_t: int | None
    z_step_um: float | None = None
    time_interval_s: float | None = None
    n_cameras: int = 1
    is_counted: bool = False
    """The events are not known before: each frame is a time point of its own."""
    is_full: bool = True
    """Every fov has every channel at every z and t."""

    @property
    def n_expected(self) -> int | None:
        """Planes of the whole sequence; `None`: not known."""
        if self.num_t is None or not self.is_full:
            return None
        return self.num_t * len(self.fov_labels) * self.num_z * len(self.channels)

    def fov_of(self, frame: Frame) -> int:
        """Return the number of the frame's fov."""
        if self.is_counted:
            return 0
        return self.first_fovs[frame.axes.get("p", 0)] + frame.axes.get("g", 0)

    def channel_of(self, frame: Frame) -> int:
        """Return the number of the frame's channel."""
        number = frame.axes.get("c", 0)
        fits = number < len(self.configs) and self.configs[number] == frame.channel
        if not fits and frame.channel in self.configs:
            # A position with a sequence of its own counts the channels of that.
            number = self.configs.index(frame.channel)
        return number * self.n_cameras + frame.camera

    def time_of(self, frame: Frame) -> int:
        """Return the frame's time point."""
        return frame.number if self.is_counted else frame.axes.get("t", 0)


def plan_of(sequence: Any, cameras: Sequence[str]) -> Plan:
    """Return what a `useq.MDASequence` is going to acquire with these cameras.

    Events that come from an iterator are in a sequence without axes; their frames are counted.
    """
    if type(sequence).__name__ == "GeneratorMDASequence":
        return Plan(
            list(cameras) if len(cameras) > 1 else [NO_CHANNEL],
            *([None], ["0:0"], [0], 1, None),
            n_cameras=len(cameras),
            is_counted=True,
        )
    positions = list(sequence.stage_positions)
    parts = [sequence, *(p.sequence for p in positions if p.sequence is not None)]
    configs = [c.config for c in sequence.channels]
    configs += [c.config for part in parts[1:] for c in part.channels if c.config not in configs]
    n_grid = _length(sequence, "g")
    labels, first_fovs = _fovs(positions, n_grid)
    return Plan(
        channels=_channel_names(configs, cameras),
        configs=configs or [None],
        fov_labels=labels,
        first_fovs=first_fovs,
        num_z=max(max(1, _length(part, "z") or 1) for part in parts),
        num_t=_num_t(sequence),
        z_step_um=_positive(getattr(sequence.z_plan, "step", None)),
        time_interval_s=_interval(sequence.time_plan),
        n_cameras=len(cameras),
        is_full=len(parts) == 1
        and all(c.do_stack and c.acquire_every == 1 for c in sequence.channels),
    )


def _channel_names(configs: Sequence[str], cameras: Sequence[str]) -> list[str]:
    names = list(configs) or [NO_CHANNEL]
    if len(cameras) > 1:
        names = [f"{name} {camera}" if configs else camera for name in names for camera in cameras]
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _fovs(positions: Sequence[Any], n_grid: int) -> tuple[list[str], list[int]]:
    """Return `region:number` of each fov, and the first fov of each position.

    A well's positions and a position's grid are fovs of one region.
    """
    labels: list[str] = []
    first_fovs: list[int] = []
    in_region: Counter[str] = Counter()
    for number, position in enumerate(positions or [None]):
        first_fovs.append(len(labels))
        region = _region(position, number)
        own = None if position is None else position.sequence
        for _ in range(max(1, _length(own, "g") if own is not None else 0, n_grid)):
            labels.append(f"{region}:{in_region[region]}")
            in_region[region] += 1
    return labels, first_fovs


def _region(position: Any, number: int) -> str:
    row, column = getattr(position, "plate_row", None), getattr(position, "plate_col", None)
    if row is not None and column is not None:
        # Numbers from 0, or what people call them.
        return f"{_row_letters(row) if isinstance(row, int) else row}" + (
            f"{column + 1}" if isinstance(column, int) else f"{column}"
        )
    return getattr(position, "name", None) or str(number)


def _row_letters(row: int) -> str:
    letters = ""
    row += 1
    while row > 0:
        row, letter = divmod(row - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _length(sequence: Any, axis: str) -> int:
    if axis == "z":
        plan = sequence.z_plan
        return 0 if plan is None else len(list(plan))
    # Without its time plan, which may have no end and then has no size.
    timeless = sequence.model_copy(update={"time_plan": None})
    return int(timeless.sizes.get(axis, 0))


def _num_t(sequence: Any) -> int | None:
    try:
        return max(1, int(sequence.sizes.get("t", 0)))
    except ZeroDivisionError:  # what useq says of a time plan without an end
        return None


def _interval(plan: Any) -> float | None:
    interval = getattr(plan, "interval", None)
    return None if interval is None else _positive(interval.total_seconds())


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None

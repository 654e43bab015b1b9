"""What people must know of a stack that they look at, in words."""

from collections.abc import Iterable, Sequence

from planecast_viewer.stack.feed import StackState
from planecast_viewer.stack.planes import PlanePlace, Stack
from planecast_viewer.stack.voxel import Voxel

MAX_REASONS = 2
MAX_RANGES = 4


def progress_text(state: StackState) -> str:
    """Return how far it is while planes come in; empty: none does."""
    if not state.n_coming:
        return ""
    return f"reading the stack: {state.n_here} of {state.n_planes} planes"


def missing_text(state: StackState, names: Sequence[str], *, short: bool = True) -> str:
    """Return which planes are left out and why; empty: none is. `names` are of all channels."""
    by_reason: dict[str, list[PlanePlace]] = {}
    for place, why in sorted(state.missing.items()):
        by_reason.setdefault(why, []).append(place)
    lines = [f"{why}: {_places(places, names)}" for why, places in by_reason.items()]
    if short and len(lines) > MAX_REASONS:
        more = len(lines) - MAX_REASONS
        lines = [*lines[:MAX_REASONS], f"{more} more reason{'s' if more > 1 else ''}"]
    return "; ".join(lines) if short else "\n".join(lines)


def size_text(stack: Stack, voxel: Voxel) -> str:
    """Return how many voxels of which size there are, and by how much they are reduced."""
    known = [plane for channel in stack.planes if (plane := stack.first(channel)) is not None]
    if not known:
        return ""
    largest = max(known, key=lambda plane: plane.pixels.size)
    height, width = largest.pixels.shape[:2]
    text = f"{width} × {height} × {stack.num_z} voxels"
    if voxel.is_um:
        side = f"{voxel.xy * largest.block:.4g}"
        text += f" of {side} × {side} × {voxel.z:.4g} µm"
    blocks = sorted({plane.block for plane in known})
    if blocks == [1]:
        return text
    sides = " or ".join(f"{block} × {block}" for block in blocks)
    return f"{text}, each the mean of {sides} pixels"


def _places(places: list[PlanePlace], names: Sequence[str]) -> str:
    """Return `z 3–9`, or with channels where they differ."""
    by_channel: dict[int, list[int]] = {}
    for place in places:
        by_channel.setdefault(place.channel, []).append(place.z)
    ranges = {channel: _ranges(zs) for channel, zs in by_channel.items()}
    if len(set(ranges.values())) == 1 and len(ranges) > 1:
        return f"z {next(iter(ranges.values()))}, {len(ranges)} channels"
    return ", ".join(f"{names[channel]} z {text}" for channel, text in ranges.items())


def _ranges(numbers: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [f"{first}" if first == last else f"{first}–{last}" for first, last in runs]
    return ", ".join([*texts[:MAX_RANGES], "…"] if len(texts) > MAX_RANGES else texts)

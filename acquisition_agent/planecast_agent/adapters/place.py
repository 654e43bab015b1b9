"""Where a plane is, as adapters say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plane is; the words are those of `Acquisition.register_image`."""

    path: str
    scene: int = 0
    index: Mapping[str, int] = field(default_factory=dict)
    page: int | None = None


def chosen(index: Mapping[str, int]) -> dict[str, int]:
    """Leave out zeros: axes left out are 0, also where the file does not have them."""
    return {axis: value for axis, value in index.items() if value}

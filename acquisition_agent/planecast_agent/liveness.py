"""Which controllers live: by their last sign of life, on the monotonic clock."""

from typing import Literal

from planecast_protocol.limits import SILENT_AFTER_S

ControllerState = Literal["live", "silent", "gone"]


class Liveness:
    """Remembers when each publisher was last heard. Belongs to the agent's thread."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}

    def heard(self, publisher: str, now: float) -> bool:
        """Note a sign of life; return whether it is the first of this publisher."""
        is_new = publisher not in self._heard_at
        self._heard_at[publisher] = now
        return is_new

    def left(self, publisher: str) -> None:
        """Note that the publisher said goodbye, or that its process is dead."""
        self._heard_at.pop(publisher, None)

    def state(self, publisher: str, held: set[str], now: float) -> ControllerState:
        """Return how the publisher is. `held`: publishers whose spool is locked."""
        heard_at = self._heard_at.get(publisher)
        if heard_at is None:
            return "silent" if publisher in held else "gone"
        return "live" if now - heard_at <= SILENT_AFTER_S else "silent"

"""How late pictures are, and what was left out because something newer had come."""

from collections import deque

import numpy as np
import numpy.typing as npt

from planecast_viewer.frame import Frame

N_RECENT = 200


class Lateness:
    """Counts of one acquisition, while its newest planes are followed. GUI thread only."""

    def __init__(self) -> None:
        self.n_pictures = 0
        """Drawn since the viewer started, file or acquisition."""
        self.forget()

    def forget(self) -> None:
        """Begin anew, with another acquisition."""
        self.n_followed = 0
        """Planes that were registered since the first picture, while the newest were followed."""
        self.n_shown = 0
        """Planes among them that were on the canvas."""
        self._first: float | None = None
        """Registration of the first picture's newest plane: what came before is history."""
        self._newest = float("-inf")
        self._recent_ms: deque[float] = deque(maxlen=N_RECENT)

    def registered(self, registered_at: npt.NDArray[np.float64]) -> None:
        """Note planes that are to be shown, by the time of their registration."""
        if self._first is not None:
            self.n_followed += int((registered_at > self._first).sum())

    def shown(self, frame: Frame, delay_ms: float, *, following: bool) -> None:
        """Note a picture, `delay_ms` after its newest plane was registered."""
        self.n_pictures += 1
        times = [p.registered_at for p in frame.planes if p is not None and p.registered_at]
        new = [at for at in times if at > self._newest]
        if not new:
            return
        if self._first is None:
            self._first = max(new)
        elif following:
            self.n_shown += len(new)
            self._recent_ms.append(delay_ms)
        self._newest = max(new)

    @property
    def n_left_out(self) -> int:
        """Return the number of planes that newer ones have overtaken, or that are on their way."""
        return max(0, self.n_followed - self.n_shown)

    def delay_ms(self, share: float) -> float | None:
        """Return the delay that this share of the last 200 pictures did not exceed."""
        ordered = sorted(self._recent_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None

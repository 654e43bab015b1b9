"""Channels that somebody has hidden, by name: they are so in the next acquisition, too."""

from planecast_viewer.facts import Facts


class HiddenChannels:
    """Belongs to a session, and so to the GUI thread."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def note(self, facts: Facts, visible: tuple[bool, ...]) -> None:
        """Take which channels are visible now."""
        for channel, shown in zip(facts.channels, visible, strict=True):
            (self.names.discard if shown else self.names.add)(channel.name)

    def visible(self, facts: Facts) -> tuple[bool, ...]:
        """Return which channels are to be visible at first: at least one."""
        visible = tuple(channel.name not in self.names for channel in facts.channels)
        return visible if any(visible) else (True,) * len(visible)

"""What people want of the other threads, and what came of it."""

from PySide6.QtCore import QObject, Signal


class Wishes(QObject):
    """Signals between panels and those who can read and connect. GUI thread only.

    A panel emits a wish and listens for its answer; it knows nobody who fulfils it.
    """

    file_wanted = Signal(str)
    """Absolute path of a file or folder to show."""
    acquisition_wanted = Signal(str)
    """Id of an acquisition to show."""
    agent_wanted = Signal()
    """Listen to the agent, which a viewer of files does not do by itself."""
    other_agent_wanted = Signal()
    """Look for an agent of another machine."""
    thumbnails_wanted = Signal(list)
    """`WantedPlane`s, the most urgent first; those of before no more."""
    thumbnails_ready = Signal(list)
    """Pairs of a `PlaneKey` and its `Thumbnail`, or why there is none."""
    planetable_wanted = Signal(str)
    """Wire path of a file."""
    planetable_ready = Signal(str, object)
    """(wire path, columns by name, or a `PlanecastError`)."""
